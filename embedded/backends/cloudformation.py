"""CloudFormation: which stacks there are, and their status. None is built here.

Sources: DescribeStacks (CloudFormation API Reference): of a deleted stack only the id is known,
and a stack that there is not is a ValidationError; "Stack status codes" (user guide).
"""

from embedded.backends.registry import Params, Refusal, Response, Where, implements
from embedded.backends.times import now

DELETED = "DELETE_COMPLETE"


def set_status(where: Where, stack: str, status: str) -> None:
    """The status of a stack (its id) from now on; "" where nobody knows it any more."""
    if status:
        _stacks(where)[stack] = status
    else:
        _stacks(where).pop(stack, None)


@implements("cloudformation", "DescribeStacks")
def describe_stacks(params: Params, where: Where) -> Response:
    """One stack, by its id, or by its name while it is there; without a name all that are there."""
    stacks, wanted = _stacks(where), params.get("StackName")
    there = {id: status for id, status in stacks.items() if status != DELETED}
    if wanted is None:
        found = list(there)
    elif wanted in stacks:
        found = [wanted]
    else:
        found = [id for id in there if id.split("/")[1] == wanted]
        if not found:
            raise Refusal("ValidationError", f"Stack with id {wanted} does not exist")
    return {"Stacks": [_described(id, stacks[id]) for id in found]}


def _described(id: str, status: str) -> Response:
    return {
        "StackId": id,
        "StackName": id.split("/")[1],
        "CreationTime": now(),
        "StackStatus": status,
    }


def _stacks(where: Where) -> dict[str, str]:
    return where.table("cloudformation stacks")
