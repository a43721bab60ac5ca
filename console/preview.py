"""What a decision would change, read from the account just now; nothing is written.

Each change is made as its playbook makes it, on clients that send readings and nothing else. What
would be written is kept here, and its response is empty. The difference is that of what was read
and of what would be there then. What AWS would refuse is known only when it is tried.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from console.aws_errors import explained, is_denied, missing
from console.case_evidence import OF_PARTS, ONLY_DIGEST, Written, state_after, with_parts
from console.case_page import NOT_IN_FORCE, Section, in_words
from console.differences import unified
from console.stack import Stack
from cordon.actions import Action, NotVerified, NotYet, Refused, ResourceDeleted, Undone
from cordon.actions.action import NothingToChange
from cordon.actions.setting import Setting
from cordon.clients import AwsClients
from cordon.memory.cases import Case

READINGS = ("BatchGet", "Describe", "Get", "Head", "List", "Query")
NOT_KNOWN = "known only when it is written"
AS_IF = (
    "Read just now with your credentials; nothing was written. It is as if no other case held these"
    " resources. What AWS would refuse is known only when it is tried."
)
NOTHING = "No change of a resource."
NOT_WRITTEN = "evidence does not say that it was written: whatever is to be undone shows then"
GOES_ON = "it reads again after a call, and goes on by what it finds then"
NO_CALL, SO_ALREADY = "no call would be made", "it is so already"
Client = Callable[..., Any]  # as boto3's ``client``


@dataclass(frozen=True)
class Caller:
    """Whose credentials read, and in which account these are."""

    client: Client
    account: str


def caller(stack: Stack) -> Caller:
    """Who looks at a deployed stack: whoever reads its rows is of its account."""
    return Caller(stack.client, stack.account)


@dataclass(frozen=True)
class Write:
    """A call that was not sent."""

    service: str
    operation: str
    params: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.service} {self.operation} {json.dumps(self.params, default=str)}"


class _Empty(dict[str, Any]):
    """The response to a call that was not sent: whatever is looked up in it is not known."""

    def __missing__(self, _: str) -> str:
        return NOT_KNOWN


class OnlyReadings(AwsClients):
    """Clients that send readings. ``writes``: what else was to be sent, and was not.

    Whatever is not by its name a reading counts as a write: nothing is sent that is not known.
    ``looked_again``: something was read after a write, which it cannot show.
    """

    def __init__(self, region: str, client: Client) -> None:
        super().__init__(region, {})
        self.writes: list[Write] = []
        self.looked_again = False
        self._made_by = client

    def make(self, service: str) -> Any:
        made = self._made_by(service, region_name=self.region)
        if _is_address(made.meta.endpoint_url):
            made.meta.events.register("before-sign", partial(_to, made.meta.endpoint_url))
        return _Reader(made, self)

    def looks(self) -> None:
        """Something is read."""
        self.looked_again |= bool(self.writes)

    def keeps(self, service: str, operation: str, **params: Any) -> Mapping[str, Any]:
        """Take a call that must not be sent. Nothing of its response is known."""
        self.writes.append(Write(service, operation, params))
        return _Empty()


class _Reader:
    """A client of which only the readings are the service's."""

    def __init__(self, client: Any, clients: OnlyReadings) -> None:
        self._client, self._clients = client, clients

    def __getattr__(self, name: str) -> Any:
        meta = self._client.meta
        operation = meta.method_to_api_mapping.get(name)
        if operation is not None and not is_reading(operation):
            return partial(self._clients.keeps, meta.service_model.service_name, operation)
        if operation is not None or name == "get_paginator":
            self._clients.looks()
        return getattr(self._client, name)


def _is_address(url: str) -> bool:
    """Does AWS_ENDPOINT_URL name an IP address, as of an emulator?"""
    try:
        ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return False
    return True


def _to(endpoint: str, request: Any, **_: Any) -> None:
    """S3 Control is called at a name below the endpoint's: below an address there is none."""
    request.url = urlsplit(request.url)._replace(netloc=urlsplit(endpoint).netloc).geturl()


def is_reading(operation: str) -> bool:
    """Does an operation of AWS only read? By its name; no action uses another that does."""
    return operation.startswith(READINGS)


def containing(actions: Iterable[Action], caller: Caller, *, full: bool = False) -> list[Section]:
    """What these changes would make of their resources; ``full``: every line of it."""
    looks = [(action, partial(_contained, action, full=full)) for action in actions]
    return _sections("What it would change now", looks, caller)


def releasing(
    case: Case, written: Sequence[Written] | str, caller: Caller, *, full: bool = False
) -> list[Section]:
    """What a release would make of what the case holds. ``written``: as the case's page has it."""
    heading = "What a release would change now"
    if isinstance(written, str):
        return [Section(heading, (f"{written[0].upper()}{written[1:]}.",))]
    ended = {result.target: result.status for result in case.results}
    held = [one for one in written if ended.get(one.action.target) not in NOT_IN_FORCE]
    looks = [(one.action, partial(_released, one, full=full)) for one in held]
    return _sections(heading, looks, caller)


