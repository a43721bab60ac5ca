"""One event on both sides: replayed in the embedded account, and run in the deployed one.

Both sides are looked at with the same code and at the same moments: when the scene is set, when
all is contained, when all is released. What has to differ is made alike: names that a deploy
generates, ids that a service gives, the moment it is now.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from botocore.credentials import Credentials

from console import account as console_account
from console.account import EVERY_VERB, OPERATOR
from console.expected import expectation_path
from console.replay import Replay
from console.run import Run, case_json
from console.stack import Stack
from cordon.deciding.cases import HOLDING
from cordon.finding import Malformed
from cordon.memory.cases import Case
from cordon.protection import PERMISSIONS as LOOK_UPS
from cordon.sources import read
from cordon.statuses import Status
from embedded import snapshot as looks
from embedded.account import EmbeddedAccount
from embedded.backends import tags
from embedded.journal import Called, Published
from embedded.place import Place
from tests.e2e.account import ACCOUNT, NAME, ROOT, Account
from tests.e2e.people import Heard, hearing

WHY = "replay --release"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
OPS_ITEM = re.compile(r"\boi-[0-9a-f]+")
GENERATED = re.compile(r"-[0-9A-Fa-f]{12,13}$")  # how the names end that a deploy makes up
HOURS = timedelta(hours=48)  # what our own changes name is no older: the age of sessions
SOON = timedelta(minutes=30)  # a release that reaches ahead, or a slow machine
SAM = "aws-sam-cli-managed-default"  # the stack of the bucket that `sam deploy` uploads to
READ = re.compile(r":(?:Get|List|Describe)")
HALVES = ("staged", "contained", "released")
ON_THE_WAY = ("containing", "releasing")
REPORTER = "ReportCases"
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
        for physical in sorted(self.generated, key=len, reverse=True):
            text = text.replace(physical, f"<{self.generated[physical]}>")
        text = KEY.sub(lambda key: key[0] if key[0] in self.event else "<key>", text)
        return STAMP.sub(self._stamp, OPS_ITEM.sub("<incident>", text))

    def _stamp(self, found: re.Match[str]) -> str:
        """What is to come, as the end of a period, is so many hours from now."""
        ahead = datetime.fromisoformat(found[0]) - self.now
        if ahead > SOON:
            return f"<in {round(ahead / timedelta(hours=1))} hours>"
        return "<now>" if -ahead < HOURS else found[0]


# ---- replay ----


class _Watched(EmbeddedAccount):
    """An embedded account that keeps what there was at each moment that replay looks at it."""

    def __init__(self, *args: Any, side: Side, event: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.side, self.event = side, event

    def advance(self, delta: timedelta, **how: Any) -> Any:
        """Only this clock can be moved: what follows from it is not compared."""
        self.side.waited = self.side.waited or HALVES[len(self.side.moments)]
        return super().advance(delta, **how)

    def snapshot(self, *, exclude_own: bool = True) -> dict[str, Any]:
        shown = super().snapshot(exclude_own=exclude_own) | reports(self.client)
        stack = Stack(self.client, self.stack.outputs)
        generated = {r.physical: r.logical for r in self.stack.resources.values()}
        self.side.names = _short(generated)
        names = Names(self.side.names, self.now, self.event)
        cases = list(stack.all_cases())
        calls = list(_journaled(self))[sum(len(m.calls) for m in self.side.moments) :]
        messages = list(_published(self))[sum(len(m.messages) for m in self.side.moments) :]
        events = list(_on_the_bus(self))[sum(len(m.events) for m in self.side.moments) :]
        self.side.moments.append(_moment(shown, cases, calls, names, messages, events))
        self.side.evidence = _evidence(stack, cases)
        self.side.left = {queue: len(self.messages(queue)) for queue in self.queues}
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


def _published(account: EmbeddedAccount) -> Iterator[dict[str, str]]:
    for one in account.journal.of(Published):
        yield {"subject": one.subject, "text": one.message}


def _on_the_bus(account: EmbeddedAccount) -> Iterator[dict[str, Any]]:
    puts = (call for call in account.journal.of(Called) if call.operation == "PutEvents")
    for entry in (entry for call in puts if call.allowed for entry in call.params["Entries"]):
        yield json.loads(entry["Detail"])


# ---- e2e ----


def deployed(account: Account, path: Path, like: Side) -> Side:
    """The event, staged, put and released in the deployed account, as the replay was."""
    with hearing(account) as heard:
        return _deployed(_Watch(account, like, path.read_text(), heard), path, like)


def _deployed(watch: "_Watch", path: Path, like: Side) -> Side:
    account, operator = watch.account, watch.operator
    expected = _beside(path)
    event = watch.event_here(path)
    earlier = [watch.event_here(path.parent / name) for name in expected.get("after", ())]
    for one in earlier or [event]:
        watch.side.staged = _staged(account, one)
    watch.look()
    for one in earlier:
        _deliver(account, one, operator)
    since = datetime.now().astimezone()
    _deliver(account, event, operator)
    outcomes = _outcomes(account, since, {one["playbook"] for one in like.outcomes})
    if event != json.loads(path.read_text()):  # a case's id is made of the names, among others
        cases = {one["playbook"]: one["case"] for one in like.outcomes}
        outcomes = [one | {"case": cases.get(one["playbook"], "")} for one in outcomes]
    watch.side.outcomes = watch.names.alike(outcomes)
    watch.look()
    if like.waited:
        return watch.side
    for case in account.cases():
        if case.status in HOLDING:
            operator.release(case, WHY)
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

    def __init__(self, account: Account, like: Side, event: str, heard: Heard) -> None:
        self.account, self.like, self.event, self.heard = account, like, event, heard
        self.side = Side(waited=like.waited)
        self.ai = sorted(like.moments[0].state["tags"]) if like.moments else []
        self.noted = len(account.calls())
        self.generated = dict(_physical(account, NAME))
        own = self.generated.keys() | dict(_physical(account, SAM)).keys()
        self.own = {name.rsplit("/", 1)[-1] for name in own} | {OPERATOR}
        self.operator = _operator(account)

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
        state |= reports(account.client)
        calls = account.calls(self.noted)
        self.noted += len(calls)
        made = list(_by_role(calls, self.generated))
        told = self.heard.messages(), self.heard.events()
        self.side.moments.append(_moment(state, cases, made, names, *told))
        self.side.evidence = _evidence(account.stack, cases)
        self.side.left = dict(_left(account, _short(self.generated)))

    def _tags(self) -> dict[str, Any]:
        """Of the resources that replay has staged; wherever they are."""
        found = {}
        for arn in self.ai:
            service = tags.service_of(arn).name
            found[arn] = TAGS[service](self.account.client(service, arn.split(":")[3]), arn)
        return found


def _operator(account: Account) -> Stack:
    """The stack for replay's operator, who is a user with a name."""
    iam = account.client("iam")
    iam.create_user(UserName=OPERATOR)
    document = json.dumps(EVERY_VERB)
    iam.put_user_policy(UserName=OPERATOR, PolicyName="every-verb", PolicyDocument=document)
    key = iam.create_access_key(UserName=OPERATOR)["AccessKey"]
    signer = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    return replace(account.stack, desk=account.desk(signer=signer))


