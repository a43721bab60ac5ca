"""Revoking sessions and disabling keys, with exact undo."""

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
from tests.actions.scenario import PLACE, account, stub
from tests.actions.scenario_iam import (
    DENY_ALL,
    MANUAL_POLICY,
    TRUST,
    delete_role,
    fill,
    with_deny_all,
)

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=30)
ROLE = RevokeRoleSessions(PLACE, "scorer")
USER = RevokeUserSessions(PLACE, "ada")

# The IAM console's policy, from the User Guide: lists, and a date with milliseconds.
CONSOLE = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],'
    '"Condition":{"DateLessThan":{"aws:TokenIssueTime":"%s"}}}]}'
)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """The clock is fixed at NOW until a test sets another time."""
    current = [NOW]
    monkeypatch.setattr(clock, "now", lambda: current[0])
    return lambda time: current.__setitem__(0, time)


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


def fail_with(aws: AwsClients, operation: str, code: str) -> None:
    """From here on, the operation fails with this error."""
    stub(aws, "iam", operation, lambda _: code)


def recorded_changes(aws: AwsClients) -> list[str]:
    """The changing operations called from here on."""
    calls: list[str] = []
    for operation in ("PutRolePolicy", "AttachRolePolicy", "UpdateAccessKey"):
        stub(aws, "iam", operation, partial(_record, calls, operation))
    return calls


def _record(calls: list[str], operation: str, _: dict[str, Any]) -> None:
    calls.append(operation)


