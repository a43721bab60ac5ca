"""The custom actions of Security Hub, by which a reviewer chooses findings for this stack.

They are made here and not by the template: ``AWS::SecurityHub::ActionTarget`` does not exist in
every Region, and Security Hub may be enabled later than the stack is made. Source: AWS Security Hub
API Reference, "CreateActionTarget", "DeleteActionTarget" (Id and Name: at most 20 characters;
InvalidAccessException where Security Hub is not enabled).
"""

from typing import Any

from botocore.exceptions import ClientError

from cordon.clients import error_code
from cordon.deployment import Deployment
from cordon.sources.custom_action import CONTAIN_ACTION, RELEASE_ACTION, digits_of, ids_of

DESCRIPTIONS = {
    CONTAIN_ACTION: "Have people decide whether Cordon contains the resources of these findings",
    RELEASE_ACTION: "Have Cordon put back what it contained for these findings",
}
NOT_REPORTED = "not made: ReportToSecurityHub is false"
NOT_ENABLED = "not made: Security Hub is not enabled here"
THERE = "ResourceConflictException"
DELETED = "ResourceNotFoundException"
NO_HUB = "InvalidAccessException"


def ensure(hub: Any, deployment: Deployment, *, home: bool) -> str:
    """Make those of this stack that are not there; what is so then, for people.

    ``home``: the stack that serves the account and Region has the plain names; another one's carry
    six of its digits, since people see the name alone. Raises any other ClientError.
    """
    if not deployment.security_hub:
        return NOT_REPORTED
    ids = ids_of(deployment.stack)
    names = {name: name if home else f"{name}-{digits_of(deployment.stack)[:6]}" for name in ids}
    for name, id in ids.items():
        try:
            hub.create_action_target(Id=id, Name=names[name], Description=DESCRIPTIONS[name])
        except ClientError as error:
            if error_code(error) == NO_HUB:
                return NOT_ENABLED
            if error_code(error) != THERE:
                raise
    return f"there, with the ids {' and '.join(ids.values())}"


def remove(hub: Any, deployment: Deployment) -> None:
    """Delete this stack's. Where they are not, or Security Hub is not enabled, nothing is done."""
    home = f"arn:{deployment.partition}:securityhub:{deployment.region}:{deployment.account}"
    for id in ids_of(deployment.stack).values():
        try:
            hub.delete_action_target(ActionTargetArn=f"{home}:action/custom/{id}")
        except ClientError as error:
            if error_code(error) not in (DELETED, NO_HUB):
                raise
