"""Which case our own finding in Security Hub stands for: one of ours, of this playbook, or none.

The desk looks at the same before it invokes a playbook; who may invoke the function does not pass
by the desk.
"""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cordon.respond import case_behind
from quarantine_bucket.playbook import PLAYBOOK
from tests.make import ACCOUNT, DEPLOYMENT, a_finding

CASE = "0123456789abcdef"
OURS = f"cordon/{ACCOUNT}/us-east-1/{PLAYBOOK.name}/{CASE}"
SERVICES: Any = SimpleNamespace(
    playbook=PLAYBOOK, deployment=DEPLOYMENT, cases=SimpleNamespace(get=lambda case: case)
)


def test_our_finding_names_its_case() -> None:
    assert case_behind(a_finding(id=OURS), SERVICES) == CASE  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    "id",
    [
        OURS.replace(PLAYBOOK.name, "revoke_sessions"),
        OURS.upper(),
        f"{OURS}0",
        f"x{OURS}",
        f"{OURS}\n",
        "cordon/self-test",
        "",
    ],
)
def test_what_another_playbook_or_nobody_wrote_names_none(id: str) -> None:
    """The row may be there, if somebody made it so."""
    assert case_behind(a_finding(id=id), SERVICES) is None


def test_another_account_names_none() -> None:
    """A member may import a finding under its own default product, with any id."""
    finding = a_finding(id=OURS)
    theirs = replace(finding, place=replace(finding.place, account="444455556666"))
    assert case_behind(theirs, SERVICES) is None
