"""The same event, replayed and as deployed: the same outcomes, order and state, there and back.

Every sample of events/ that both can run. What differs is a defect of one of them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from console.expected import home_of
from console.replay import event_files
from tests.e2e.account import ACCOUNT, REGION, Account, emulator
from tests.e2e.comparison import (
    REPORTER,
    by_resource,
    changes,
    differences,
    last_events,
    shown,
)
from tests.e2e.conftest import LACKS
from tests.e2e.deployed_side import deployed
from tests.e2e.replay_side import replayed
from tests.e2e.sides import HALVES, Moment, Side
from tests.examples import BROKEN, EVENTS, QUARANTINE, function_of, path_of

WAITS = "it waits for hours, which only replay's clock has"
Deployed = Callable[[str], Account]


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The account with the stack deployed in another Region, made when it is needed."""
    made: dict[str, Account] = {}
    with ExitStack() as leave:

        def there(region: str) -> Account:
            if region not in made:
                log = tmp_path_factory.mktemp(f"emulator-{region}") / "log"
                account = replace(leave.enter_context(emulator(log)), region=region)
                account.client("securityhub").enable_security_hub()
                account.deploy("enforce")
                account.checkpoint()
                made[region] = account
            made[region].restore()
            return made[region]

        yield there


def name_of(path: Path) -> str:
    """The sample's, as the test's id."""
    return path.stem


NO_CASE = "there is no case to compare; test_delivery has what becomes of an unreadable event"
IMAGES = "who runs an image is made there for one sample only, and its models are not looked at"
UNPLAYED = {  # part of a sample's name: what the emulator lacks for it
    "not_served": "the emulator's clients have one account",
    "partly_blocked": "it names a guardrail of another account",
    "recorder_stopped": "the ARN of its recorder ends otherwise; test_detection starts it again",
    **dict.fromkeys(("inspector_critical_image", "inspector_high_image"), IMAGES),
    **dict.fromkeys(("inspector_medium_image", "securityhub_inspector_critical"), IMAGES),
}


def lack_of(path: Path, partition: str) -> str:
    """What the emulator lacks for a sample; "" for nothing."""
    if partition != "aws":
        return "the emulator is of partition aws only"
    if path.parent.name == BROKEN:
        return NO_CASE
    return next((lack for part, lack in UNPLAYED.items() if part in path.name), "")


@pytest.mark.parametrize("path", event_files([EVENTS]), ids=name_of)
def test_same_as_replay(path: Path, request: pytest.FixtureRequest, elsewhere: Deployed) -> None:
    home = home_of(json.loads(path.read_text()))
    assert home.account == ACCOUNT
    if lack := lack_of(path, home.partition):
        LACKS.add(f"{name_of(path)}: {lack}")
        pytest.skip(lack)
    replay = replayed(path)
    assert not replay.troubles
    if replay.waited:
        LACKS.add(f"{name_of(path)}, {replay.waited}: {WAITS}")
    if replay.waited == "contained":
        pytest.skip(WAITS)
    account: Account = (
        request.getfixturevalue("account") if home.region == REGION else elsewhere(home.region)
    )
    e2e = deployed(account, path, replay)
    found = list(compared(replay, e2e))
    assert not found, "\n".join(found)


def compared(replay: Side, e2e: Side) -> Iterator[str]:
    """Where the two sides differ, in words."""
    yield from differences(replay.staged, e2e.staged, "staged")
    yield from differences(by_playbook(replay), by_playbook(e2e), "outcomes")
    for half, ours, theirs in zip(HALVES, replay.moments, e2e.moments, strict=not replay.waited):
        states = differences(ours.state, theirs.state, f"{half}: state")
        # Of several cases of one finding the last that was shown writes its note: which, is chance.
        several = len(by_playbook(replay)) > 1
        yield from (found for found in states if not (several and "/Note/Text: " in found))
        yield from differences(ours.cases, theirs.cases, f"{half}: cases")
        ours_sent, sent = sorted(ours.messages, key=str), sorted(theirs.messages, key=str)
        yield from differences(ours_sent, sent, f"{half}: messages")
        yield from differences(
            last_events(ours.events), last_events(theirs.events), f"{half}: events"
        )
        yield from differences(
            changes(ours.calls), changes(theirs.calls), f"{half}: order of changes"
        )
        yield from differences(shown(ours.calls), shown(theirs.calls), f"{half}: calls that show")
        ordered, others = by_resource(ours.calls), by_resource(theirs.calls)
        yield from differences(ordered, others, f"{half}: order of calls")
    if not replay.waited:
        yield from differences(replay.evidence, e2e.evidence, "evidence")
        yield from differences(replay.left, e2e.left, "messages left")


def by_playbook(side: Side) -> dict[str, list[dict[str, str]]]:
    """The outcomes by playbook: who is first is chance."""
    found: dict[str, list[dict[str, str]]] = {}
    for one in side.outcomes:
        found.setdefault(one["playbook"], []).append(one)
    return found


PUBLIC = path_of("guardduty_anonymous_access")


def test_a_rule_that_is_not_deployed_is_seen(account: Account) -> None:
    """The comparison fails when the deployed account does less."""
    events = account.client("events")
    names = [rule["Name"] for rule in events.list_rules()["Rules"]]
    (name,) = [one for one in names if f"{function_of(QUARANTINE)}GuardDuty" in one]
    events.disable_rule(Name=name)
    try:
        replay = replayed(PUBLIC)
        seen = list(compared(replay, deployed(account, PUBLIC, replay)))
    finally:
        events.enable_rule(Name=name)  # no checkpoint holds rules
    assert any(line.startswith(f"outcomes/{QUARANTINE.name}: ") for line in seen)
    assert any(line.startswith("contained: state/s3/") for line in seen)


def test_every_kind_of_difference_is_seen() -> None:
    """Another outcome, another order, another state, and less evidence."""
    replay = replayed(PUBLIC)
    _, contained, _ = replay.moments
    first, *others = replay.outcomes
    changed = {
        "outcomes": replace(replay, outcomes=[first | {"outcome": "observed"}, *others]),
        "contained: order": _other(replay, replace(contained, calls=contained.calls[::-1])),
        "contained: state": _other(replay, replace(contained, state={})),
        "contained: cases": _other(replay, replace(contained, cases=[])),
        "contained: state/ssm": _other(replay, _without(contained, "ssm", "Description")),
        "contained: state/securityhub": _other(
            replay, _without(contained, "securityhub", "Description")
        ),
        "contained: messages": _other(replay, replace(contained, messages=[])),
        "contained: events": _other(replay, replace(contained, events=[])),
        "contained: calls that show": _other(
            replay, replace(contained, calls=[c for c in contained.calls if c[0] != REPORTER])
        ),
        "evidence": replace(replay, evidence={}),
        "messages left": replace(replay, left={}),
        "staged": replace(replay, staged=[]),
    }
    assert list(compared(replay, replay)) == []
    for what, other in changed.items():
        seen = list(compared(replay, other))
        assert seen and all(line.startswith(what) for line in seen), (what, seen)


def _without(moment: Moment, service: str, member: str) -> Moment:
    """People were shown less: a member of every incident, or of every finding, is missing."""
    state = json.loads(json.dumps(moment.state))
    for one in state[service].values() if isinstance(state[service], dict) else state[service]:
        del one[member]
    return replace(moment, state=state)


def _other(side: Side, contained: Moment) -> Side:
    return replace(side, moments=[side.moments[0], contained, side.moments[2]])
