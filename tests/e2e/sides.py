"""One event on both sides: replayed in the embedded account, and run in the deployed one.

Both sides are looked at with the same code and at the same moments: when the scene is set, when
all is contained, when all is released. What has to differ is made alike: names that a deploy
generates, ids that a service gives, the moment it is now, the operator's ARN.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from console import account as console_account
from console.expected import expectation_path
from console.replay import Replay
from console.run import Run, case_json
from console.stack import HELD, Stack
from cordon.finding import Malformed
from cordon.memory.cases import Case
from cordon.protection import PERMISSIONS as LOOK_UPS
from cordon.sources import read
from cordon.statuses import Status
from embedded import snapshot as looks
from embedded.account import EmbeddedAccount
from embedded.backends import tags
from embedded.journal import Called, Invoked
from embedded.place import Place
from tests.e2e.account import ACCOUNT, NAME, ROOT, Account

WHY = "replay --release"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
OPS_ITEM = re.compile(r"\boi-[0-9a-f]+")
GENERATED = re.compile(r"-[0-9A-Fa-f]{12,13}$")  # how the names end that a deploy makes up
SAID_BY = re.compile(r"by arn:aws:(?:iam|sts)::\d{12}:(?:root|user/moto)\b")
OPERATOR = re.compile(r"^arn:aws:(?:iam|sts)::\d{12}:(?:root|user/moto)$")
HOURS = timedelta(hours=48)  # what our own changes name lies no further off: the age of sessions
SAM = "aws-sam-cli-managed-default"  # the stack of the bucket that `sam deploy` uploads to
READ = re.compile(r":(?:Get|List|Describe)")
HALVES = ("staged", "contained", "released")
MEMORY = ("dynamodb:", "refused dynamodb:")

TAGS = {
    "sagemaker": looks._sagemaker_tags,
    "bedrock": looks._bedrock_tags,
    "bedrock-agent": looks._agent_tags,
    "bedrock-agentcore-control": looks._agent_tags,
}
LOG_SECONDS = 5  # that a log may come after its invocation
Call = tuple[str, str, str]  # logical id of the function, IAM action, resource


@dataclass(frozen=True)
class Moment:
    """How one side was, and which calls its functions had made since the moment before."""

    state: Mapping[str, Any]
    cases: Sequence[Mapping[str, Any]]
    calls: Sequence[Call]


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
        for physical in sorted(self.generated, key=len, reverse=True):
            text = text.replace(physical, f"<{self.generated[physical]}>")
        text = SAID_BY.sub("by <operator>", text)
        text = KEY.sub(lambda key: key[0] if key[0] in self.event else "<key>", text)
        return STAMP.sub(self._stamp, OPS_ITEM.sub("<incident>", text))

    def _stamp(self, found: re.Match[str]) -> str:
        then = datetime.fromisoformat(found[0])
        return "<now>" if abs(then - self.now) < HOURS else found[0]


# ---- replay ----


class _Watched(EmbeddedAccount):
    """An embedded account that keeps what there was at each moment that replay looks at it."""

    def __init__(self, *args: Any, side: Side, event: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.side, self.event = side, event

    def snapshot(self, *, exclude_own: bool = True) -> dict[str, Any]:
        shown = super().snapshot(exclude_own=exclude_own)
        stack = Stack(self.client, self.stack.outputs)
        generated = {r.physical: r.logical for r in self.stack.resources.values()}
        self.side.names = _short(generated)
        names = Names(self.side.names, self.now, self.event)
        cases = list(stack.all_cases())
        calls = list(_journaled(self))[sum(len(m.calls) for m in self.side.moments) :]
        self.side.moments.append(_moment(shown, cases, calls, names))
        self.side.evidence = _evidence(stack, cases)
        self.side.left = {queue: len(self.messages(queue)) for queue in self.queues}
        results = [one.result for one in self.journal.of(Invoked)]
        if any(isinstance(r, dict) and r.get("state") == "waiting" for r in results):
            self.side.waited = self.side.waited or HALVES[len(self.side.moments) - 1]
        return shown


def replayed(path: Path) -> Side:
    """The event, replayed and released."""
    side = Side()

    def watched(*args: Any, **kwargs: Any) -> EmbeddedAccount:
        return _Watched(*args, side=side, event=path.read_text(), **kwargs)

    with mock.patch.object(console_account, "EmbeddedAccount", watched):
        run: Run = Replay(ROOT, release=True, approve=True).one(path)
    names = Names(side.names, datetime.now().astimezone(), path.read_text())
    side.outcomes = [names.alike(asdict(one)) for one in run.outcomes]
    side.staged, side.troubles = run.staged, run.troubles
    return side


def _journaled(account: EmbeddedAccount) -> Iterator[Call]:
    for call in account.journal.of(Called):
        if call.caller in account.functions:
            for action, resource in call.actions:
                yield call.caller, action if call.allowed else f"refused {action}", resource


# ---- e2e ----


def deployed(account: Account, path: Path, like: Side) -> Side:
    """The event, staged, put and released in the deployed account, as the replay was."""
    watch = _Watch(account, like, path.read_text())
    expected = _beside(path)
    event = watch.event_here(path)
    earlier = [watch.event_here(path.parent / name) for name in expected.get("after", ())]
    for one in earlier or [event]:
        watch.side.staged = _staged(account, one)
    watch.look()
    for one in earlier:
        _deliver(account, one)
    since = datetime.now().astimezone()
    _deliver(account, event)
    outcomes = _outcomes(account, since, {one["playbook"] for one in like.outcomes})
    if event != json.loads(path.read_text()):  # a case's id is made of the names, among others
        cases = {one["playbook"]: one["case"] for one in like.outcomes}
        outcomes = [one | {"case": cases.get(one["playbook"], "")} for one in outcomes]
    watch.side.outcomes = watch.names.alike(outcomes)
    watch.look()
    if like.waited:
        return watch.side
    for case in account.cases():
        if case.status in HELD:
            account.stack.release(case, WHY)
    account.settle()
    watch.look()
    return watch.side


def _beside(path: Path) -> dict[str, Any]:
    beside = expectation_path(path)
    return json.loads(beside.read_text()) if beside.exists() else {}


def _staged(account: Account, event: Mapping[str, Any]) -> list[str]:
    """What was made; nothing for an event that nobody can read."""
    try:
        read(event)
    except Malformed:
        return []
    return account.stage(event)


class _Watch:
    """Looks at the deployed account."""

    def __init__(self, account: Account, like: Side, event: str) -> None:
        self.account, self.like, self.event = account, like, event
        self.side = Side(waited=like.waited)
        self.ai = sorted(like.moments[0].state["tags"]) if like.moments else []
        self.noted = len(account.calls())
        self.generated = dict(_physical(account, NAME))
        own = self.generated.keys() | dict(_physical(account, SAM)).keys()
        self.own = {name.rsplit("/", 1)[-1] for name in own}

    def event_here(self, path: Path) -> Any:
        """The event; where it names what replay's deploy made up, it names what this one did."""
        text, here = path.read_text(), {v: k for k, v in _short(self.generated).items()}
        for name, logical in self.like.names.items():
            text = text.replace(name, here.get(logical, name))
        return json.loads(text)

    @property
    def names(self) -> Names:
        """As of this moment."""
        return Names(_short(self.generated), datetime.now().astimezone(), self.event)

    def look(self) -> None:
        """Keep how the account is."""
        account = self.account
        names = self.names
        cases = account.cases()
        here = Place(ACCOUNT, account.region)
        state = looks.snapshot(account.client, self.own, here) | {"tags": self._tags()}
        calls = account.calls(self.noted)
        self.noted += len(calls)
        made = list(_by_role(calls, self.generated))
        self.side.moments.append(_moment(state, cases, made, names))
        self.side.evidence = _evidence(account.stack, cases)
        self.side.left = dict(_left(account, _short(self.generated)))

    def _tags(self) -> dict[str, Any]:
        """Of the resources that replay has staged; wherever they are."""
        found = {}
        for arn in self.ai:
            service = tags.service_of(arn).name
            found[arn] = TAGS[service](self.account.client(service, arn.split(":")[3]), arn)
        return found