Look = Callable[[OnlyReadings], list[str]]


def _sections(heading: str, looks: Sequence[tuple[Action, Look]], caller: Caller) -> list[Section]:
    found = [_section(action, look, caller) for action, look in looks]
    return [Section(heading, (AS_IF,) if found else (NOTHING,)), *found]


def _section(action: Action, look: Look, caller: Caller) -> Section:
    account = action.place.account
    if account == caller.account:
        lines = _looked(look, OnlyReadings(action.place.region, caller.client))
    else:
        lines = [f"not read: it is in account {account}; your credentials are of {caller.account}"]
    return Section(f"{action.name()} on {action.resource}", tuple(lines))


def _looked(look: Look, aws: OnlyReadings) -> list[str]:
    try:
        return look(aws)
    except (NothingToChange, NotVerified, NotYet, Refused, ResourceDeleted) as why:
        return [str(why)]
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and is_denied(error):
            return [f"unknown: missing is {missing(error)}: docs/policies/resources.json"]
        return [f"unknown: {explained(error)}"]
    except Exception as error:  # noqa: BLE001 whatever it is, it keeps nobody from deciding
        return [f"unknown: {type(error).__name__}: {error}"]


def _contained(action: Action, aws: OnlyReadings, *, full: bool) -> list[str]:
    now = _as_kept(action.capture(aws))
    wrote = _as_kept(action.apply(aws, now, None, now))
    after = {
        name: _sent(action, now[name], wrote[name], aws.writes) if one == ONLY_DIGEST else one
        for name, one in state_after(action, now, wrote).items()
    }
    return _lines(now, after, wrote, aws, full=full)


def _released(one: Written, aws: OnlyReadings, *, full: bool) -> list[str]:
    if one.before is None or one.noted is None:
        return [NOT_WRITTEN]
    try:
        now = _as_kept(one.action.capture(aws))
    except NothingToChange:  # nothing of what it looks for is there any more
        now = {}
    try:
        undone = one.action.undo(aws, one.before, one.noted)
    except NotYet:
        if not aws.looked_again:
            raise
        return _lines({}, {}, {}, aws, full=full)  # no reading has what its own calls would do
    left = _as_kept(undone.left or {})
    then = {name: with_parts(name, now[name], to) for name, to in left.items() if name in now}
    made = _lines(now, then, left, aws, full=full)
    is_sure = undone.state is not Undone.RESTORED and not aws.looked_again
    return [*([f"{undone.state}: {undone.reason}"] if is_sure else []), *made]


def _lines(
    now: Mapping[str, Any],
    then: Mapping[str, Any],
    wrote: Mapping[str, Any],
    aws: OnlyReadings,
    *,
    full: bool,
) -> list[str]:
    """The difference, and by which calls. Where it is in no property, or not sure, only the calls.

    Of a property of parts nothing is said of those that are not written.
    """
    if aws.looked_again or not then:
        calls = list(dict.fromkeys(f"+ {one}" for one in aws.writes)) or [NO_CALL]
        return [*calls, *([GOES_ON] if aws.looked_again else [])]
    was = {name: _parts(name, now[name], wrote[name]) for name in then}
    then = {name: _parts(name, one, wrote[name]) for name, one in then.items()}
    made = unified(was, then) if full else in_words(was, then)
    calls = list(dict.fromkeys(f"{one.service} {one.operation}" for one in aws.writes))
    return [*(made or [SO_ALREADY]), f"by {', '.join(calls)}" if calls else NO_CALL]


def _parts(name: str, value: Any, wrote: Any) -> Any:
    if name not in OF_PARTS or not isinstance(value, Mapping) or not isinstance(wrote, Mapping):
        return value
    return {part: one for part, one in value.items() if part in wrote}


def _sent(action: Action, now: Any, mark: Any, writes: Iterable[Write]) -> Any:
    """The setting with this mark, as it was to be sent: whole, or what changes of it."""
    if not isinstance(action, Setting):
        return NOT_KNOWN
    for value in (value for one in writes for value in one.params.values()):
        whole = {**now, **value} if isinstance(now, dict) and isinstance(value, dict) else value
        if _has_mark(action, whole, mark):
            return whole
    return NOT_KNOWN


def _has_mark(action: Setting, value: Any, mark: Any) -> bool:
    try:
        return bool(action.mark(value) == mark)
    except (KeyError, TypeError, ValueError):  # another parameter of the call
        return False


def _as_kept(state: Mapping[str, Any]) -> dict[str, Any]:
    """As it would come back from the hold."""
    return dict(json.loads(json.dumps(state)))
