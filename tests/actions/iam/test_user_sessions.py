"""Revoking the sessions of a user, and all else that a user can use, with exact undo."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.actions.action import NotVerified, Refused, ResourceDeleted, Undone
from cordon.actions.iam import RevokeRoleSessions, RevokeUserSessions
from cordon.actions.revocation_policy import POLICY_NAME, revoked_before
from cordon.actions.sessions import CONSOLE_PASSWORD
from cordon.clients import AwsClients
from tests.actions.iam.principals import CONSOLE, NOW, ROLE, SOON, USER, fail_with
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_iam import DENY_ALL, TRUST, fill, with_deny_all


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


@pytest.mark.parametrize(
    ("causes", "before", "ours"),
    [((CONSOLE_PASSWORD,), False, True), ((), False, False), ((CONSOLE_PASSWORD,), True, False)],
)
def test_full_stop_that_nobody_noted_is_ours_where_the_plan_has_it(
    aws: AwsClients, causes: tuple[str, ...], before: bool, ours: bool
) -> None:
    """A release would else leave the user stopped, and say that all is as it was."""
    with_deny_all()
    action, iam = RevokeUserSessions(PLACE, "ada", deny_all_if=causes), aws.client("iam")
    captured = {**action.capture(aws), "deny_all": before}
    written = action.apply(aws, captured, None)
    iam.attach_user_policy(UserName="ada", PolicyArn=DENY_ALL)
    found = action.unnoted(aws, captured, written)
    assert found == ({**written, "deny_all": True} if ours else None)


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

    def test_password_made_between_reading_and_writing_is_not_contained(
        self, aws: AwsClients
    ) -> None:
        """Whoever has the user is fast, or the reading before was an old one."""
        captured = USER.capture(aws)
        self.password(aws)
        written = USER.apply(aws, captured, None, captured)
        with pytest.raises(NotVerified, match="what can still be used: console password"):
            USER.verify(aws, captured, written)
        again = USER.apply(aws, captured, written)
        USER.verify(aws, captured, again)
        assert self.attached(aws) == [DENY_ALL]

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