class TestRoleSessions:
    def test_apply_writes_the_policy_of_the_console(self, aws: AwsClients) -> None:
        written = ROLE.apply(aws, ROLE.capture(aws), None)
        assert role_policy(aws) == json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        assert written["before"] == "2026-11-24T06:00:30Z"
        assert written["form"] == "older_sessions"

    def test_capture_returns_the_exact_policy(self, aws: AwsClients) -> None:
        put_role_policy(aws, MANUAL_POLICY)
        assert ROLE.capture(aws) == {
            "arn": "arn:aws:iam::123456789012:role/scorer",
            "policy": MANUAL_POLICY,
            "deny_all": False,
            "max_session": 7200,
        }

    @pytest.mark.parametrize("policy", [None, MANUAL_POLICY, CONSOLE % "2026-01-01T00:00:00.085Z"])
    def test_undo_restores_the_exact_policy(self, aws: AwsClients, policy: str | None) -> None:
        if policy:
            put_role_policy(aws, policy)
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert revoked_before(json.dumps(role_policy(aws))) == SOON
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED
        assert ROLE.capture(aws) == captured
        assert captured["policy"] == policy
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED

    def test_apply_keeps_a_persons_statements(self, aws: AwsClients) -> None:
        put_role_policy(aws, MANUAL_POLICY)
        ROLE.apply(aws, ROLE.capture(aws), None)
        contained = role_policy(aws)
        assert [s.get("Sid") for s in contained["Statement"]] == ["Manual", None]
        assert contained["Id"] == "kept"

    def test_revocation_time_never_moves_back(
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

    def test_apply_resumes_after_a_lost_result(
        self, aws: AwsClients, now: Callable[[datetime], None]
    ) -> None:
        captured = ROLE.capture(aws)
        ROLE.apply(aws, captured, None)  # its result is lost
        now(NOW + timedelta(minutes=5))
        written = ROLE.apply(aws, captured, None)
        ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED
        assert role_policy(aws) is None

    def test_undo_keeps_a_changed_policy(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        put_role_policy(aws, MANUAL_POLICY)
        undo = ROLE.undo(aws, captured, written)
        assert (undo.state, bool(undo.reason)) == (Undone.DRIFTED, True)
        assert role_policy(aws) == json.loads(MANUAL_POLICY)

    def test_undo_keeps_a_persons_later_revocation(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        manual = CONSOLE % "2026-11-24T09:00:00.001Z"
        put_role_policy(aws, manual)
        ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.DRIFTED
        assert role_policy(aws) == json.loads(manual)

    def test_undo_removes_only_its_own_statement(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        first = ROLE.apply(aws, captured, None)
        put_role_policy(aws, MANUAL_POLICY)
        second = ROLE.apply(aws, captured, first)
        assert revoked_before(json.dumps(role_policy(aws))) == SOON
        assert ROLE.undo(aws, captured, second).state is Undone.DRIFTED
        assert role_policy(aws) == json.loads(MANUAL_POLICY)

    def test_verify_fails_after_a_manual_change(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        ROLE.verify(aws, captured, written)
        put_role_policy(aws, CONSOLE % "2026-11-24T06:00:29Z")
        with pytest.raises(NotVerified, match="06:00:29"):
            ROLE.verify(aws, captured, written)
        aws.client("iam").delete_role_policy(RoleName="scorer", PolicyName=POLICY_NAME)
        with pytest.raises(NotVerified):
            ROLE.verify(aws, captured, written)

    def test_undo_waits_for_the_last_revoked_session(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert ROLE.until_safe_to_undo(captured, written) == SOON + timedelta(seconds=7200)

    def test_undo_needs_no_wait_after_an_earlier_revocation(self, aws: AwsClients) -> None:
        put_role_policy(aws, CONSOLE % "2030-01-01T00:00:00Z")
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert written["before"] == "2030-01-01T00:00:00Z"
        assert ROLE.until_safe_to_undo(captured, written) is None

    def test_deleted_resource_is_reported(self, aws: AwsClients) -> None:
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

    def test_unexpected_error_is_raised(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        fail_with(aws, "PutRolePolicy", "ServiceFailure")
        with pytest.raises(aws.client("iam").exceptions.ServiceFailureException):
            ROLE.apply(aws, captured, None)

    def test_capture_fails_when_the_policy_is_unreadable(self, aws: AwsClients) -> None:
        fail_with(aws, "GetRolePolicy", "AccessDenied")
        with pytest.raises(aws.client("iam").exceptions.ClientError, match="AccessDenied"):
            ROLE.capture(aws)


class TestInlineQuotaReached:
    """The inline policies reach the quota, so AWSDenyAll is attached."""

    @pytest.fixture(autouse=True)
    def full(self, aws: AwsClients) -> None:
        with_deny_all()
        fill(aws)

    def attached(self, aws: AwsClients) -> list[str]:
        response = aws.client("iam").list_attached_role_policies(RoleName="scorer")
        return [p["PolicyArn"] for p in response["AttachedPolicies"]]

    def test_deny_all_is_attached_and_detached(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert written == {"form": "deny_all", "before": to_iso(SOON)}
        assert self.attached(aws) == [DENY_ALL]
        ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED
        assert self.attached(aws) == []

    def test_second_case_keeps_deny_all(self, aws: AwsClients) -> None:
        """Otherwise the undo of the second form would never detach AWSDenyAll."""
        captured = ROLE.capture(aws)
        first = ROLE.apply(aws, captured, None)
        aws.client("iam").delete_role_policy(RoleName="scorer", PolicyName="work")
        second = ROLE.apply(aws, captured, first)
        assert second["form"] == "deny_all"
        assert ROLE.undo(aws, captured, second).state is Undone.RESTORED
        assert self.attached(aws) == []
        assert role_policy(aws) is None

    def test_undo_keeps_deny_all_that_was_attached_before(self, aws: AwsClients) -> None:
        aws.client("iam").attach_role_policy(RoleName="scorer", PolicyArn=DENY_ALL)
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED
        assert self.attached(aws) == [DENY_ALL]

    def test_verify_fails_after_a_manual_change(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        aws.client("iam").detach_role_policy(RoleName="scorer", PolicyArn=DENY_ALL)
        with pytest.raises(NotVerified):
            ROLE.verify(aws, captured, written)

    def test_undo_of_deny_all_waits_too(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert ROLE.until_safe_to_undo(captured, written) == SOON + timedelta(hours=2)

    def test_apply_refuses_when_both_quotas_are_reached(self, aws: AwsClients) -> None:
        fail_with(aws, "AttachRolePolicy", "LimitExceeded")
        with pytest.raises(Refused, match="service control policy"):
            ROLE.apply(aws, ROLE.capture(aws), None)

    def test_deny_all_works_for_a_user(self, aws: AwsClients) -> None:
        captured = USER.capture(aws)
        written = USER.apply(aws, captured, None)
        USER.verify(aws, captured, written)
        attached = aws.client("iam").list_attached_user_policies(UserName="ada")
        assert [p["PolicyArn"] for p in attached["AttachedPolicies"]] == [DENY_ALL]
        assert USER.undo(aws, captured, written).state is Undone.RESTORED
        assert USER.capture(aws) == captured

    def test_deleted_resource_is_reported(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        delete_role(aws)
        with pytest.raises(ResourceDeleted):
            ROLE.apply(aws, captured, written)
        with pytest.raises(ResourceDeleted):
            ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.RESOURCE_DELETED

    def test_missing_managed_policy_is_not_a_deleted_role(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        fail_with(aws, "AttachRolePolicy", "NoSuchEntity")
        with pytest.raises(ClientError, match="NoSuchEntity"):
            ROLE.apply(aws, captured, None)

    def test_deny_all_arn_has_the_partition(self) -> None:
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
        ],
    )
    def test_protected_role_is_refused_at_capture(
        self, aws: AwsClients, name: str, path: str
    ) -> None:
        aws.client("iam").create_role(
            RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST)
        )
        calls = recorded_changes(aws)
        with pytest.raises(Refused, match=name):
            RevokeRoleSessions(PLACE, name).capture(aws)
        assert calls == []

    @pytest.mark.parametrize("name", ["AWSReservedSSO", "MyAWSServiceRoleForX", "cordon"])
    def test_similar_names_are_not_protected(self, aws: AwsClients, name: str) -> None:
        aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        assert RevokeRoleSessions(PLACE, name).capture(aws)["policy"] is None

    def test_role_that_only_aws_can_change_is_refused(self, aws: AwsClients) -> None:
        captured = ROLE.capture(aws)
        fail_with(aws, "PutRolePolicy", "UnmodifiableEntity")
        with pytest.raises(Refused):
            ROLE.apply(aws, captured, None)


class TestUserSessions:
    def test_apply_then_undo_restores(self, aws: AwsClients) -> None:
        captured = USER.capture(aws)
        written = USER.apply(aws, captured, None)
        USER.verify(aws, captured, written)
        contained = aws.client("iam").get_user_policy(UserName="ada", PolicyName=POLICY_NAME)
        assert contained["PolicyDocument"] == json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        assert USER.until_safe_to_undo(captured, written) == SOON + timedelta(hours=36)
        assert USER.undo(aws, captured, written).state is Undone.RESTORED
        assert USER.capture(aws) == captured

    @pytest.mark.parametrize("path", ["/", "/cordon/"])
    def test_no_path_makes_immune(self, aws: AwsClients, path: str) -> None:
        """Whoever may make roles could make one that no revocation reaches."""
        iam = aws.client("iam")
        iam.create_user(UserName="bot", Path=path)
        iam.create_role(RoleName="bot", Path=path, AssumeRolePolicyDocument=json.dumps(TRUST))
        for action in (RevokeUserSessions(PLACE, "bot"), RevokeRoleSessions(PLACE, "bot")):
            assert action.capture(aws)["policy"] is None

    def test_deleted_resource_is_reported(self, aws: AwsClients) -> None:
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

    def test_apply_then_undo_restores(self, aws: AwsClients, key: DisableAccessKey) -> None:
        captured = key.capture(aws)
        assert captured == {"status": "Active"}
        written = key.apply(aws, captured, None)
        assert self.status(aws) == "Inactive"
        key.verify(aws, captured, written)
        assert key.until_safe_to_undo(captured, written) is None
        assert key.undo(aws, captured, written).state is Undone.RESTORED
        assert self.status(aws) == "Active"
        assert key.undo(aws, captured, written).state is Undone.RESTORED

    def test_inactive_key_stays_inactive(self, aws: AwsClients, key: DisableAccessKey) -> None:
        self.set(aws, key, "Inactive")
        captured = key.capture(aws)
        calls = recorded_changes(aws)
        written = key.apply(aws, captured, None)
        assert key.undo(aws, captured, written).state is Undone.RESTORED
        assert "UpdateAccessKey" not in calls
        assert self.status(aws) == "Inactive"

    def test_undo_keeps_a_persons_status(self, aws: AwsClients, key: DisableAccessKey) -> None:
        self.set(aws, key, "Inactive")
        captured = key.capture(aws)
        written = key.apply(aws, captured, None)
        self.set(aws, key, "Active")
        assert key.undo(aws, captured, written).state is Undone.DRIFTED
        assert self.status(aws) == "Active"

    def test_verify_fails_after_a_manual_change(
        self, aws: AwsClients, key: DisableAccessKey
    ) -> None:
        captured = key.capture(aws)
        written = key.apply(aws, captured, None)
        self.set(aws, key, "Active")
        with pytest.raises(NotVerified):
            key.verify(aws, captured, written)

    def test_deleted_resource_is_reported(self, aws: AwsClients, key: DisableAccessKey) -> None:
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

    def test_key_of_another_user_counts_as_deleted(
        self, aws: AwsClients, key: DisableAccessKey
    ) -> None:
        aws.client("iam").create_user(UserName="bob")
        with pytest.raises(ResourceDeleted):
            DisableAccessKey(PLACE, "bob", key.key_id).capture(aws)


@pytest.mark.parametrize(
    "name",
    ["", "a/b", "a b", "a*", "a:b", "scorer\n", "ärger", "x" * 65, "../x", "${aws:username}"],
)
def test_invalid_names_are_rejected(name: str) -> None:
    for make in (
        lambda: RevokeRoleSessions(PLACE, name),
        lambda: RevokeUserSessions(PLACE, name),
        lambda: DisableAccessKey(PLACE, name, "AKIAIOSFODNN7EXAMPLE"),
    ):
        with pytest.raises(ValueError, match="not an IAM name"):
            make()


@pytest.mark.parametrize("key", ["", "ASIAIOSFODNN7EXAMPLE", "AKIA", "AKIAIOSFODNN7EXAMPLE\n", "x"])
def test_only_long_term_keys_are_accepted(key: str) -> None:
    with pytest.raises(ValueError, match="key_id"):
        DisableAccessKey(PLACE, "ada", key)


TIMES = st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))


class TestRevocation:
    """The policy document, without AWS."""

    def test_text_equals_that_of_the_console(self) -> None:
        assert revoking(None, SOON) == CONSOLE % "2026-11-24T06:00:30Z"

    def test_both_spellings_are_recognised(self) -> None:
        policy = (
            '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*",'
            '"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2014-05-07T23:47:00Z"}}}}'
        )
        assert revoked_before(policy) == datetime(2014, 5, 7, 23, 47, tzinfo=UTC)
        assert other_statements(policy) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"Effect": "Allow"},
            {"Action": ["s3:*"]},
            {"Resource": "arn:aws:s3:::b"},
            {"NotAction": "sts:*"},
            {"Sid": "Manual"},
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
    def test_similar_statement_is_not_a_revocation(self, change: dict[str, Any]) -> None:
        document = json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        document["Statement"][0].update(change)
        assert revoked_before(json.dumps(document)) is None
        assert other_statements(json.dumps(document)) == document["Statement"]

    def test_latest_revocation_counts(self) -> None:
        both = json.loads(CONSOLE % "2026-11-24T06:00:30Z")
        both["Statement"].insert(0, json.loads(CONSOLE % "2027-01-01T00:00:00Z")["Statement"][0])
        assert revoke_before(json.dumps(both), NOW) == datetime(2027, 1, 1, tzinfo=UTC)

    def test_time_is_rounded_up(self) -> None:
        existing = CONSOLE % "2026-11-24T06:00:30.085Z"
        assert revoke_before(existing, NOW) == SOON + timedelta(seconds=1)

    def test_without_revocation_keeps_other_statements(self) -> None:
        assert without_revocation(revoking(None, SOON)) is None
        assert without_revocation(None) is None
        assert other_statements(
            without_revocation(revoking(MANUAL_POLICY, SOON))
        ) == other_statements(MANUAL_POLICY)

    @given(TIMES, TIMES)
    def test_time_never_moves_back(self, first: datetime, second: datetime) -> None:
        once = revoking(MANUAL_POLICY, revoke_before(None, first))
        before = revoke_before(once, second)
        twice = revoking(once, before)
        assert revoked_before(twice) == before == max(first, second) + timedelta(seconds=30)
        assert other_statements(twice) == other_statements(MANUAL_POLICY)
        assert len(json.loads(twice)["Statement"]) == 2

    def test_same_ignores_only_white_space(self) -> None:
        assert same(MANUAL_POLICY, json.dumps(json.loads(MANUAL_POLICY)))
        assert not same(MANUAL_POLICY, None)
        assert not same(None, "{}")
