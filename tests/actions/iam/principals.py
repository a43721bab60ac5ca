"""The role and the user whose sessions the tests revoke."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cordon.actions.iam import RevokeRoleSessions, RevokeUserSessions
from cordon.actions.revocation_policy import POLICY_NAME
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE, stub

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=30)
ROLE = RevokeRoleSessions(PLACE, "scorer", deny_all_if=RevokeRoleSessions.causes)
USER = RevokeUserSessions(PLACE, "ada", deny_all_if=RevokeUserSessions.causes)
# The IAM console's policy, from the User Guide: lists, and a date with milliseconds.
CONSOLE = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],'
    '"Condition":{"DateLessThan":{"aws:TokenIssueTime":"%s"}}}]}'
)


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
