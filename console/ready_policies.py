"""Which ready policies are enough for each verb about a deployed stack: files below docs/.

For whoever has less, a part is *unknown*, or AWS's refusal names the permission that is missing.
"""

from collections.abc import Mapping

READER, APPROVER, OPERATOR, AUDITOR, RESOURCES = (
    f"policies/{name}.json" for name in ("reader", "approver", "operator", "auditor", "resources")
)
COVERAGE = "coverage/policy.json"
DECIDES = (APPROVER, RESOURCES)  # it shows what would change
OPERATES = (OPERATOR, READER)  # it says which cases a setting is about
NEEDED: Mapping[str, tuple[str, ...]] = {
    "status": (READER, OPERATOR, COVERAGE),
    "explain": (READER,),
    "cases": (READER,),
    "review": (READER,),
    "show": (APPROVER,),
    "approve": DECIDES,
    "reject": DECIDES,
    "release": DECIDES,
    "retry": DECIDES,
    "contain": DECIDES,
    "redeliver": (OPERATOR,),
    "settings": (OPERATOR,),
    "stop": OPERATES,
    "start": OPERATES,
    "mode": OPERATES,
    "budget": (OPERATOR,),
    "backlog": (OPERATOR,),
    "baseline": (OPERATOR,),
    "sweep": (OPERATOR,),
    "plan": (READER, RESOURCES),
    "coverage": (READER, COVERAGE),
    "report": (APPROVER, COVERAGE),
    "attest": (OPERATOR,),
    "lineage": (RESOURCES,),
    "evidence case": (AUDITOR,),
    "evidence verify": (AUDITOR,),
    "evidence cases": (AUDITOR,),
    "evidence decisions": (AUDITOR,),
    "evidence export": (AUDITOR,),
    "exempt list": (OPERATOR,),
    "exempt add": OPERATES,
    "exempt remove": (OPERATOR,),
    "protect list": (OPERATOR,),
    "protect add": OPERATES,
    "protect remove": (OPERATOR,),
}


def epilog(verb: str, example: str) -> str:
    """Below a verb's help: how it is typed, and which policies are enough for it."""
    needed = NEEDED.get(verb, ())
    files = ", ".join(f"docs/{one}" for one in needed)
    return f"Example: `{example}`" + (f"\n\nReady policies: {files}" if needed else "")
