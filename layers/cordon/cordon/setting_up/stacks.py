"""What CloudFormation says of a stack, by its id.

Sources: CloudFormation API Reference, "DescribeStacks" (a deleted stack is described by its id; of
one that there is not, it refuses with ValidationError), "ListStacks" (what was deleted is kept for
90 days); CloudFormation User Guide, "Stack status codes".
"""

from typing import Any

from botocore.exceptions import ClientError

from cordon.clients import error_code

NOT_THERE = "ValidationError"
DELETED = "DELETE_COMPLETE"
COMPLETE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)
# On its way out: it was never complete, or somebody deletes it.
LEAVING = ("DELETE", "ROLLBACK", "CREATE_FAILED")


def status_of(cloudformation: Any, stack: str) -> str:
    """Its status; DELETE_COMPLETE where there is no such stack. Raises any other ClientError."""
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error_code(error) == NOT_THERE and "does not exist" in str(error):
            return DELETED
        raise
    return str(found[0]["StackStatus"]) if found else DELETED


def is_leaving(status: str) -> bool:
    """Is the stack being deleted, or does its first deployment fail?"""
    return status.startswith(LEAVING)
