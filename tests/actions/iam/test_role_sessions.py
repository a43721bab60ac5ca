"""Revoking the sessions of a role, with exact undo."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from cordon.actions.access_keys import DisableAccessKeys
from cordon.actions.action import NotVerified, Refused, ResourceDeleted, Undone
from cordon.actions.iam import RevokeRoleSessions, RevokeUserSessions
from cordon.actions.revocation_policy import (
    POLICY_NAME,
    revoked_before,
)
from cordon.clients import AwsClients
from cordon.clock import to_iso
from cordon.finding import Place
from tests.actions.iam.principals import (
    CONSOLE,
    NOW,
    ROLE,
    SOON,
    USER,
    fail_with,
    put_role_policy,
    recorded_changes,
    role_policy,
)
from tests.actions.scenario import PLACE
from tests.actions.scenario_iam import (
    DENY_ALL,
    MANUAL_POLICY,
    TRUST,
    delete_role,
    fill,
    with_deny_all,
)


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
