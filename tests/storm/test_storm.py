"""The simulated storm: its laws, that it can fail, and that it reads the template."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bench.storm import numbers as template
from bench.storm import times
from bench.storm.numbers import Numbers
from bench.storm.quotas import QUOTAS, TABLE
from bench.storm.reporter import AWAITING, CONTAINED, OBSERVED
from bench.storm.scenarios import (
    AN_HOUR,
    BUDGET,
    FIVE_SECONDS,
    MINUTES,
    SECONDS,
    Result,
    run,
    spread,
)
from bench.storm.simulation import Arrivals, Conditions, Storm, simulate
from console.account import ROOT
from tests.examples import QUARANTINE, REVOKE, TAG, function_of

pytestmark = pytest.mark.drawn(1 / 5)
SMALL = Arrivals(threats=60, threats_in=5, controls=400, controls_in=30)
SHORT = replace(MINUTES, threats=50, threats_in=180, controls=5_000, controls_in=180)
BURST = replace(SECONDS, threats=300, threats_in=2)


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    return template.read(ROOT)


Rates = dict[str, float]


def conditions(
    numbers: Numbers, rates: Rates | None = None, *, budget: int = BUDGET, seed: int = 1
) -> Conditions:
    """With other rates of these quotas."""
    quotas = dict(QUOTAS)
    for name, rate in (rates or {}).items():
        quotas[name] = replace(quotas[name], rate=rate, burst=min(quotas[name].burst, rate))
    return Conditions(numbers, budget, quotas, seed=seed)


# ---- laws ----

HARSH: list[Rates] = [
    {},
    {"lambda concurrency": 3},
    {"iam changes": 0.05, "bucket changes": 0.05},
    {"tag changes": 0.05},
    {"ssm:OpsItem": 0.2},
    {"securityhub:BatchImportFindings": 0.2, "securityhub:GetFindings": 0.05},
]


@pytest.mark.drawn(1 / 6)
@pytest.mark.parametrize("rates", HARSH, ids=str)
@pytest.mark.parametrize("budget", [0, 10, BUDGET])
def test_every_delivery_ends_once(numbers: Numbers, budget: int, rates: Rates) -> None:
    storm = simulate(SMALL, conditions(numbers, rates, budget=budget))
    assert storm.lost == 0
    assert storm.deliveries == 60 * 3 + 400
    statuses = Counter("held back" if case.held_back else case.status for case in storm.cases)
    for status in (CONTAINED, AWAITING, "held back"):
        assert storm.outcomes[status] == statuses[status]
    undecided = [case for case in storm.cases if not case.decided]
    assert len(undecided) <= storm.dead["FailedInvocations"] + storm.dead["FailedBulkEvents"]
    silent = [case for case in storm.cases if case.decided and case.reported_at is None]
    assert len(silent) <= storm.dead["FailedReports"] + storm.dead["FailedRecords"]
    assert not any(case.threat and case.status == OBSERVED for case in storm.cases)


def test_nobody_contains_over_budget(numbers: Numbers) -> None:
    """The parts of it are kept for threats: of 10, controls get 8."""
    storm = simulate(SMALL, conditions(numbers, budget=10))
    for playbook in (QUARANTINE.name, REVOKE.name, TAG.name):
        of = [c for c in storm.cases if c.playbook == playbook and c.status == CONTAINED]
        assert len(of) <= 10
        assert sum(not case.threat for case in of) <= 8
    assert all(case.reported_at for case in storm.cases)


def looked(storm: Storm) -> list[Any]:
    return [
        (case.status, case.contained_at, case.decided_at, case.reported_at) for case in storm.cases
    ]


def test_same_seed_same_storm(numbers: Numbers) -> None:
    one, same = (looked(simulate(SMALL, conditions(numbers))) for _ in range(2))
    other = looked(simulate(SMALL, conditions(numbers, seed=2)))
    assert one == same
    assert one != other


def until_contained(result: Result) -> float:
    assert result.contained
    return result.contained.p99


def until_reported(result: Result) -> float:
    assert result.reported
    return result.reported.p99


@pytest.mark.drawn(1 / 6)
@pytest.mark.parametrize(
    ("quota", "rates", "p99"),
    [
        ("ssm:OpsItem", (2, 8, 40), until_reported),
        ("iam changes", (2, 8, 40), until_contained),
        ("bucket changes", (2, 20, 200), until_contained),
    ],
)
def test_more_of_a_quota_is_faster(
    numbers: Numbers, quota: str, rates: tuple[float, ...], p99: Callable[[Result], float]
) -> None:
    """What waits for it, until another quota is the narrower one.

    What comes after need not be: the sooner they are contained, the more incidents OpsCenter
    throttles at a time. Nor is it so of Lambda's concurrency, for the same reason.
    """
    ended = [p99(run(FIVE_SECONDS, BURST, conditions(numbers, {quota: r}))) for r in rates]
    assert all(more < less * 0.9 for less, more in pairwise(ended))


# ---- it meets the targets, and can miss each ----


def test_targets_are_met(numbers: Numbers) -> None:
    """Three minutes of the hour, and the five seconds; the bench has the whole hour."""
    for budget in (BUDGET, numbers.budget):
        for name, arrivals in ((AN_HOUR, SHORT), (FIVE_SECONDS, SECONDS)):
            assert run(name, arrivals, Conditions(numbers, budget)).faults() == []


def stream(numbers: Numbers, **changes: Any) -> Numbers:
    return replace(numbers, stream=replace(numbers.stream, **changes))


def reports(numbers: Numbers, **changes: Any) -> Numbers:
    return replace(numbers, reports=replace(numbers.reports, **changes))


def queues(numbers: Numbers, **changes: Any) -> Numbers:
    changed = {name: replace(queue, **changes) for name, queue in numbers.queues.items()}
    return replace(numbers, queues=changed)


def functions(numbers: Numbers, **changes: Any) -> Numbers:
    changed = {name: replace(one, **changes) for name, one in numbers.functions.items()}
    return replace(numbers, functions=changed)


Change = Callable[[Numbers], Numbers]
FAULTS: list[tuple[str, Change, str, Rates]] = [
    ("threats reported", lambda n: stream(n, lanes=10), AN_HOUR, {}),
    ("threats reported", lambda n: stream(n, window=30), AN_HOUR, {}),
    ("threats reported", lambda n: reports(n, delay=300), FIVE_SECONDS, {}),
    ("FailedInvocations", lambda n: functions(n, retries=0), FIVE_SECONDS, {}),
    (
        "FailedInvocations",
        lambda n: functions(n, max_age=10),
        FIVE_SECONDS,
        {"lambda concurrency": 10},
    ),
    ("FailedBulkEvents", lambda n: queues(n, receives=1), AN_HOUR, {"tag changes": 5}),
    ("bulk done", lambda n: n, AN_HOUR, {"tag changes": 3}),
    ("FailedReports", lambda n: reports(n, receives=1), FIVE_SECONDS, {"ssm:OpsItem": 1}),
    ("without the bulk", lambda n: n, AN_HOUR, {"lambda concurrency": 5}),
]


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(("missed", "change", "name", "rates"), FAULTS)
def test_target_can_be_missed(
    numbers: Numbers, missed: str, change: Change, name: str, rates: Rates
) -> None:
    arrivals = SHORT if name == AN_HOUR else SECONDS
    result = run(name, arrivals, conditions(change(numbers), rates))
    assert any(missed in fault for fault in result.faults())


def test_lost_and_observed_threats_are_faults(numbers: Numbers) -> None:
    result = run(FIVE_SECONDS, replace(BURST, threats=3), conditions(numbers))
    assert result.faults() == []
    result.storm.deliveries += 1
    result.threats[0].status = OBSERVED
    result.threats[1].reported_at = None
    assert [fault.split(" ", 1)[1] for fault in result.faults()] == [
        "deliveries lost",
        "threats neither contained nor put to a person",
        "cases never reported",
        "reported after inf s (p99), not 120",
    ]


def test_spread_names_the_last() -> None:
    found = spread([float(n) for n in range(100)])
    assert found is not None
    assert (found.p50, found.p99, found.most) == (50, 99, 99)
    assert spread([]) is None


# ---- the numbers are read ----


def copied(folder: Path, old: str, new: str) -> Numbers:
    """The numbers of a template in which one line is another."""
    shutil.copytree(ROOT / "statemachines", folder / "statemachines")
    text = (ROOT / "template.yaml").read_text()
    assert old in text
    (folder / "template.yaml").write_text(text.replace(old, new))
    return template.read(folder)


@pytest.mark.parametrize(
    ("old", "new", "look", "wanted"),
    [
        ("ParallelizationFactor: 2", "ParallelizationFactor: 7", lambda n: n.stream.lanes, 7),
        ("DelaySeconds: 15", "DelaySeconds: 33", lambda n: n.reports.delay, 33),
        ("VisibilityTimeout: 725", "VisibilityTimeout: 800", lambda n: n.reports.visibility, 800),
        (
            "ScalingConfig: {MaximumConcurrency: 5}",
            "ScalingConfig: {MaximumConcurrency: 9}",
            lambda n: {queue.concurrency for queue in n.queues.values()},
            {9},
        ),
        (
            "deadLetterTargetArn: !GetAtt FailedBulkEvents.Arn, maxReceiveCount: 5",
            "deadLetterTargetArn: !GetAtt FailedBulkEvents.Arn, maxReceiveCount: 3",
            lambda n: {queue.receives for queue in n.queues.values()},
            {3},
        ),
        (
            "    Timeout: 45 ",
            "    Timeout: 44 ",
            lambda n: n.functions[function_of(TAG)].timeout,
            44,
        ),
        (
            "      MaximumRetryAttempts: 2\n      MaximumEventAgeInSeconds: 3600",
            "      MaximumRetryAttempts: 0\n      MaximumEventAgeInSeconds: 60",
            lambda n: {(f.retries, f.max_age) for f in n.functions.values()},
            {(0, 60)},
        ),
        (
            "    MemorySize: 512",
            "    MemorySize: 1024",
            lambda n: {f.memory for f in n.functions.values()},
            {1024},
        ),
        (
            "    Default: 20\n    AllowedValues: [0, 10, 20, 50, 100]",
            "    Default: 50\n    AllowedValues: [0, 10, 20, 50, 100]",
            lambda n: {f.reserved for f in n.functions.values()},
            {None, 50},
        ),
    ],
)
def test_template_is_read(
    tmp_path: Path, old: str, new: str, look: Callable[[Numbers], object], wanted: object
) -> None:
    assert look(copied(tmp_path, old, new)) == wanted


def test_template_changes_the_storm(tmp_path: Path, numbers: Numbers) -> None:
    changed = copied(tmp_path, "ParallelizationFactor: 2", "ParallelizationFactor: 10")
    before, after = (simulate(SMALL, conditions(n)) for n in (numbers, changed))
    assert after.batches > before.batches


# ---- quotas and times have a source ----


def test_each_quota_has_a_page_and_a_unit() -> None:
    assert len(QUOTAS) == len(TABLE)
    for quota in TABLE:
        assert quota.unit
        assert quota.page
        assert quota.rate > 0
        assert quota.assumed or "no page says it" not in quota.page


def test_quotas_are_used() -> None:
    code = [path.read_text() for path in (ROOT / "bench" / "storm").glob("*.py")]
    text = "".join(part for part in code if "TABLE = (" not in part)
    assert [name for name in QUOTAS if f'"{name}"' not in text] == []


def test_times_are_those_of_the_page() -> None:
    row = times.table_row("cost", TAG.name, "observe")
    assert times.cpu(TAG.name, "observe") == float(row["CPU, ms"]) / 1000
    assert times.at(512, 1) == pytest.approx(1769 / 512)
    assert times.at(3538, 1) == 1
    assert times.cold_cpu(TAG.name) > times.cpu(TAG.name, "enforce")
    with pytest.raises(ValueError, match="no row"):
        times.table_row("cost", "no_playbook", "observe")
    with pytest.raises(ValueError, match="no section"):
        times.page("no section")
