"""The custom actions of Security Hub, by which a reviewer chooses findings for Cordon.

They are made here and not by the template: ``AWS::SecurityHub::ActionTarget`` does not exist in
every Region, and Security Hub may be enabled later than the stack is made. Source: AWS Security Hub
API Reference, "CreateActionTarget" (at most 20 characters in Id and Name).
"""

from typing import Any

from botocore.exceptions import ClientError

from cordon.clients import error_code
from cordon.policy import CONTAIN_ACTION, RELEASE_ACTION

DESCRIPTIONS = {
    CONTAIN_ACTION: "Have people decide whether Cordon contains the resources of these findings",
    RELEASE_ACTION: "Have Cordon put back what it contained for these findings",
}
THERE = "ResourceConflictException"
NOT_ENABLED = "InvalidAccessException"


def ensure(hub: Any) -> str:
    """Make those that are not there. What was found, for the log.

    Raises any other ClientError of securityhub:CreateActionTarget.
    """
    made = []
    for name, description in DESCRIPTIONS.items():
        try:
            hub.create_action_target(Id=name, Name=name, Description=description)
        except ClientError as error:
            if error_code(error) == NOT_ENABLED:
                return "Security Hub is not enabled here"
            if error_code(error) != THERE:
                raise
        else:
            made.append(name)
    return f"made: {', '.join(made)}" if made else "they are there"