def _deliver(account: Account, event: Mapping[str, Any], operator: Stack) -> None:
    """Put the event; whoever must decide approves, as `replay --approve` does it."""
    account.put(event)
    waiting = [case for case in account.cases() if case.status is Status.AWAITING_APPROVAL]
    for case in waiting:
        operator.decide(case, "approve", case.plan_hash)
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
        if logical := generated.get(url.rsplit("/", 1)[-1]):
            yield logical, sum(int(counted[name]) for name in wanted)


def _by_role(calls: Sequence[Mapping[str, Any]], generated: Mapping[str, str]) -> Iterator[Call]:
    for call in calls:
        role = call["principal"].split("/")[-2]
        logical = generated.get(role, role)
        refused = "refused " if call["refused"] else ""
        yield logical.removesuffix("Role"), refused + call["action"], call["resource"]


# ---- both ----


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


def last_events(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The last event of each case and status, but for what goes over by itself.

    Of two writes in one window of the stream the reporter sees the later: whether it has seen a
    case *containing* before it was *contained* is chance, and so is what the status before was.
    """
    return {
        f"{one['case']} {one['status']}": {k: v for k, v in one.items() if k != "previous"}
        for one in events
        if one["status"] not in ON_THE_WAY
    }


def changes(calls: Sequence[Call]) -> dict[str, list[str]]:
    """What each function changes outside its memory, in order: evidence, resources, reports."""
    found: dict[str, list[str]] = {}
    for function, action, resource in calls:
        if function != REPORTER and not READ.search(action) and not action.startswith(MEMORY):
            found.setdefault(function, []).append(f"{action} {resource}")
    return found


def shown(calls: Sequence[Call]) -> list[str]:
    """What the reporter changes where people look, each once.

    How many calls that takes, and in which order, follows from which writes one window of the
    stream has gathered. So does whether it opens an incident and then changes it, or opens it as it
    is at the end.
    """
    called = {
        f"{action} {resource}"
        for function, action, resource in calls
        if function == REPORTER and not READ.search(action) and not action.startswith(MEMORY)
    }
    return sorted(one for one in called if not one.startswith("ssm:UpdateOpsItem"))


def by_resource(calls: Sequence[Call]) -> dict[str, list[list[str]]]:
    """What each function requests of each resource, in order.

    Calls that need not wait for each other may go out at once, and then chance orders them: one
    reading of a resource and the next, and the rows of memory. Look-ups are left out: a function
    that is warm has kept them from an event before, and replay's account is new each time.
    """
    found: dict[str, list[list[str]]] = {}
    for function, action, resource in calls:
        if action in LOOK_UPS or function == REPORTER:
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
    state: Mapping[str, Any],
    cases: Sequence[Case],
    calls: Sequence[Call],
    names: Names,
    messages: Sequence[Mapping[str, str]],
    events: Sequence[Mapping[str, Any]],
) -> Moment:
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
        "plan_hash": "",  # of a plan that names roles of the stack
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


def _evidence(stack: Stack, cases: Sequence[Case]) -> dict[str, list[str]]:
    found = {}
    for case in cases:
        entries, faults = stack.evidence(case)
        assert not faults, faults
        found[case.id] = [json.loads(entry)["stage"] for entry in entries]
    return found
