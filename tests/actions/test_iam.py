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
from cordon.actions.access_keys import DisableAccessKeys
from cordon.actions.action import NotVerified, Refused, ResourceDeleted, Undone
from cordon.actions.iam import RevokeRoleSessions, RevokeUserSessions
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
ROLE = RevokeRoleSessions(PLACE, "scorer", deny_all_if=RevokeRoleSessions.causes)
USER = RevokeUserSessions(PLACE, "ada", deny_all_if=RevokeUserSessions.causes)
KEYS = DisableAccessKeys(PLACE, "ada")

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
        assert written["deny_all"] is False

    def test_capture_returns_the_exact_policy(self, aws: AwsClients) -> None:
        put_role_policy(aws, MANUAL_POLICY)
        assert ROLE.capture(aws) == {
            "arn": "arn:aws:iam::123456789012:role/scorer",
            "policy": MANUAL_POLICY,
            "deny_all": False,
            "ways_in": {},
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
        stale = ROLE.apply(aws, captured, third, captured)  # a reading from before the first
        assert stale["before"] == "2026-11-24T07:00:30Z"
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

    def test_undo_waits_for_the_longest_session_there_can_be(self, aws: AwsClients) -> None:
        """Not MaxSessionDuration, which is 2 h here: a service's credentials are not bound by it,
        and it can be lowered after a session began (B1).
        """
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert ROLE.until_safe_to_undo(captured, written) == SOON + timedelta(hours=12)
        aws.client("iam").update_role(RoleName="scorer", MaxSessionDuration=3600)
        written = ROLE.apply(aws, captured, written, ROLE.capture(aws))
        assert ROLE.until_safe_to_undo(captured, written) == SOON + timedelta(hours=12)

    @pytest.mark.parametrize(
        ("since", "again"),
        [
            (NOW, False),  # an older session, while IAM distributed the denial
            (SOON - timedelta(seconds=1), False),
            (SOON, True),  # a session that began then is not denied
            (SOON + timedelta(hours=3), True),
        ],
    )
    def test_later_activity_is_revoked_anew(
        self, aws: AwsClients, now: Callable[[datetime], None], since: datetime, again: bool
    ) -> None:
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert ROLE.again(since, written) is again
        now(since + timedelta(minutes=1))
        anew = ROLE.apply(aws, captured, written, captured)  # an old reading: nothing was revoked
        assert not ROLE.again(since, anew)
        ROLE.verify(aws, captured, anew)
        waits = ROLE.until_safe_to_undo(captured, anew)
        assert waits == since + timedelta(minutes=1, seconds=30, hours=12)
        assert ROLE.undo(aws, captured, anew).state is Undone.RESTORED
        assert role_policy(aws) is None

    def test_undo_waits_though_a_person_denied_everything_before(self, aws: AwsClients) -> None:
        """They may detach AWSDenyAll any time: a session that lives would be let in."""
        with_deny_all()
        aws.client("iam").attach_role_policy(RoleName="scorer", PolicyArn=DENY_ALL)
        captured = ROLE.capture(aws)
        written = ROLE.apply(aws, captured, None)
        assert ROLE.until_safe_to_undo(captured, written) == SOON + timedelta(hours=12)

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
        assert written == {
            "before": to_iso(SOON),
            "policy": None,
            "base": None,
            "deny_all": True,
            "still_open": [],
        }
        assert not ROLE.again(SOON + timedelta(hours=1), written)  # it has no date
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
        assert second["deny_all"]
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
        assert ROLE.until_safe_to_undo(captured, written) == SOON + timedelta(hours=12)

    @pytest.mark.parametrize(
        "action",
        [
            RevokeRoleSessions(PLACE, "scorer"),
            RevokeUserSessions(PLACE, "ada"),
            RevokeUserSessions(PLACE, "ada", deny_all_if=("console_password", "other_credentials")),
        ],
        ids=["role", "user", "user for other causes"],
    )
    def test_plan_that_does_not_say_so_is_refused(
        self, aws: AwsClients, action: RevokeRoleSessions | RevokeUserSessions
    ) -> None:
        """What was approved is what runs: no full stop that nobody has read (A11)."""
        captured = action.capture(aws)
        with pytest.raises(Refused, match="the plan does not allow AWSDenyAll"):
            action.apply(aws, captured, None)
        assert action.capture(aws) == captured

    def test_dead_attempt_that_attached_is_undone(self, aws: AwsClients) -> None:
        """Its note is lost, and there is room now: AWSDenyAll is ours all the same."""
        captured = ROLE.capture(aws)
        ROLE.apply(aws, captured, None)  # its result is lost
        aws.client("iam").delete_role_policy(RoleName="scorer", PolicyName="work")
        written = ROLE.apply(aws, captured, None)
        ROLE.verify(aws, captured, written)
        assert ROLE.undo(aws, captured, written).state is Undone.RESTORED
        assert self.attached(aws) == []
        assert role_policy(aws) is None

    def test_revocation_that_stays_beside_deny_all_is_undone(
        self, aws: AwsClients, now: Callable[[datetime], None]
    ) -> None:
        """There was room for the first, none for the second: both are ours."""
        aws.client("iam").delete_role_policy(RoleName="scorer", PolicyName="work")
        captured = ROLE.capture(aws)
        first = ROLE.apply(aws, captured, None)
        now(NOW + timedelta(hours=1))
        fail_with(aws, "PutRolePolicy", "LimitExceeded")
        second = ROLE.apply(aws, captured, first)
        assert (second["policy"], second["deny_all"]) == (first["policy"], True)
        ROLE.verify(aws, captured, second)
        assert ROLE.until_safe_to_undo(captured, second) == SOON + timedelta(hours=13)
        assert ROLE.undo(aws, captured, second).state is Undone.RESTORED
        assert self.attached(aws) == []
        assert role_policy(aws) is None

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

    @pytest.mark.parametrize(
        "operation", ["GetUser", "ListServiceSpecificCredentials", "ListSSHPublicKeys", None]
    )
    def test_deleted_resource_is_reported(self, aws: AwsClients, operation: str | None) -> None:
        if operation is None:
            aws.client("iam").delete_user(UserName="ada")
        else:  # it goes between two readings
            fail_with(aws, operation, "NoSuchEntity")
        with pytest.raises(ResourceDeleted):
            USER.capture(aws)

    @pytest.mark.parametrize(
        "operation",
        ["GetLoginProfile", "ListServiceSpecificCredentials", "ListSigningCertificates"],
    )
    def test_capture_fails_when_a_way_in_is_unreadable(
        self, aws: AwsClients, operation: str
    ) -> None:
        fail_with(aws, operation, "AccessDenied")
        with pytest.raises(ClientError, match="AccessDenied"):
            USER.capture(aws)


class TestWaysIn:
    """What a user can use beside access keys: the plan says that it means a full stop (B2)."""

    @pytest.fixture(autouse=True)
    def known(self, aws: AwsClients) -> None:
        with_deny_all()

    def password(self, aws: AwsClients) -> None:
        aws.client("iam").create_login_profile(UserName="ada", Password="correct horse 1!")

    def credential(self, aws: AwsClients, service: str = "bedrock.amazonaws.com") -> str:
        made = aws.client("iam").create_service_specific_credential(
            UserName="ada", ServiceName=service
        )
        return str(made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"])

    def attached(self, aws: AwsClients) -> list[str]:
        listed = aws.client("iam").list_attached_user_policies(UserName="ada")["AttachedPolicies"]
        return [policy["PolicyArn"] for policy in listed]

    def contained(self, aws: AwsClients) -> list[str]:
        captured = USER.capture(aws)
        written = USER.apply(aws, captured, None, captured)
        USER.verify(aws, captured, written)
        assert revoked_before(str(written["policy"])) == SOON
        return self.attached(aws)

    def test_user_with_keys_alone_is_not_stopped(self, aws: AwsClients) -> None:
        assert USER.capture(aws)["ways_in"] == {}
        assert self.contained(aws) == []

    def test_console_password_is_a_full_stop(self, aws: AwsClients) -> None:
        self.password(aws)
        assert USER.capture(aws)["ways_in"] == {"console_password": ["console password"]}
        assert self.contained(aws) == [DENY_ALL]

    @pytest.mark.parametrize("service", ["bedrock.amazonaws.com", "codecommit.amazonaws.com"])
    def test_service_credential_is_a_full_stop(self, aws: AwsClients, service: str) -> None:
        number = self.credential(aws, service)
        named = [f"{service} credential {number}"]
        assert USER.capture(aws)["ways_in"] == {"other_credentials": named}
        assert self.contained(aws) == [DENY_ALL]

    def test_inactive_credential_is_none(self, aws: AwsClients) -> None:
        number = self.credential(aws)
        aws.client("iam").update_service_specific_credential(
            UserName="ada", ServiceSpecificCredentialId=number, Status="Inactive"
        )
        assert USER.capture(aws)["ways_in"] == {}

    @pytest.mark.parametrize(
        ("operation", "listed", "kind", "words"),
        [
            ("ListSSHPublicKeys", "SSHPublicKeys", "SSHPublicKeyId", "SSH key X1"),
            ("ListSigningCertificates", "Certificates", "CertificateId", "signing certificate X1"),
        ],
    )
    def test_key_or_certificate_is_a_full_stop(
        self, aws: AwsClients, operation: str, listed: str, kind: str, words: str
    ) -> None:
        found = [{kind: "X1", "Status": "Active"}, {kind: "X2", "Status": "Inactive"}]
        response = {listed: found, "IsTruncated": False}
        stub(aws, "iam", operation, lambda _: response)
        assert USER.capture(aws)["ways_in"] == {"other_credentials": [words]}
        assert self.contained(aws) == [DENY_ALL]

    @pytest.mark.parametrize("full", [True, False], ids=["no room", "not in the plan"])
    def test_what_stays_open_is_named(self, aws: AwsClients, full: bool) -> None:
        """Sessions are denied, but whoever has the password starts the next: not contained."""
        self.password(aws)
        number = self.credential(aws)
        action = USER if full else RevokeUserSessions(PLACE, "ada")
        if full:
            fail_with(aws, "AttachUserPolicy", "LimitExceeded")
        captured = action.capture(aws)
        written = action.apply(aws, captured, None)
        ways = f"console password, bedrock.amazonaws.com credential {number}"
        with pytest.raises(NotVerified, match=ways):
            action.verify(aws, captured, written)
        assert revoked_before(str(action.capture(aws)["policy"])) == SOON
        assert action.undo(aws, captured, written).state is Undone.RESTORED
        assert action.capture(aws) == captured

    def test_neither_policy_fits(self, aws: AwsClients) -> None:
        self.password(aws)
        fill(aws)
        fail_with(aws, "AttachUserPolicy", "LimitExceeded")
        captured = USER.capture(aws)
        with pytest.raises(Refused, match="service control policy"):
            USER.apply(aws, captured, None)
        assert USER.capture(aws) == captured

    def test_password_made_meanwhile_is_a_full_stop_too(
        self, aws: AwsClients, now: Callable[[datetime], None]
    ) -> None:
        captured = USER.capture(aws)
        first = USER.apply(aws, captured, None)
        self.password(aws)
        now(NOW + timedelta(hours=1))
        assert USER.again(NOW + timedelta(hours=1), first)
        second = USER.apply(aws, captured, first)
        USER.verify(aws, captured, second)
        assert self.attached(aws) == [DENY_ALL]
        assert USER.undo(aws, captured, second).state is Undone.RESTORED
        assert self.attached(aws) == []
        assert USER.capture(aws)["policy"] is None

    def test_person_who_detached_is_named_beside_the_policy(self, aws: AwsClients) -> None:
        self.password(aws)
        aws.client("iam").attach_user_policy(UserName="ada", PolicyArn=DENY_ALL)
        captured = USER.capture(aws)
        written = USER.apply(aws, captured, None)
        aws.client("iam").detach_user_policy(UserName="ada", PolicyArn=DENY_ALL)
        undone = USER.undo(aws, captured, written)
        assert undone.state is Undone.DRIFTED
        assert "detached" in undone.reason
        assert undone.left == {"deny_all": False, "policy": None}
        USER.verify_undone(aws, undone.left)

    def test_note_says_what_it_became(self) -> None:
        written: dict[str, Any] = {
            "policy": "{}",
            "base": None,
            "before": "2026-11-24T06:00:30Z",
            "still_open": [],
        }
        assert USER.note({**written, "deny_all": False}) == ""
        assert "AWSDenyAll is attached" in USER.note({**written, "deny_all": True})

    def test_caution_says_when(self) -> None:
        assert "AWSDenyAll" in USER.caution
        assert "console password" in USER.caution
        assert "no room" in ROLE.caution
        assert "password" not in ROLE.caution
        assert RevokeRoleSessions(PLACE, "scorer").caution == ""

    @pytest.mark.parametrize(
        "causes", [("console_password",), ("other",), ("no_room_for_inline_policy",) * 2]
    )
    def test_role_knows_one_cause(self, causes: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="deny_all_if"):
            RevokeRoleSessions(PLACE, "scorer", deny_all_if=causes)


class TestAccessKeys:
    """All of them: each can start the next session, whichever the finding names (B2)."""

    def make(self, aws: AwsClients, status: str = "Active") -> str:
        iam = aws.client("iam")
        made = str(iam.create_access_key(UserName="ada")["AccessKey"]["AccessKeyId"])
        iam.update_access_key(UserName="ada", AccessKeyId=made, Status=status)
        return made

    def statuses(self, aws: AwsClients) -> dict[str, str]:
        keys = aws.client("iam").list_access_keys(UserName="ada")["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in keys}

    def set(self, aws: AwsClients, key: str, status: str) -> None:
        aws.client("iam").update_access_key(UserName="ada", AccessKeyId=key, Status=status)

    def delete(self, aws: AwsClients, key: str) -> None:
        aws.client("iam").delete_access_key(UserName="ada", AccessKeyId=key)

    def test_all_active_keys_are_set(self, aws: AwsClients) -> None:
        one, two = sorted([self.make(aws), self.make(aws)])
        captured = KEYS.capture(aws)
        assert captured == {"keys": {one: "Active", two: "Active"}}
        written = KEYS.apply(aws, captured, None)
        assert written == {"keys": {one: "Inactive", two: "Inactive"}}
        assert self.statuses(aws) == written["keys"]
        KEYS.verify(aws, captured, written)
        assert KEYS.until_safe_to_undo(captured, written) is None
        assert not KEYS.again(NOW, written)
        assert KEYS.undo(aws, captured, written).state is Undone.RESTORED
        assert self.statuses(aws) == captured["keys"]

    def test_inactive_key_is_not_written(self, aws: AwsClients) -> None:
        old, new = self.make(aws, "Inactive"), self.make(aws)
        captured = KEYS.capture(aws)
        calls = recorded_changes(aws)
        written = KEYS.apply(aws, captured, None)
        assert written == {"keys": {new: "Inactive"}}
        assert KEYS.undo(aws, captured, written).state is Undone.RESTORED
        assert calls == ["UpdateAccessKey"] * 2
        assert self.statuses(aws) == {old: "Inactive", new: "Active"}

    def test_drift_is_per_key(self, aws: AwsClients) -> None:
        old, new = self.make(aws, "Inactive"), self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        self.set(aws, old, "Active")
        undone = KEYS.undo(aws, captured, written)
        assert undone.state is Undone.DRIFTED
        assert undone.reason == f"a person set access key {old} to Active: it was not changed"
        assert self.statuses(aws) == {old: "Active", new: "Active"}
        KEYS.verify_undone(aws, undone.left or {})

    def test_key_created_meanwhile_stays(self, aws: AwsClients) -> None:
        first = self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        later = self.make(aws)
        undone = KEYS.undo(aws, captured, written)
        assert undone.state is Undone.DRIFTED
        assert undone.reason == f"a person created access key {later}: it was not changed"
        assert self.statuses(aws) == {first: "Active", later: "Active"}

    def test_key_created_meanwhile_is_not_contained(self, aws: AwsClients) -> None:
        """A thief may have made it: it is set when the action is applied anew, and put back."""
        self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        later = self.make(aws)
        with pytest.raises(NotVerified, match=later):
            KEYS.verify(aws, captured, written)
        for _ in ("anew", "once more"):
            written = KEYS.apply(aws, captured, written)
            KEYS.verify(aws, captured, written)
        assert KEYS.undo(aws, captured, written).state is Undone.RESTORED
        assert set(self.statuses(aws).values()) == {"Active"}

    def test_key_deleted_meanwhile_is_said(self, aws: AwsClients) -> None:
        one, two = self.make(aws), self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        self.delete(aws, one)
        again = KEYS.apply(aws, captured, written, captured)  # an old reading still has it
        assert again == {"keys": {two: "Inactive"}}
        KEYS.verify(aws, captured, again)
        undone = KEYS.undo(aws, captured, again)
        assert undone.state is Undone.DRIFTED
        assert undone.reason == f"access key {one} was deleted: it cannot be restored"
        assert self.statuses(aws) == {two: "Active"}
        KEYS.verify_undone(aws, undone.left or {})

    def test_key_that_expired_is_not_set(self, aws: AwsClients) -> None:
        key = self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        found = [{"UserName": "ada", "AccessKeyId": key, "Status": "Expired"}]
        stub(aws, "iam", "ListAccessKeys", lambda _: {"AccessKeyMetadata": found})
        calls = recorded_changes(aws)
        undone = KEYS.undo(aws, captured, written)
        assert (undone.state, "Expired" in undone.reason) == (Undone.DRIFTED, True)
        assert calls == []

    def test_verify_fails_after_a_manual_change(self, aws: AwsClients) -> None:
        key = self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        self.set(aws, key, "Active")
        with pytest.raises(NotVerified, match=key):
            KEYS.verify(aws, captured, written)

    def test_deleted_user_is_reported(self, aws: AwsClients) -> None:
        key = self.make(aws)
        captured = KEYS.capture(aws)
        written = KEYS.apply(aws, captured, None)
        self.delete(aws, key)
        aws.client("iam").delete_user(UserName="ada")
        with pytest.raises(ResourceDeleted):
            KEYS.capture(aws)
        for current in (None, captured):
            with pytest.raises(ResourceDeleted):
                KEYS.apply(aws, captured, written, current)
        assert KEYS.undo(aws, captured, written).state is Undone.RESOURCE_DELETED


@pytest.mark.parametrize(
    "name",
    ["", "a/b", "a b", "a*", "a:b", "scorer\n", "ärger", "x" * 65, "../x", "${aws:username}"],
)
def test_invalid_names_are_rejected(name: str) -> None:
    for make in (
        lambda: RevokeRoleSessions(PLACE, name),
        lambda: RevokeUserSessions(PLACE, name),
        lambda: DisableAccessKeys(PLACE, name),
    ):
        with pytest.raises(ValueError, match="not an IAM name"):
            make()


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