def _deliver(account: Account, event: Mapping[str, Any]) -> None:
    """Put the event; whoever must decide approves, as `replay --approve` does it."""
    account.put(event)
    waiting = [case for case in account.cases() if case.status is Status.AWAITING_APPROVAL]
    for case in waiting:
        account.stack.decide(case, "approve", case.plan_hash)
    if waiting:
        account.settle()


def _outcomes(account: Account, since: datetime, expected: set[str]) -> list[dict[str, str]]:
    """The functions' outcomes; a log may come some moments after its invocation has ended."""
    patience = time.monotonic() + LOG_SECONDS
    while True:
        outcomes = list(_logged(account, since))
        if {one["playbook"] for one in outcomes} >= expected or time.monotonic() > patience:
            return outcomes
        time.sleep(0.1)


def _logged(account: Account, since: datetime) -> Iterator[dict[str, str]]:
    """The functions' outcomes, from their logs."""
    logs = account.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/cordon/{NAME}/")["logGroups"]
    for group in groups:
        start = int(since.timestamp() * 1000)
        selected = {"logGroupName": group["logGroupName"], "startTime": start}
        pages = logs.get_paginator("filter_log_events").paginate(**selected)
        for entry in (entry for page in pages for entry in page["events"]):
            said = json.loads(entry["message"]) if entry["message"].startswith("{") else {}
            if "held_back" in said:
                yield {
                    "playbook": said["service"],
                    "outcome": said["message"],
                    "reason": said["reason"],
                    "case": said["case"],
                    "mode": said["mode"],
                }


