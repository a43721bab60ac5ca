"""docs/policies/resources.json: what people need to see what a decision would change.

Made of the grants of all actions: those that read, on the resources that a playbook may read too.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from console.preview import is_reading
from cordon.actions import all_actions

PLACEHOLDERS = {"${AWS::Partition}": "<partition>", "${AWS::AccountId}": "<account>"}
DENY_POLICIES = "arn:<partition>:iam::<account>:policy/cordon/*"  # CloudFormation names them
PLAYBOOKS = {
    "Sid": "ReadHowPlaybooksAreDeployed",
    "Effect": "Allow",
    "Action": ["lambda:GetFunctionConfiguration"],
    "Resource": "arn:<partition>:lambda:<region>:<account>:function:<stack>-*",
}


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The file as it should be."""
    yield root / "docs" / "policies" / "resources.json", json.dumps(policy(), indent=2) + "\n"


def policy() -> Mapping[str, Any]:
    """The policy: a statement for each resource and condition."""
    allowed: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind in all_actions():
        for grant in kind.grants:
            on = _named(grant.statement.resource), _named(json.dumps(grant.statement.condition))
            reads = {one for one in grant.permissions if is_reading(one.partition(":")[2])}
            if reads:
                allowed[on] |= reads
    statements = [
        {
            "Sid": f"Read{number}",
            "Effect": "Allow",
            "Action": sorted(actions),
            "Resource": resource,
            **({"Condition": condition} if (condition := json.loads(text)) else {}),
        }
        for number, ((resource, text), actions) in enumerate(sorted(allowed.items()), 1)
    ]
    return {"Version": "2012-10-17", "Statement": [*statements, PLAYBOOKS]}


def _named(text: str) -> str:
    for name, placeholder in PLACEHOLDERS.items():
        text = text.replace(name, placeholder)
    return DENY_POLICIES if text.startswith("${") else text
