"""Stolen credentials are stopped, and every step back is exact."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cordon import clock
from cordon.actions.action import NotVerified, Refused, ResourceDeleted, Undone
from cordon.actions.iam import DisableAccessKey, RevokeRoleSessions, RevokeUserSessions
from cordon.actions.revocation_policy import (
    POLICY_NAME,
    other_statements,
    revoke_before,
    revoked_before,
    revoking,
    same,
    without_revocation,
)
from cordon.clients import AwsClients
from cordon.clock import to_iso
from cordon.finding import Place
from tests.actions.scenario import PLACE, account, answering
from tests.actions.scenario_iam import BY_HAND, DENY_ALL, TRUST, delete_role, fill, with_deny_all

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=30)
ROLE = RevokeRoleSessions(PLACE, "scorer")
USER = RevokeUserSessions(PLACE, "ada")

# As the IAM console leaves it, from the User Guide: lists, and a date with milliseconds.
CONSOLE = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],'
    '"Condition":{"DateLessThan":{"aws:TokenIssueTime":"%s"}}}]}'
)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """The clock stands at NOW until it is told otherwise."""
    shown = [NOW]
    monkeypatch.setattr(clock, "now", lambda: shown[0])
    return lambda moment: shown.__setitem__(0, moment)


@pytest.fixture
def aws(now: Callable[[datetime], None]) -> Iterator[AwsClients]:
    with account() as aws:
        iam = aws.client("iam")
        trust = json.dumps(TRUST)
        iam.create_role(RoleName="scorer", AssumeRolePolicyDocument=trust, MaxSessionDuration=7200)
        iam.create_user(UserName="ada")
        yield aws


def role_policy(aws: AwsClients) -> Any:
    try:
        return aws.client("iam").get_role_policy(RoleName="scorer", PolicyName=POLICY_NAME)[
            "PolicyDocument"
        ]
    except aws.client("iam").exceptions.NoSuchEntityException:
        return None


def put_role_policy(aws: AwsClients, text: str) -> None:
    aws.client("iam").put_role_policy(
        RoleName="scorer", PolicyName=POLICY_NAME, PolicyDocument=text
    )


def refusing(aws: AwsClients, operation: str, code: str) -> None:
    """From here on the service answers one operation with an error."""
    answering(aws, "iam", operation, lambda _: code)


def watched(aws: AwsClients) -> list[str]:
    """The changes that are asked of IAM from here on."""
    made: list[str] = []
    for operation in ("PutRolePolicy", "AttachRolePolicy", "UpdateAccessKey"):
        answering(aws, "iam", operation, partial(_note, made, operation))
    return made


def _note(made: list[str], operation: str, _: dict[str, Any]) -> None:
    made.append(operation)


class TestRoleSessions:
    def test_writes_the_consoles_own_policy(self, aws: AwsClients) -> None:
        written = ROLE.apply(aws, ROLE.capture(aws), None)
        assert role_policy(aws) == json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        assert written["before"] == "2026-11-24T06:00:30Z"
        assert written["form"] == "older_sessions"

    def test_captures_what_was_there(self, aws: AwsClients) -> None:
        put_role_policy(aws, BY_HAND)
        assert ROLE.capture(aws) == {
            "arn": "arn:aws:iam::123456789012:role/scorer",
            "policy": BY_HAND,
            "deny_all": False,
            "max_session": 7200,
        }

    @pytest.mark.parametrize("found", [None, BY_HAND, CONSOLE % "2026-01-01T00:00:00.085Z"])
    def test_undo_puts_back_what_was_captured_byte_for_byte(
        self, aws: AwsClients, found: str | None
    ) -> None:
        if found:
            put_role_policy(aws, found)
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert revoked_before(json.dumps(role_policy(aws))) == SOON
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED
        assert ROLE.capture(aws) == captured
        assert captured["policy"] == found
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED

    def test_keeps_a_persons_statements_while_it_holds(self, aws: AwsClients) -> None:
        put_role_policy(aws, BY_HAND)
        ROLE.apply(aws, ROLE.capture(aws), None)
        held = role_policy(aws)
        assert [s.get("Sid") for s in held["Statement"]] == ["Theirs", None]
        assert held["Id"] == "kept"

    def test_moves_forward_and_never_back(
        self, aws: AwsClients, now: Callable[[datetime], None]
    ) -> None:
        captured = ROLE.capture(aws)
        first = ROLE.apply(aws, captured, None)
        now(NOW + timedelta(hours=1))
        second = ROLE.apply(aws, captured, first)
        assert second["before"] == "2026-11-24T07:00:30Z"
        now(NOW)
        third = ROLE.apply(aws, captured, second)
        assert third["before"] == "2026-11-24T07:00:30Z"
        assert ROLE.undo(aws, captured, third).state is Undone.RESTORED
        assert role_policy(aws) is None

    def test_resumes_after_dying_between_put_and_record(
        self, aws: AwsClients, now: Callable[[datetime], None]
    ) -> None:
        captured = ROLE.capture(aws)
        ROLE.apply(aws, captured, None)  # what it returned was never recorded
        now(NOW + timedelta(minutes=5))
        written = ROLE.apply(aws, captured, None)
        ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED
        assert role_policy(aws) is None

    def test_leaves_a_policy_that_a_person_changed(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        put_role_policy(aws, BY_HAND)
        undo = ROLE.undo(aws, captured, written)
        assert (undo.state, bool(undo.reason)) == (Undone.DRIFTED, True)
        assert role_policy(aws) == json.loads(BY_HAND)

    def test_leaves_a_later_revocation_by_a_person(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        theirs = CONSOLE % "2026-11-24T09:00:00.001Z"
        put_role_policy(aws, theirs)
        ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.DRIFTED
        assert role_policy(aws) == json.loads(theirs)

    def test_takes_only_its_own_statement_out_of_what_a_person_changed_between_two_cases(
        self, aws: AwsClients
    ) -> None:
        captured = ROLE.capture(aws)
        first = ROLE.apply(aws, captured, None)
        put_role_policy(aws, BY_HAND)
        second = ROLE.apply(aws, captured, first)
        assert revoked_before(json.dumps(role_policy(aws))) == SOON
        assert ROLE.undo(aws, captured, second).state is Undone.DRIFTED
        assert role_policy(aws) == json.loads(BY_HAND)

    def test_verify_reads_back(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        ROLE.verify(aws, captured, written)
        put_role_policy(aws, CONSOLE % "2026-11-24T06:00:29Z")
        with pytest.raises(NotVerified, match="06:00:29"):
            ROLE.verify(aws, captured, written)
        aws.client("iam").delete_role_policy(RoleName="scorer", PolicyName=POLICY_NAME)
        with pytest.raises(NotVerified):
            ROLE.verify(aws, captured, written)

    def test_is_kept_until_the_last_stolen_session_has_ended(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert ROLE.until_safe_to_undo(captured, written) == SOON + timedelta(seconds=7200)

    def test_may_be_undone_at_once_where_it_let_nobody_out(self, aws: AwsClients) -> None:
        put_role_policy(aws, CONSOLE % "2030-01-01T00:00:00Z")
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert written["before"] == "2030-01-01T00:00:00Z"
        assert ROLE.until_safe_to_undo(captured, written) is None

    def test_gone(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        iam = aws.client("iam")
        iam.delete_role_policy(RoleName="scorer", PolicyName=POLICY_NAME)
        iam.delete_role(RoleName="scorer")
        with pytest.raises(ResourceDeleted):
            ROLE.capture(aws)
        with pytest.raises(ResourceDeleted):
            ROLE.apply(aws, captured, written)
        with pytest.raises(ResourceDeleted):
            ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.RESOURCE_DELETED

    def test_an_unexpected_error_rises(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        refusing(aws, "PutRolePolicy", "ServiceFailure")
        with pytest.raises(aws.client("iam").exceptions.ServiceFailureException):
            ROLE.apply(aws, captured, None)

    def test_capture_fails_closed_when_the_policy_cannot_be_read(self, aws: AwsClients) -> None:
        refusing(aws, "GetRolePolicy", "AccessDenied")
        with pytest.raises(aws.client("iam").exceptions.ClientError, match="AccessDenied"):
            ROLE.capture(aws)


class TestWithoutRoom:
    """The inline policies of the principal are full: AWSDenyAll."""

    @pytest.fixture(autouse=True)
    def full(self, aws: AwsClients) -> None:
        with_deny_all()
        fill(aws)

    def attached(self, aws: AwsClients) -> list[str]:
        answer = aws.client("iam").list_attached_role_policies(RoleName="scorer")
        return [p["PolicyArn"] for p in answer["AttachedPolicies"]]

    def test_denies_all_and_gives_it_back(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert written == {"form": "deny_all", "before": to_iso(SOON)}
        assert self.attached(aws) == [DENY_ALL]
        ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED
        assert self.attached(aws) == []

    def test_stays_with_it_for_a_second_case_even_if_there_is_room_now(
        self, aws: AwsClients
    ) -> None:
        """Else the undo of the second form would leave the first one on the role for ever."""
        captured = ROLE.capture(aws)
        first = ROLE.apply(aws, captured, None)
        aws.client("iam").delete_role_policy(RoleName="scorer", PolicyName="work")
        second = ROLE.apply(aws, captured, first)
        assert second["form"] == "deny_all"
        assert ROLE.undo(aws, captured, second).state is Undone.RESTORED
        assert self.attached(aws) == []
        assert role_policy(aws) is None

    def test_leaves_it_attached_where_it_was_before(self, aws: AwsClients) -> None:
        aws.client("iam").attach_role_policy(RoleName="scorer", PolicyArn=DENY_ALL)
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED
        assert self.attached(aws) == [DENY_ALL]

    def test_verify_reads_back(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        aws.client("iam").detach_role_policy(RoleName="scorer", PolicyArn=DENY_ALL)
        with pytest.raises(NotVerified):
            ROLE.verify(aws, captured, written)

    def test_is_kept_as_long(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert ROLE.until_safe_to_undo(captured, written) == SOON + timedelta(hours=2)

    def test_refuses_when_no_policy_can_be_attached_either(self, aws: AwsClients) -> None:
        refusing(aws, "AttachRolePolicy", "LimitExceeded")
        with pytest.raises(Refused, match="service control policy"):
            ROLE.apply(aws, ROLE.capture(aws), None)

    def test_denies_all_to_a_user_and_gives_it_back(self, aws: AwsClients) -> None:
        captured = USER.capture(aws)
        written = USER.apply(aws, captured, None)
        USER.verify(aws, captured, written)
        attached = aws.client("iam").list_attached_user_policies(UserName="ada")
        assert [p["PolicyArn"] for p in attached["AttachedPolicies"]] == [DENY_ALL]
        assert USER.undo(aws, captured, written).state is Undone.RESTORED
        assert USER.capture(aws) == captured

    def test_gone(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        delete_role(aws)
        with pytest.raises(ResourceDeleted):
            ROLE.apply(aws, captured, written)
        with pytest.raises(ResourceDeleted):
            ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.RESOURCE_DELETED

    def test_a_policy_that_is_not_there_is_no_role_that_is_gone(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        refusing(aws, "AttachRolePolicy", "NoSuchEntity")
        with pytest.raises(ClientError, match="NoSuchEntity"):
            ROLE.apply(aws, captured, None)

    def test_the_policy_of_the_partition(self) -> None:
        china = RevokeRoleSessions(Place("aws-cn", "123456789012", "cn-north-1"), "scorer")
        assert china.deny_all == "arn:aws-cn:iam::aws:policy/AWSDenyAll"


class TestProtectedRoles:
    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("AWSServiceRoleForConfig", "/"),
            ("AWSReservedSSO_Admin_0123456789abcdef", "/"),
            ("OrganizationAccountAccessRole", "/"),
            ("AWSControlTowerExecution", "/"),
            ("AWSCloudFormationStackSetExecutionRole", "/"),
            ("stacksets-exec-0123456789abcdef", "/"),
            ("anything", "/aws-service-role/config.amazonaws.com/"),
            ("anything", "/aws-reserved/sso.amazonaws.com/eu-west-1/"),
            ("anything", "/cordon/"),
        ],
    )
    def test_are_refused_before_anything_is_written(
        self, aws: AwsClients, name: str, path: str
    ) -> None:
        aws.client("iam").create_role(
            RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST)
        )
        made = watched(aws)
        with pytest.raises(Refused, match=name):
            RevokeRoleSessions(PLACE, name).capture(aws)
        assert made == []

    @pytest.mark.parametrize("name", ["AWSReservedSSO", "MyAWSServiceRoleForX", "cordon"])
    def test_only_they(self, aws: AwsClients, name: str) -> None:
        aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        assert RevokeRoleSessions(PLACE, name).capture(aws)["policy"] is None

    def test_a_role_that_only_aws_changes(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        refusing(aws, "PutRolePolicy", "UnmodifiableEntity")
        with pytest.raises(Refused):
            ROLE.apply(aws, captured, None)


class TestUserSessions:
    def test_there_and_back(self, aws: AwsClients) -> None:
        captured = USER.capture(aws)
        written = USER.apply(aws, captured, None)
        USER.verify(aws, captured, written)
        held = aws.client("iam").get_user_policy(UserName="ada", PolicyName=POLICY_NAME)
        assert held["PolicyDocument"] == json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        assert USER.until_safe_to_undo(captured, written) == SOON + timedelta(hours=36)
        assert USER.undo(aws, captured, written).state is Undone.RESTORED
        assert USER.capture(aws) == captured

    def test_refuses_a_user_of_ours(self, aws: AwsClients) -> None:
        aws.client("iam").create_user(UserName="bot", Path="/cordon/")
        with pytest.raises(Refused):
            RevokeUserSessions(PLACE, "bot").capture(aws)

    def test_gone(self, aws: AwsClients) -> None:
        with pytest.raises(ResourceDeleted):
            RevokeUserSessions(PLACE, "nobody").capture(aws)


class TestAccessKey:
    @pytest.fixture
    def key(self, aws: AwsClients) -> DisableAccessKey:
        made = aws.client("iam").create_access_key(UserName="ada")["AccessKey"]["AccessKeyId"]
        return DisableAccessKey(PLACE, "ada", made)

    def status(self, aws: AwsClients) -> str:
        keys = aws.client("iam").list_access_keys(UserName="ada")["AccessKeyMetadata"]
        return str(keys[0]["Status"])

    def set(self, aws: AwsClients, key: DisableAccessKey, status: str) -> None:
        aws.client("iam").update_access_key(UserName="ada", AccessKeyId=key.key_id, Status=status)

    def test_there_and_back(self, aws: AwsClients, key: DisableAccessKey) -> None:
        captured = key.capture(aws)
        assert captured == {"status": "Active"}
        written = key.apply(aws, captured, None)
        assert self.status(aws) == "Inactive"
        key.verify(aws, captured, written)
        assert key.until_safe_to_undo(captured, written) is None
        assert key.undo(aws, captured, written).state is Undone.RESTORED
        assert self.status(aws) == "Active"
        assert key.undo(aws, captured, written).state is Undone.RESTORED

    def test_one_that_was_inactive_stays_inactive(
        self, aws: AwsClients, key: DisableAccessKey
    ) -> None:
        self.set(aws, key, "Inactive")
        captured = key.capture(aws)
        made = watched(aws)
        written = key.apply(aws, captured, None)
        assert key.undo(aws, captured, written).state is Undone.RESTORED
        assert "UpdateAccessKey" not in made
        assert self.status(aws) == "Inactive"

    def test_leaves_one_that_a_person_set_otherwise(
        self, aws: AwsClients, key: DisableAccessKey
    ) -> None:
        self.set(aws, key, "Inactive")
        captured = key.capture(aws)
        written = key.apply(aws, captured, None)
        self.set(aws, key, "Active")
        assert key.undo(aws, captured, written).state is Undone.DRIFTED
        assert self.status(aws) == "Active"

    def test_verify_reads_back(self, aws: AwsClients, key: DisableAccessKey) -> None:
        captured = key.capture(aws)
        written = key.apply(aws, captured, None)
        self.set(aws, key, "Active")
        with pytest.raises(NotVerified):
            key.verify(aws, captured, written)

    def test_gone(self, aws: AwsClients, key: DisableAccessKey) -> None:
        captured = key.capture(aws)
        written = key.apply(aws, captured, None)
        aws.client("iam").delete_access_key(UserName="ada", AccessKeyId=key.key_id)
        with pytest.raises(ResourceDeleted, match=key.key_id):
            key.capture(aws)
        with pytest.raises(ResourceDeleted):
            key.apply(aws, captured, written)
        assert key.undo(aws, captured, written).state is Undone.RESOURCE_DELETED
        with pytest.raises(ResourceDeleted):
            DisableAccessKey(PLACE, "nobody", key.key_id).capture(aws)

    def test_a_key_of_another_user_is_gone(self, aws: AwsClients, key: DisableAccessKey) -> None:
        aws.client("iam").create_user(UserName="bob")
        with pytest.raises(ResourceDeleted):
            DisableAccessKey(PLACE, "bob", key.key_id).capture(aws)


@pytest.mark.parametrize(
    "name",
    ["", "a/b", "a b", "a*", "a:b", "scorer\n", "ärger", "x" * 65, "../x", "${aws:username}"],
)
def test_nothing_unvalidated_reaches_an_arn(name: str) -> None:
    for make in (
        lambda: RevokeRoleSessions(PLACE, name),
        lambda: RevokeUserSessions(PLACE, name),
        lambda: DisableAccessKey(PLACE, name, "AKIAIOSFODNN7EXAMPLE"),
    ):
        with pytest.raises(ValueError, match="not an IAM name"):
            make()


@pytest.mark.parametrize("key", ["", "ASIAIOSFODNN7EXAMPLE", "AKIA", "AKIAIOSFODNN7EXAMPLE\n", "x"])
def test_only_long_term_keys(key: str) -> None:
    with pytest.raises(ValueError, match="key_id"):
        DisableAccessKey(PLACE, "ada", key)


MOMENTS = st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))


class TestRevocation:
    """The document alone."""

    def test_is_as_long_as_the_consoles(self) -> None:
        assert revoking(None, SOON) == CONSOLE % "2026-11-24T06:00:30Z"

    def test_reads_both_spellings(self) -> None:
        one = (
            '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*",'
            '"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2014-05-07T23:47:00Z"}}}}'
        )
        assert revoked_before(one) == datetime(2014, 5, 7, 23, 47, tzinfo=UTC)
        assert other_statements(one) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"Effect": "Allow"},
            {"Action": ["s3:*"]},
            {"Resource": "arn:aws:s3:::b"},
            {"NotAction": "sts:*"},
            {"Sid": "Theirs"},
            {"Condition": {"DateLessThan": {"aws:TokenIssueTime": "soon"}}},
            {"Condition": {"DateLessThan": {"aws:TokenIssueTime": ["2026-11-24T06:00:30Z"]}}},
            {
                "Condition": {
                    "DateLessThan": {"aws:TokenIssueTime": "2026-11-24T06:00:30Z"},
                    "StringEquals": {"aws:userId": "AROA:eve"},
                }
            },
        ],
    )
    def test_is_not_taken_for_less(self, change: dict[str, Any]) -> None:
        document = json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        document["Statement"][0].update(change)
        assert revoked_before(json.dumps(document)) is None
        assert other_statements(json.dumps(document)) == document["Statement"]

    def test_the_latest_of_several_counts(self) -> None:
        both = json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        both["Statement"].insert(0, json.loads(CONSOLE % "2027-01-01T00:00:00Z")["Statement"][0])
        assert revoke_before(json.dumps(both), NOW) == datetime(2027, 1, 1, tzinfo=UTC)

    def test_never_earlier_by_a_fraction_of_a_second(self) -> None:
        there = CONSOLE % "2026-11-24T06:00:30.085Z"
        assert revoke_before(there, NOW) == SOON + timedelta(seconds=1)

    def test_takes_out_only_itself(self) -> None:
        assert without_revocation(revoking(None, SOON)) is None
        assert without_revocation(None) is None
        assert other_statements(without_revocation(revoking(BY_HAND, SOON))) == other_statements(
            BY_HAND
        )

    @given(MOMENTS, MOMENTS)
    def test_never_moves_back(self, first: datetime, second: datetime) -> None:
        once = revoking(BY_HAND, revoke_before(None, first))
        moment = revoke_before(once, second)
        twice = revoking(once, moment)
        assert revoked_before(twice) == moment == max(first, second) + timedelta(seconds=30)
        assert other_statements(twice) == other_statements(BY_HAND)
        assert len(json.loads(twice)["Statement"]) == 2

    def test_same_ignores_white_space_only(self) -> None:
        assert same(BY_HAND, json.dumps(json.loads(BY_HAND)))
        assert not same(BY_HAND, None)
        assert not same(None, "{}")