def _physical(account: Account, stack: str) -> Iterator[tuple[str, str]]:
    pages = account.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=stack):
        for one in page["StackResourceSummaries"]:
            yield one["PhysicalResourceId"], one["LogicalResourceId"]


def _left(account: Account, generated: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    sqs = account.client("sqs")
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for url in sqs.list_queues()["QueueUrls"]:
        counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
        yield generated[url.rsplit("/", 1)[-1]], sum(int(counted[name]) for name in wanted)


def _by_role(calls: Sequence[Mapping[str, Any]], generated: Mapping[str, str]) -> Iterator[Call]:
    for call in calls:
        role = call["principal"].split("/")[-2]
        logical = generated.get(role, role)
        refused = "refused " if call["refused"] else ""
        yield logical.removesuffix("Role"), refused + call["action"], call["resource"]


# ---- both ----


def changes(calls: Sequence[Call]) -> dict[str, list[str]]:
    """What each function changes outside its memory, in order: evidence, resources, reports."""
    found: dict[str, list[str]] = {}
    for function, action, resource in calls:
        if not READ.search(action) and not action.startswith(MEMORY):
            found.setdefault(function, []).append(f"{action} {resource}")
    return found


def by_resource(calls: Sequence[Call]) -> dict[str, list[list[str]]]:
    """What each function requests of each resource, in order.

    Calls that need not wait for each other may go out at once, and then chance orders them: one
    reading of a resource and the next, and the rows of memory. Look-ups are left out: a function
    that is warm has kept them from an event before, and replay's account is new each time.
    """
    found: dict[str, list[list[str]]] = {}
    for function, action, resource in calls:
        if action in LOOK_UPS:
            continue
        groups = found.setdefault(f"{function} {resource}", [])
        if groups and _orderless(action) and _orderless(groups[-1][0]):
            groups[-1] = sorted([*groups[-1], action])
        else:
            groups.append([action])
    return found


def _orderless(action: str) -> bool:
    return bool(READ.search(action)) or action.startswith(MEMORY)


def differences(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Where two JSON values differ: the path, what replay has, what e2e has."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from differences(ours.get(key), theirs.get(key), f"{where}/{key}")
    elif ours != theirs:
        yield f"{where}: replay {json.dumps(ours)}, e2e {json.dumps(theirs)}"


def _short(generated: Mapping[str, str]) -> dict[str, str]:
    """The names that the deploy made up; of ARNs and URLs their last part."""
    last = {re.split("[/:]", k)[-1]: logical for k, logical in generated.items()}
    return {name: logical for name, logical in last.items() if GENERATED.search(name)}


def _moment(
    state: Mapping[str, Any], cases: Sequence[Case], calls: Sequence[Call], names: Names
) -> Moment:
    rows = sorted((_row(case) for case in cases), key=lambda row: str(row["id"]))
    return Moment(
        names.alike(_readable(state)), names.alike(rows), [tuple(c) for c in names.alike(calls)]
    )


def _row(case: Case) -> dict[str, Any]:
    assert case.plan_hash == case.plan.hash
    return case_json(case) | {
        "plan_hash": "",  # of a plan that names roles of the stack
        "mode": case.mode,
        "round": case.round,
        "decided_by": OPERATOR.sub("<operator>", case.decided_by),
        "released_by": OPERATOR.sub("<operator>", case.released_by),
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


def _evidence(stack: Stack, cases: Sequence[Case]) -> dict[str, list[str]]:
    found = {}
    for case in cases:
        entries, faults = stack.evidence(case)
        assert not faults, faults
        found[case.id] = [json.loads(entry)["stage"] for entry in entries]
    return found
