"""The samples by their names, and the playbooks that tests take as examples.

No test names a playbook that is not its own: it takes the one that its sample is of, or that does
what it is about. A sample's name is its file's, and there are no two of one name below events/.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from console.expected import expectation_path
from console.playbook_blocks import blocks
from console.playbook_blocks.block import logical_name
from console.playbooks import playbooks
from cordon.playbook import Playbook

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "events"
NOBODY = "nobody"  # the folder of the samples that no playbook handles
BROKEN = "broken"  # of those that no parser reads
HEADERS = {playbook.name: playbook for playbook in playbooks(ROOT)}
# The queues to which a sweep sends what Security Hub has.
SWEPT = {block.queue for block in blocks([*HEADERS.values()]) if block.swept}


@cache
def _paths() -> Mapping[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(EVENTS.glob("*/*.json")):
        if not path.stem.endswith(".plan") and (same := found.setdefault(path.stem, path)) != path:
            raise ValueError(f"{same} and {path} have one name: tests name a sample by its file")
    return found


def path_of(sample: str) -> Path:
    """The file of the sample ``guardduty_public_access``."""
    return _paths()[sample]


def folder_of(sample: str) -> str:
    """The name of the playbook that handles it, or ``NOBODY``."""
    return path_of(sample).parent.name


def event(sample: str) -> dict[str, Any]:
    """The sample as it arrives."""
    return dict(json.loads(path_of(sample).read_text()))


def plan_beside(sample: str) -> dict[str, Any]:
    """What the event must lead to, as the file beside it says."""
    return dict(json.loads(expectation_path(path_of(sample)).read_text()))


def shape(sample: str) -> tuple[Any, ...]:
    """What its plan does, whatever it does it to."""
    actions = plan_beside(sample)["plan"]["actions"]
    return tuple(
        (one["action"], *one.get("levels", ()), one.get("key"), one.get("enable"))
        for one in actions
    )


def samples(folder: str = "") -> list[str]:
    """The names of all samples that are as documented, or of one folder's; folder by folder."""
    parents = {name: path.parent.name for name, path in _paths().items()}
    return [name for name, of in parents.items() if of == folder or (not folder and of != BROKEN)]


def function_of(playbook: Playbook) -> str:
    """The logical id of its function."""
    return logical_name(playbook.name)


# What contains a bucket, and a role or a user; what denies models; what only tags; and what informs
# a person.
QUARANTINE = HEADERS[folder_of("guardduty_public_access")]
REVOKE = HEADERS[folder_of("guardduty_privilege_escalation")]
RESTRICT = HEADERS[folder_of("guardduty_cost_harvesting")]
TAG = HEADERS[folder_of("securityhub_sagemaker_1")]
(ESCALATE,) = (one for one in HEADERS.values() if one.takes_over)
