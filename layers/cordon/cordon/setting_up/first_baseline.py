"""The baseline: taken once with the stack, from then on only compared.

What ``setup`` sees later is no baseline: an attacker may have made it. It is kept beside the one in
force, and a person takes it at the desk.
"""

from collections.abc import Callable
from typing import Any

from cordon.actions.put_back import enforced_guardrail, invocation_logging
from cordon.baseline import GUARDRAIL, LOGGING, PARTS, Baseline
from cordon.clock import now, to_iso
from cordon.memory.table import Row
from cordon.settings import parse

NO_BEDROCK = "Bedrock is not in this Region: there is nothing to put back"
NONE = "there is none: nothing is put back; look at `cordon baseline`"
AS_IT_IS = "the account is as it says"
ENTRY = "baseline"


def look(client: Callable[[str], Any], by: str) -> Baseline:
    """How the account is now. Raises the error of a call."""
    bedrock = client("bedrock")
    documents = {LOGGING: invocation_logging(bedrock), GUARDRAIL: enforced_guardrail(bedrock)}
    return Baseline(documents, by, to_iso(now()))


def first(seen: Baseline) -> Row:
    """The settings' entry, for a row that has none."""
    return {ENTRY: seen.to_row()}


def compared(row: Row | None, seen: Baseline) -> str:
    """For people: what differs. A difference is proposed, never taken."""
    known = parse(row or {}).baseline
    if known is None:
        return NONE
    parts = [PARTS[part] for part in known.differs(seen)]
    if not parts:
        return AS_IT_IS
    return f"the account differs from it in {', '.join(parts)}: look at `cordon baseline`"
