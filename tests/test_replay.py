"""The console's promise: any event file, the deployed template, no network, a true exit status."""

import cProfile
import gc
import json
import logging
import pickle
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from typing import Any

import botocore.client
import botocore.loaders
import pytest
from moto.core.base_backend import BackendDict
from typer.testing import CliRunner, Result

from bench.replay import changed, day
from console.cli import app
from console.evidence import verify
from console.expected import expectation
from console.replay import BATCH, PREFETCHED_BATCHES, Replay, ReplayEvent, Run, event_files
from console.run import resources
from cordon.actions import Refused
from cordon.actions.s3 import BlockPublicAccess, DenyBucketAccess, SuspendLifecycle
from cordon.settings import Mode
from embedded import account, intrinsics, scheduler
from tests.examples import EVENTS, HEADERS, QUARANTINE, event, path_of

ROOT = Path(__file__).parent.parent
RANSOM = path_of("guardduty_ransomware_delete")


def cordon(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def replayed(*words: str | Path) -> tuple[int, dict[str, Any]]:
    result = cordon("replay", *words, "--full", "-o", "json")
    (run,) = json.loads(result.stdout)
    return result.exit_code, run


def test_an_event_is_contained_released_and_proven() -> None:
    code, run = replayed(RANSOM, "--release")
    assert (code, run["ok"], run["troubles"]) == (0, True, [])
    (bucket,) = run["before"]["s3"]
    assert "CordonDeny" in run["contained"]["s3"][bucket]["policy"]
    assert run["released"] == run["before"] != run["contained"]
    (case,) = run["cases"]
    assert case["status"] == "reopened"
    assert run["evidence"][case["id"]] == 8  # captured, contained, releasing, 4 changes, reopened
    assert "s3:PutBucketPolicy" in run["calls"]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["observe"], "observed"),
        (["observe", "--approve"], "observed"),
        (["approve"], "awaiting_approval"),
        (["approve", "--release"], "awaiting_approval"),
        (["approve", "--approve"], "contained"),
    ],
)
def test_mode_decides_and_only_approve_approves(words: list[str], status: str) -> None:
    code, run = replayed(RANSOM, "--mode", *words)
    assert code == 0
    assert [case["status"] for case in run["cases"]] == [status]
    assert (run["before"] == run["contained"]) == (status != "contained")


CHOSEN = sorted((EVENTS / QUARANTINE.name).glob("custom_action_*_s3_8.json"))
PASSED = path_of("securityhub_sagemaker_1_passed")


@pytest.mark.drawn(1 / 10)
@pytest.mark.parametrize("path", [*CHOSEN, PASSED], ids=lambda path: str(path.stem))
@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.APPROVE])
def test_other_modes_end_as_expected_and_change_nothing(path: Path, mode: Mode) -> None:
    """Those whose end depends on more than the mode: a person's choice, a case before."""
    run = Replay(ROOT, mode=mode).one(path)
    assert run.troubles == []
    assert resources(run.before) == resources(run.contained)


def test_question_that_nobody_expects_fails(tmp_path: Path) -> None:
    """The seeded fault: a plan that says the finding is for a person alone."""
    for file in (RANSOM, RANSOM.with_name(f"{RANSOM.stem}.plan.json")):
        shutil.copy(file, tmp_path)
    beside = tmp_path / f"{RANSOM.stem}.plan.json"
    beside.write_text(json.dumps(json.loads(beside.read_text()) | {"outcome": "escalated"}))
    code, run = replayed(tmp_path / RANSOM.name, "--mode", "approve")
    assert code == 1
    assert run["troubles"] == ["ended as awaiting_approval, not as escalated: mode is approve"]


