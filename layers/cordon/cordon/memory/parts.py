"""The parts of this stack that CloudFormation named: one row, which only ``setup`` writes.

An item for each playbook has no room in an environment, which has 4 KB for all variables of a
function (Lambda Developer Guide, "Lambda quotas"). The desk and the reconciler read these from
here; a row has 400 KB. What is missing or wrong is never taken for none: ``PartsUnknown``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cordon.clock import now, to_iso
from cordon.deployment import Deployment, own_role
from cordon.errors import PartsUnknown
from cordon.memory.table import Row, Table

KEY = "setup#parts"
ABSENT = f"the row {KEY} is not there: docs/operating/alarms.md says how it is written anew"
_PLAYBOOK = re.compile(r"[a-z0-9_]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")  # of a function, a role or a queue, as they are made up


@dataclass(frozen=True)
class Parts:
    """What this stack has for each playbook."""

    functions: Mapping[str, str]  # playbook → ARN of its function
    bulk_queues: Mapping[str, str]  # playbook → URL of its queue; not each has one
    own_roles: tuple[str, ...]  # exact ARNs, in the order that the playbooks' environment has


def names_of(properties: Mapping[str, Any]) -> Row:
    """The row's entries from the template's ``Parts``. Raises ValueError, which says what is wrong.

    Roles are one text, since their order counts: a plan, and so its hash, has them in it.
    """
    names: Row = {
        "functions": dict(properties["Functions"]),
        "bulk_queues": dict(properties["BulkQueues"]),
        "own_roles": ",".join(properties["OwnRoles"]),
    }
    if wrong := _wrong(names):
        raise ValueError(f"{wrong} is not what this stack can have")
    return names


def save(table: Table, names: Row) -> None:
    """Write the row over the one before, with the moment."""
    table.put({"id": KEY, **names, "at": to_iso(now())})


def read(table: Table, deployment: Deployment) -> Parts:
    """What the row names, of this account and Region. Raises PartsUnknown."""
    row = table.get(KEY).get(KEY)
    if row is None:
        raise PartsUnknown(ABSENT)
    if wrong := _wrong(row):
        raise PartsUnknown(f"the row {KEY} is not as setup writes it: {wrong}")
    partition, account = deployment.partition, deployment.account
    function = f"arn:{partition}:lambda:{deployment.region}:{account}:function:"
    queue = deployment.reports_queue.removesuffix(deployment.reports_queue.rpartition("/")[2])
    return Parts(
        functions={name: function + end for name, end in row["functions"].items()},
        bulk_queues={name: queue + end for name, end in row["bulk_queues"].items()},
        own_roles=tuple(own_role(partition, account, one) for one in row["own_roles"].split(",")),
    )


def _wrong(row: Row) -> str:
    """The first entry that is not as it must be, or "". Of queues there may be none."""
    for entry in ("functions", "bulk_queues"):
        named = row.get(entry)
        if not isinstance(named, Mapping) or not (named or entry == "bulk_queues"):
            return entry
        if not all(_is(_PLAYBOOK, name) and _is(_NAME, end) for name, end in named.items()):
            return entry
    roles = row.get("own_roles")
    whole = isinstance(roles, str) and all(_is(_NAME, name) for name in roles.split(","))
    return "" if whole else "own_roles"


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
