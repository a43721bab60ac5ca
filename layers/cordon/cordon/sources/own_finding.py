"""The id of our own finding of a case in Security Hub. It names the stack whose case it is.

Two stacks that see one finding make the same id of its case, and Security Hub keeps one finding
for an id: what a stack contained, and still holds after it was deleted, would be overwritten by
what the next one only observes.
"""

import re

from cordon.finding import Place
from cordon.sources.custom_action import digits_of

_ID = re.compile(
    r"cordon/[0-9]{12}/[a-z0-9-]+/(?P<playbook>[a-z_]+)/(?P<case>[0-9a-f]{16})/(?P<stack>[^/]*)"
)


def id_of(stack: str, place: Place, playbook: str, case: str) -> str:
    """The id. ``stack``: the id of the stack (AWS::StackId), whose digits it ends with.

    >>> id_of("a:stack/s/0a1b2c3d-11f0", Place("aws", "111122223333", "eu-west-1"), "p", "c")
    'cordon/111122223333/eu-west-1/p/c/0a1b2c3d'
    """
    return f"cordon/{place.account}/{place.region}/{playbook}/{case}/{digits_of(stack)}"


def case_named(id: str, stack: str) -> tuple[str, str] | None:
    """The playbook and the case whose finding has this id; None where it is not the stack's."""
    found = _ID.fullmatch(id)
    if found is None or found["stack"] != digits_of(stack):
        return None
    return found["playbook"], found["case"]