def refused(*_: Any) -> Any:
    raise Refused("a service control policy denies it")


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        ((DenyBucketAccess,), "partly_contained"),
        ((DenyBucketAccess, SuspendLifecycle, BlockPublicAccess), "failed"),
    ],
)
def test_case_that_is_not_contained_is_no_tick(
    actions: tuple[Any, ...], status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no plan is beside the event; unless the plan expects it."""
    for action in actions:
        monkeypatch.setattr(action, "apply", refused)
    path = tmp_path / RANSOM.name
    shutil.copy(RANSOM, path)
    result = cordon("replay", path)
    assert result.exit_code == 1
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("✘"))
    assert f"is {status}: deny_bucket_access refused: a service control policy" in line
    expected = expectation(RANSOM) | {"outcome": status}
    (tmp_path / f"{RANSOM.stem}.plan.json").write_text(json.dumps(expected))
    result = cordon("replay", path)
    assert (result.exit_code, result.stdout[0]) == (0, "✔")


def test_run_that_differs_from_its_plan_fails(tmp_path: Path) -> None:
    """The seeded fault: a plan that leaves out a change."""
    event = tmp_path / RANSOM.name
    shutil.copy(RANSOM, event)
    plan = json.loads(RANSOM.with_name("guardduty_ransomware_delete.plan.json").read_text())
    plan["plan"]["actions"].pop()
    event.with_name("guardduty_ransomware_delete.plan.json").write_text(json.dumps(plan))
    code, run = replayed(event)
    assert code == 1
    assert run["troubles"] == ["the plan is not the one beside the event"]


def test_a_users_own_event_works(tmp_path: Path) -> None:
    """One that the repository has never seen, in another Region, without a plan beside it."""
    event = json.loads(RANSOM.read_text().replace("us-east-1", "ap-southeast-2"))
    event["detail"]["id"] = "f" * 32
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(event).replace("acme-model-artifacts", "somebody-elses-models"))
    code, run = replayed(mine, "--release")
    assert (code, run["troubles"]) == (0, [])
    assert list(run["before"]["s3"]) == ["somebody-elses-models"]


def an_event(tmp_path: Path, **changes: Any) -> Path:
    event = json.loads(RANSOM.read_text()) | changes
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    return path


def test_unhandled_event_says_so(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    shutil.copy(path_of("securityhub_s3_5"), path)
    result = cordon("replay", path)
    assert result.exit_code == 0
    assert result.stdout.startswith("✔")
    assert "ignored: no playbook handles this event" in result.stdout


def test_event_that_no_parser_reads_is_no_tick(tmp_path: Path) -> None:
    """Nobody can know whether Cordon should have done anything; unless the plan says so."""
    stranger = an_event(tmp_path, source="aws.ec2", **{"detail-type": "EC2 Instance State-change"})
    result = cordon("replay", stranger)
    assert result.exit_code == 1
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("?"))
    assert "cannot be read: source" in line
    assert "none matches this event" in result.stdout
    assert "0 of 1 events ended as they should" in result.stdout
    assert cordon("plan", stranger).exit_code == 1
    assert cordon("plan", "--write", stranger).exit_code == 0
    result = cordon("replay", stranger)
    assert (result.exit_code, result.stdout[0]) == (0, "✔")
    assert cordon("plan", stranger).exit_code == 0


def test_unreadable_event_becomes_a_dead_letter(tmp_path: Path) -> None:
    detail = json.loads(RANSOM.read_text())["detail"] | {"accountId": "12"}
    code, run = replayed(an_event(tmp_path, detail=detail))
    assert code == 1
    assert any("dead letter" in t and "detail.accountId" in t for t in run["troubles"])


def test_what_a_function_refuses_names_its_field(tmp_path: Path) -> None:
    """A parser reads it, and the queue's dead letter says no more than that it failed."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event("config_bucket_level_block") | {"region": "eu-west-1"}))
    code, run = replayed(path)
    assert code == 1
    assert run["unreadable"] == "cannot be read: region: is not the finding's Region"
    assert run["unreadable"] in run["troubles"]


def test_key_of_several_regions_is_staged_and_restored(tmp_path: Path) -> None:
    """AWS writes ``mrk-`` and 32 digits."""
    sent = event("cloudtrail_key_deletion_scheduled")
    key = sent["detail"]["requestParameters"]["keyId"]
    path = tmp_path / "event.json"
    path.write_text(json.dumps(sent).replace(key, f"mrk-{key.replace('-', '')}"))
    code, run = replayed(path)
    assert (code, run["troubles"]) == (0, [])
    assert [case["status"] for case in run["cases"]] == ["contained"]


@pytest.mark.parametrize("text", ["no json", "[]", "{}"])
def test_file_without_event_is_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "event.json"
    path.write_text(text)
    code, run = replayed(path)
    assert code == 1
    assert "not" in run["troubles"][0]


def test_plans_beside_events_are_not_events() -> None:
    files = event_files([EVENTS])
    assert RANSOM in files
    assert not [file for file in files if file.name.endswith(".plan.json")]


def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    detail = json.loads(RANSOM.read_text())["detail"] | {
        "title": "[red]x[/red] \u001b[31m [link=e] \ud800"
    }
    result = cordon("replay", an_event(tmp_path, detail=detail))
    assert result.exit_code == 0
    assert "\u001b[31m" not in result.stdout


# ---- many events ----

OF_EACH_PLAYBOOK = (
    "guardduty_ransomware_delete",
    "guardduty_compromised_credentials",
    "securityhub_sagemaker_1",
    "guardduty_root_credential_usage",
    "guardduty_archived",
)
MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")


def outcome(name: str) -> Any:
    """All that a replay says of a sample, but for its moment and how long it took."""
    run = Replay(ROOT, release=True).one(path_of(name))
    assert run.seconds > 0
    run.seconds = 0.0
    return json.loads(MOMENT.sub("then", json.dumps(run.to_json(), default=str)))


@pytest.mark.drawn(1 / 6)
@pytest.mark.parametrize("name", OF_EACH_PLAYBOOK)
def test_whatever_was_replayed_before_an_event_ends_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an account built for it alone, and in one thawed after another event."""
    monkeypatch.setattr(account, "_DEPLOYED", {})
    alone = outcome(name)
    assert alone["ok"]
    outcome(next(other for other in OF_EACH_PLAYBOOK if other != name))
    assert outcome(name) == alone


def test_an_event_more_builds_loads_and_makes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts guard what docs/performance.md says of time."""
    names = OF_EACH_PLAYBOOK[:2]
    for name in names:
        outcome(name)
    calls: list[str] = []
    for owner, method in (
        (account, "build"),
        (intrinsics.Resolver, "all"),
        (botocore.client.ClientCreator, "create_client"),
        (botocore.loaders.JSONFileLoader, "load_file"),
        (botocore.client.BaseClient, "_make_api_call"),
    ):
        _counted(monkeypatch, owner, method, calls)
    for name in names:
        outcome(name)
    assert set(calls) == {"_make_api_call"}
    # two events, released: staging, functions, machines, snapshots; each playbook's open cases
    assert len(calls) < 420 + 2 * len(HEADERS)
    assert scheduler.active() is None
    assert vars(BackendDict)["_instances"] == []


@pytest.mark.drawn(1 / 5)
def test_neither_work_nor_memory_grows_with_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same event, early and late: as many function calls, and as many objects kept."""
    monkeypatch.setattr(logging.root, "handlers", [])  # pytest keeps what is logged
    _learn()
    calls, objects = _calls(), _objects()
    for _ in range(3):
        Replay(ROOT).one(RANSOM)
    # Of half a million; a thousand less where a moment was read in the same second before.
    assert _calls() == pytest.approx(calls, rel=0.004)
    assert _objects() - objects < 100


def _learn() -> None:
    for _ in range(2):
        Replay(ROOT).one(RANSOM)
    _calls()


def _calls() -> int:
    profile = cProfile.Profile()
    profile.runcall(Replay(ROOT).one, RANSOM)
    return sum(entry.callcount for entry in profile.getstats())


def _objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def _counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, calls: list[str]) -> None:
    original = getattr(owner, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)


class Quick(Replay):
    """Returns at once, as if it had replayed."""

    def _batch(self, events: Sequence[ReplayEvent]) -> list[Run]:
        return [Run(event, Mode.ENFORCE) for event in events]


class Inline:
    """A pool that does what it is given when it is given it."""

    def submit(self, work: Any, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*args))
        return future


def test_events_are_read_as_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day without end: what is ahead of the run that is shown stays within bounds."""
    monkeypatch.setattr("console.replay._cores", lambda: 2)
    given: list[int] = []

    def endless() -> Iterator[ReplayEvent]:
        for number in count(1):
            given.append(number)
            yield ReplayEvent(Path("day.jsonl"), number, "{}")

    runs = Quick(ROOT)._shared(endless(), Inline())  # type: ignore[arg-type]
    for shown in range(1, 1000):
        assert next(runs).event.line == shown
        assert len(given) - shown < BATCH * PREFETCHED_BATCHES * 2 + BATCH


def test_a_run_finds_its_way_from_another_process() -> None:
    """``make replay`` shares the samples among the cores."""
    run = Replay(ROOT, release=True, keep_evidence=True).one(RANSOM)
    assert pickle.loads(pickle.dumps(run)) == run
    assert run.evidence == {case: copy.end.seq for case, copy in run.copies.items()} != {}
    assert [verify(copy) for copy in run.copies.values()] == [[]]
    assert pickle.loads(pickle.dumps(Replay(ROOT))) == Replay(ROOT)


def test_the_events_of_a_day_are_all_different() -> None:
    events = list(day(300))
    assert len(set(events)) == 300
    assert events == list(day(300))
    assert len({json.loads(one)["id"] for one in events}) == 300


def test_renamed_events_of_a_day_end_as_expected(tmp_path: Path) -> None:
    recorded = tmp_path / "day.jsonl"
    recorded.write_text(changed(json.loads(RANSOM.read_text()), 7))
    code, run = replayed(recorded, "--release")
    assert (code, run["troubles"]) == (0, [])
    assert list(run["before"]["s3"]) == ["acme-model-artifacts-00007"]
