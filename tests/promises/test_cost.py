"""What a case costs: units and requests may fall, and rise only with a reason.

docs/performance.md, "Cost", shows the whole bill. Times are measured there and given here.
"""

from bench.cost import Case, run
from bench.prices import alarm_metrics
from bench.units import Units, size
from console.playbook_blocks.alarms import MOST_METRICS
from tests.examples import HEADERS, TAG

MILLISECONDS = 2.0  # processor time of a call, of a warm event: about twice what is measured


def a_row(kilobytes: float, **more: str) -> dict[str, dict[str, str]]:
    """A row of this size."""
    row = {"id": "case#a#x", **more, "text": ""}
    rest = round(1024 * kilobytes) - sum(len(k) + len(v) for k, v in row.items())
    return {name: {"S": value} for name, value in (row | {"text": "x" * rest}).items()}


def test_observed_compliance_finding_costs_little() -> None:
    """One row with its plan, one of what people were shown, and a tenth of a batch's object.

    The reporter reads both again. The event on the bus is one dollar of it.
    """
    case = run(TAG.name, "observe", False, MILLISECONDS)
    assert units(case) == (4, 8, 0.1)
    assert case.counts["EventBridge events"] == 1
    assert 1e6 * case.dollars(512) <= 7


def test_enforced_tags_cost_little() -> None:
    """Two objects of evidence are nearly half of it; the claim is a transaction on four units."""
    case = run(TAG.name, "enforce", False, MILLISECONDS / 2)
    assert units(case) == (14, 8, 2)
    assert 1e6 * case.dollars(512) <= 23


def units(case: Case) -> tuple[float, float, float]:
    """Write units, read units, and puts into S3."""
    names = ("DynamoDB write units", "DynamoDB read units", "S3 PUT")
    written, read, put = (case.counts[name] for name in names)
    return written, read, round(put, 9)


def test_every_metric_of_an_alarm_is_billed() -> None:
    """A tenth of a dollar each; a playbook has some eleven, the stack forty of its own."""
    found = alarm_metrics()
    assert 1 < max(found) <= MOST_METRICS  # one over several metrics counts them all
    assert sum(found) <= 40 + 11 * len(HEADERS)


def test_a_write_takes_a_unit_for_each_kilobyte_begun() -> None:
    for kilobytes, expected in ((1, 1), (1.1, 2), (2.5, 3)):
        units = Units({})
        row = a_row(kilobytes)
        assert size(row) == round(1024 * kilobytes)
        units.count("PutItem", {"Item": row})
        assert units.written == expected
        units.count("TransactWriteItems", {"TransactItems": [{"Put": {"Item": row}}]})
        assert units.written == 3 * expected


def test_the_index_is_written_where_a_case_opens_or_closes() -> None:
    units = Units({})
    for row in (a_row(1, open="a"), a_row(1, open="a"), a_row(1)):
        units.count("PutItem", {"Item": row})
    assert units.written == 3 + 2


def test_a_key_without_a_row_takes_a_unit_to_read() -> None:
    units = Units({"case#a#x": a_row(4.5)})
    keys = [{"id": {"S": key}} for key in ("case#a#x", "case#a#y")]
    units.count("BatchGetItem", {"RequestItems": {"table": {"Keys": keys}}})
    assert units.read == 2 + 1
