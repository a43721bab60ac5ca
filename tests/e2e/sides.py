"""One event on both sides: replayed in the embedded account, and run in the deployed one.

replay_side.py makes the one, deployed_side.py the other, and comparison.py says where they differ.

Both sides are looked at with the same code and at the same moments: when the scene is set, when
all is contained, when all is released. What has to differ is made alike: names that a deploy
generates, ids that a service gives, the moment it is now.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from console.run import case_json
from console.stack import Stack
from cordon.memory.cases import Case

WHY = "replay --release"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
OPS_ITEM = re.compile(r"\boi-[0-9a-f]+")
BATCH = re.compile(r"(/batches/)\d{4}-\d\d-\d\d/[0-9a-f]{32}")  # evidence of what was observed
GENERATED = re.compile(r"-[0-9A-Fa-f]{12,13}$")  # how the names end that a deploy makes up
HOURS = timedelta(hours=48)  # what our own changes name is no older: the age of sessions
SOON = timedelta(minutes=30)  # a release that reaches ahead, or a slow machine
HALVES = ("staged", "contained", "released")
Call = tuple[str, str, str]  # logical id of the function, IAM action, resource


@dataclass(frozen=True)
class Moment:
    """How one side was, and which calls its functions had made since the moment before."""

    state: Mapping[str, Any]
    cases: Sequence[Mapping[str, Any]]
    calls: Sequence[Call]
    messages: Sequence[Mapping[str, str]] = ()  # to the topic, since the moment before
    events: Sequence[Mapping[str, Any]] = ()  # on the bus, as messages


@dataclass
class Side:
    """What one side did of one event."""

    outcomes: list[dict[str, str]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)  # as HALVES
    staged: list[str] = field(default_factory=list)
    evidence: dict[str, list[str]] = field(default_factory=dict)  # stages by case
    left: dict[str, int] = field(default_factory=dict)  # messages left in a queue, by logical id
    troubles: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # physical name: logical id
    waited: str = ""  # in which half a release waited for hours, which only virtual time has


@dataclass(frozen=True)
class Names:
    """Makes alike what has to differ between two deployments."""

    generated: Mapping[str, str]  # physical name: logical id
    now: datetime
    event: str  # as text: access keys that it does not name were generated

    def alike(self, value: Any) -> Any:
        """The value without generated names, as JSON has it."""
        if isinstance(value, Mapping):
            return {self._text(str(key)): self.alike(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.alike(one) for one in value]
        return self._text(str(value)) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        text = self._generated.sub(lambda name: f"<{self.generated[name[0]]}>", text)
        text = BATCH.sub(r"\1<batch>", text)
        text = KEY.sub(lambda key: key[0] if key[0] in self.event else "<key>", text)
        return STAMP.sub(self._stamp, OPS_ITEM.sub("<incident>", text))

    @cached_property
    def _generated(self) -> re.Pattern[str]:
        """Each of the names, the longest first: one may begin as another does."""
        longest_first = sorted(self.generated, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def _stamp(self, found: re.Match[str]) -> str:
        """What is to come, as the end of a period, is so many hours from now."""
        ahead = datetime.fromisoformat(found[0]) - self.now
        if ahead > SOON:
            return f"<in {round(ahead / timedelta(hours=1))} hours>"
        return "<now>" if -ahead < HOURS else found[0]


def reports(client: Callable[[str], Any]) -> dict[str, Any]:
    """What people can read: findings and incidents, as whole as they are."""
    ssm, every = client("ssm"), {"Key": "Status", "Values": ["Open", "InProgress", "Resolved"]}
    listed = ssm.describe_ops_items(OpsItemFilters=[{**every, "Operator": "Equal"}])
    items = (
        ssm.get_ops_item(OpsItemId=one["OpsItemId"])["OpsItem"]
        for one in listed.get("OpsItemSummaries", [])
    )
    kept = ("Title", "Description", "Status", "Severity", "Source", "OperationalData")
    return {
        "ssm": {one["OpsItemId"]: {name: one.get(name) for name in kept} for one in items},
        "securityhub": {one["Id"]: one for one in _findings(client("securityhub"))},
    }


def _findings(hub: Any) -> Iterator[dict[str, Any]]:
    for page in hub.get_paginator("get_findings").paginate():
        yield from page["Findings"]


DIGITS = "digits of the stack"  # which its finding ids and custom actions have


def short(generated: Mapping[str, str]) -> dict[str, str]:
    """The names that the deploy made up; of ARNs and URLs their last part."""
    last = {re.split("[/:]", k)[-1]: logical for k, logical in generated.items()}
    return {name: logical for name, logical in last.items() if GENERATED.search(name)}


def moment(
    state: Mapping[str, Any],
    cases: Sequence[Case],
    calls: Sequence[Call],
    names: Names,
    messages: Sequence[Mapping[str, str]],
    events: Sequence[Mapping[str, Any]],
) -> Moment:
    """How a side is at this moment, alike on both.

    The hash of a plan that names roles of the stack differs; the plans themselves are compared.
    """
    plans = {case.plan_hash: f"plan of {case.id}" for case in cases}
    names = replace(names, generated={**names.generated, **plans})
    rows = sorted((_row(case) for case in cases), key=lambda row: str(row["id"]))
    return Moment(
        names.alike(_readable(state)),
        names.alike(rows),
        [tuple(c) for c in names.alike(calls)],
        names.alike(messages),
        names.alike(events),
    )


def _row(case: Case) -> dict[str, Any]:
    assert case.plan_hash == case.plan.hash
    return case_json(case) | {
        "mode": case.mode,
        "round": case.round,
        "decided_by": case.decided_by,
        "released_by": case.released_by,
        "decided_why": case.decided_why,
    }


def _readable(state: Mapping[str, Any]) -> dict[str, Any]:
    """Documents as documents; incidents by what they say, as their ids are the service's."""
    buckets = {name: _bucket(bucket) for name, bucket in state["s3"].items()}
    incidents = sorted(state["ssm"].values(), key=json.dumps)
    return {**state, "s3": buckets, "ssm": incidents}


def _bucket(bucket: Mapping[str, Any]) -> dict[str, Any]:
    policy = json.loads(bucket["policy"]) if bucket["policy"] else None
    grants = [
        grant | {"Grantee": grant["Grantee"].get("URI", grant["Grantee"]["Type"])}
        for grant in bucket["acl"]
    ]
    return {**bucket, "policy": policy, "acl": grants}


def evidence(stack: Stack, cases: Sequence[Case]) -> dict[str, list[str]]:
    """The stages of each case's evidence, whose chain must hold."""
    found = {}
    for case in cases:
        entries, faults = stack.evidence(case)
        assert not faults, faults
        found[case.id] = [json.loads(entry)["stage"] for entry in entries]
    return found
