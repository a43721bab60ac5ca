"""Events that no parser reads: one for each source and detail-type that a rule hears.

What each of them leads to is beside it, and ``test_plans`` makes it anew. Here: that there is one
for each, and that replay sees where the event ends, and sees it where it ends elsewhere.
"""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from console.dead_letters import NO_LETTERS, DeadLetters
from console.expected import deployed, home_of
from console.replay import Replay
from cordon.settings import Mode
from embedded.journal import DeadLettered, Invoked, Record
from tests.examples import BROKEN, event, path_of, plan_beside, samples
from tests.test_events import PREFIXES, nothing_real_is_in_it

ROOT = Path(__file__).parents[1]
NAMES = samples(BROKEN)
QUEUE = "arn:aws:sqs:us-east-1:111122223333:cordon-FailedInvocations-0"
WHY = "detail.id: is missing"
EVENT = {"detail": {"severity": 8}}
EXPECTED = DeadLetters(EVENT, WHY, {"A": "FailedInvocations", "B": "FailedInvocations"})


def pair(sample: dict[str, Any]) -> tuple[str, str]:
    return sample["source"], sample["detail-type"]


def test_each_pair_that_a_rule_hears_has_one_broken_sample() -> None:
    """The desk's too: a reviewer's choice. What setup hears is about the stack and no finding."""
    home = home_of(event(NAMES[0]))
    stack = deployed(home, Mode.ENFORCE)  # with every parameter that switches a rule on
    heard = {
        (source, detail_type)
        for source, detail_type, function in stack.routes.heard()
        if stack.reached_by(function)
    }
    assert len(heard) > 20
    assert Counter(pair(event(name)) for name in NAMES) == Counter(heard)


@pytest.mark.parametrize("name", NAMES)
def test_broken_sample_is_kept_with_the_name_of_the_field(name: str) -> None:
    plan = plan_beside(name)
    assert (plan["outcome"], plan["playbook"]) == ("unreadable", None)
    said, field, why = plan["reason"].split(": ")
    assert said == "cannot be read" and why
    assert field.split(".")[0] in event(name), f"{field} is no field of an event"
    assert set(plan["dead_letters"].values()) <= {"FailedInvocations", "FailedBulkEvents"}
    assert name.startswith(PREFIXES[event(name)["detail-type"]])
    nothing_real_is_in_it(name)


ONE_A_LANE = ("guardduty_severity_is_text", "macie_without_id", "custom_action_resources_are_text")


@pytest.mark.parametrize("name", ONE_A_LANE)
def test_each_lane_keeps_the_event(name: str) -> None:
    """By invocation, by queue, and at the desk; ``make replay`` has the others."""
    assert Replay(ROOT).one(path_of(name)).troubles == []


def test_other_reason_than_the_plan_s_fails(tmp_path: Path) -> None:
    """The seeded fault: a plan that names another field."""
    path = path_of("macie_without_id")
    plan = plan_beside(path.stem)
    shutil.copy(path, tmp_path)
    plan["reason"] = plan["reason"].replace("detail.id", "detail.type")
    (tmp_path / f"{path.stem}.plan.json").write_text(json.dumps(plan))
    troubles = Replay(ROOT).one(tmp_path / path.name).troubles
    assert troubles[0] == "cannot be read: detail.id: is missing"
    failed = [f"{one} did not fail with: detail.type: is missing" for one in plan["dead_letters"]]
    assert troubles[1:] == failed


def failed(function: str, error: str = f"Malformed: {WHY}", log: str = "") -> Invoked:
    return Invoked(function, EVENT, 1, error=error, log=log)


def letter(body: Any = EVENT, queue: str = QUEUE) -> DeadLettered:
    return DeadLettered(queue, json.dumps(body), "failed")


BOTH: tuple[Record, ...] = (failed("A"), failed("B"), letter(), letter({"requestPayload": EVENT}))


def test_what_the_plan_says_is_expected() -> None:
    assert all(map(EXPECTED.expects, BOTH))
    assert list(EXPECTED.missing(BOTH)) == []
    assert not any(map(NO_LETTERS.expects, BOTH))
    in_log = failed("B", "", json.dumps({"error": f"Malformed('{WHY}')"}))
    assert list(EXPECTED.missing((BOTH[0], in_log, *BOTH[2:]))) == []


@pytest.mark.parametrize(
    "record",
    [
        failed("C"),
        failed("A", "KeyError: 'id'"),
        letter({"detail": {}}),
        letter(queue=QUEUE.replace("Invocations", "Reports")),
    ],
)
def test_anything_else_is_a_surprise(record: Invoked | DeadLettered) -> None:
    assert not EXPECTED.expects(record)


@pytest.mark.parametrize("left_out", range(len(BOTH)))
def test_what_did_not_happen_is_missing(left_out: int) -> None:
    (said,) = EXPECTED.missing(one for n, one in enumerate(BOTH) if n != left_out)
    assert ("did not fail" in said) == (left_out < 2)
    assert left_out < 2 or "FailedInvocations: 1, not 2" in said
