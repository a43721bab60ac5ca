"""The insights in Security Hub: what AWS takes, and which cases each has."""

import re
from typing import Any

import boto3
import pytest
from botocore.validate import validate_parameters

from cordon.reporting.security_hub import own_finding
from cordon.statuses import Status
from embedded.backends.findings import select
from tests.architecture.stack import ROOT, stack
from tests.examples import QUARANTINE
from tests.make import NOON
from tests.reporting.cases import a_case
from tests.reporting.people import HOME

INSIGHTS: list[dict[str, Any]] = [
    dict(one.properties) for one in stack().unbuilt if one.type == "AWS::SecurityHub::Insight"
]
MODEL = boto3.client("securityhub").meta.service_model
PAGE = ROOT / "docs" / "operating" / "cases.md"
ROW = re.compile(r"^\| \*(Cordon - [^*]+)\* \| (\w+) \| (.+) \|$", re.MULTILINE)


def statuses_in(insight: dict[str, Any]) -> list[Status]:
    """Of whose cases our finding is in the insight."""
    findings = {status: own_finding(a_case(status), QUARANTINE, HOME, NOON) for status in Status}
    return [one for one, finding in findings.items() if select([finding], insight["Filters"])]


@pytest.mark.parametrize("insight", INSIGHTS, ids=lambda one: str(one["Name"]))
def test_filters_are_those_of_the_api(insight: dict[str, Any]) -> None:
    """CreateInsight and AwsSecurityFindingFilters, Security Hub API Reference, by botocore."""
    made = MODEL.operation_model("CreateInsight").input_shape
    validate_parameters(insight, made)
    attributes = MODEL.shape_for("AwsSecurityFindingFilters").members
    assert insight["GroupByAttribute"] in attributes
    assert insight["Filters"].keys() <= attributes.keys()
    for name, wanted in insight["Filters"].items():
        compared = attributes[name].member.members["Comparison"].enum
        assert {one["Comparison"] for one in wanted} <= set(compared)
        assert len(wanted) <= 20
    statuses = {one["Value"] for one in insight["Filters"].get("ProductFields", ())}
    assert statuses <= set(map(str, Status))


def test_page_says_which_cases_each_has() -> None:
    written = {
        name: (group, {word for word in re.findall(r"`(\w+)`", cases)} if "`" in cases else None)
        for name, group, cases in ROW.findall(PAGE.read_text())
    }
    every = set(map(str, Status)) - {"released", "rejected"}
    assert written == {
        one["Name"]: (
            one["GroupByAttribute"],
            None if (found := set(map(str, statuses_in(one)))) == every else found,
        )
        for one in INSIGHTS
    }
    assert "all but *released* and *rejected*" in PAGE.read_text()
