"""Security Hub's custom actions: the ids of a stack's two, and what an id is for.

An id is ``Contain`` or ``Release`` and the first eight digits of the UUID at the end of the stack's
id, so that two stacks in one account and Region have different ones. The template's rule names the
same ids. Everywhere else an action has its name, CordonContain or CordonRelease.

Sources: Security Hub API Reference, "CreateActionTarget" (Id: at most 20 letters and digits);
CloudFormation Template Reference, "Pseudo parameters reference", AWS::StackId.
"""

import re

CONTAIN_ACTION = "CordonContain"
RELEASE_ACTION = "CordonRelease"
_PURPOSES = {CONTAIN_ACTION: "Contain", RELEASE_ACTION: "Release"}
_NAMES = {purpose: name for name, purpose in _PURPOSES.items()}
_ID = re.compile(r"(Contain|Release)([0-9a-f]{8})")


def digits_of(stack: str) -> str:
    """The digits by which a stack's actions are known.

    >>> digits_of("arn:aws:cloudformation:eu-west-1:111122223333:stack/cordon/0a1b2c3d-11f0-4e5f")
    '0a1b2c3d'
    """
    return stack.rpartition("/")[2][:8]


def ids_of(stack: str) -> dict[str, str]:
    """The id of each of the stack's actions, by name. ``stack``: its id (AWS::StackId)."""
    return {name: purpose + digits_of(stack) for name, purpose in _PURPOSES.items()}


def name_of(id: str, stack: str | None) -> str:
    """CordonContain or CordonRelease where the id is the stack's; else the id, which is neither.

    ``stack`` None: no stack is known, and every id of our form is taken for its.
    """
    found = _ID.fullmatch(id)
    if found is not None and (stack is None or digits_of(stack) == found[2]):
        return _NAMES[found[1]]
    return f"{id} of another stack" if id in _PURPOSES else id
