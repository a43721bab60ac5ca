"""OpsItems that people resolved, or opened again, by themselves.

Only the list is read here. Anybody who may create OpsItems can write our name and a case into one,
so what counts is the number that the reporter keeps for the case; the playbook itself reads the
OpsItem before it closes a case. Source: AWS Systems Manager API Reference, "DescribeOpsItems";
User Guide, "Creating formatted date and time strings for Systems Manager".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cordon.clock import to_iso
from cordon.memory import reported
from cordon.memory.table import Table

# As cordon.reporting.incident writes them: tests/reconciling/test_incidents.py compares.
SOURCE, CASE = "cordon", "cordon-case"
LAG = timedelta(minutes=5)  # of the list, behind what it lists
OPEN = ("Open", "InProgress")
CASE_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True)
class Incident:
    """An OpsItem that the reporter opened for a case."""

    number: str
    playbook: str
    case: str
    changed_at: datetime


def resolved_since(
    ssm: Any, table: Table, playbooks: Iterable[str], since: datetime
) -> list[Incident]:
    """The incidents that were resolved since a moment, by a person or by the reporter."""
    later = {"Key": "LastModifiedTime", "Operator": "GreaterThan", "Values": [to_iso(since - LAG)]}
    return _ours(_listed(ssm, [_status("Resolved"), later]), table, playbooks)


def open_now(ssm: Any, table: Table, playbooks: Iterable[str]) -> list[Incident]:
    """The incidents that are open, or in progress."""
    return _ours(_listed(ssm, [_status(*OPEN)]), table, playbooks)


def _status(*values: str) -> dict[str, Any]:
    return {"Key": "Status", "Operator": "Equal", "Values": list(values)}


def _listed(ssm: Any, filters: list[dict[str, Any]]) -> Iterator[tuple[str, str, datetime]]:
    """Number, case and last change of each OpsItem that names a case."""
    source = {"Key": "Source", "Operator": "Equal", "Values": [SOURCE]}
    pages = ssm.get_paginator("describe_ops_items")
    for page in pages.paginate(OpsItemFilters=[source, *filters]):
        for item in page["OpsItemSummaries"]:
            case = item.get("OperationalData", {}).get(CASE, {}).get("Value", "")
            if CASE_ID.fullmatch(case):
                yield item["OpsItemId"], case, item["LastModifiedTime"]


def _ours(
    listed: Iterable[tuple[str, str, datetime]], table: Table, playbooks: Iterable[str]
) -> list[Incident]:
    """Those whose number is what the reporter keeps for the case, of whichever playbook it is."""
    items, names = list(listed), tuple(playbooks)
    keys = {reported.key(name, case) for _, case, _ in items for name in names}
    rows = table.get(*sorted(keys))
    found = (Incident(number, name, case, at) for number, case, at in items for name in names)
    return [
        one
        for one in found
        if rows.get(reported.key(one.playbook, one.case), {}).get("ops_item") == one.number
    ]
