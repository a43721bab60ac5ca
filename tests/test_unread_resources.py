"""A finding of a handled kind whose resources nobody can read is not lost.

What is left out of an event, or has a form that no parser knows, leaves a finding with nothing in
it. A person hears of it then, or the reason says which playbook handles the kind.
"""

from dataclasses import replace
from typing import Any

import pytest

from console.expected import IGNORED, lead_to
from cordon.finding import Finding, Severity, SeverityLabel, State
from cordon.sources import read_all
from tests.examples import (
    ESCALATE,
    HEADERS,
    NOBODY,
    QUARANTINE,
    TAG,
    event,
    folder_of,
    samples,
)
from tests.make import DEPLOYMENT

HANDLED = [name for name in samples() if folder_of(name) != NOBODY]
# An API call that is often right, where it names nothing of what it changed.
CALLS = tuple(kind for header in HEADERS.values() for kind in header.optional)
# Their parsers refuse an event that names no resource: it goes to the dead letters.
ALWAYS_NAMED = ("config:*", "glue-dataquality:*")
CONTROL = "securityhub_sagemaker_1"


def _bare(finding: Finding) -> Finding:
    return replace(finding, resources=(), principal=None, actors=())


def _names_nothing(finding: Finding) -> bool:
    """May it name nothing? High of Inspector is about an image: what else is High is nobody's."""
    of_compute = finding.source == "inspector" and not finding.severity.critical
    ours = finding.matches(*CALLS, *ALWAYS_NAMED) or of_compute
    return finding.state is State.ACTIVE and not ours


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("sample", HANDLED)
def test_somebody_hears_of_a_finding_that_names_nothing(sample: str) -> None:
    for finding in filter(_names_nothing, read_all(event(sample))):
        heard = [one for one in HEADERS.values() if one.matches(_bare(finding))]
        assert heard, finding.kind


@pytest.mark.parametrize(
    "resources",
    [
        [],
        [{"Type": "AwsIamRole", "Id": "arn:aws:iam::111122223333:role/acme"}],
        [{"Type": "AwsAccount", "Id": "AWS::::Account:111122223333"}],
        [{"Type": "AwsBedrockDataSource", "Id": None}],
        [{"Type": "Other", "Id": "a form of its own|2"}],
    ],
)
def test_a_control_of_ai_that_names_no_ai_resource_is_for_a_person(
    resources: list[dict[str, Any]],
) -> None:
    sent = event(CONTROL)
    sent["detail"]["findings"][0]["Resources"] = resources
    (found,) = lead_to(sent)
    assert (found.outcome, found.playbook) == ("escalated", TAG.name)
    assert not found.plan["actions"] and found.plan["manual_step"].startswith("The finding names")


def test_a_rule_about_something_else_is_recorded_and_opens_no_incident() -> None:
    sent = event("config_bedrock_data_source")
    sent["detail"] |= {"resourceType": "AWS::IAM::Role", "resourceId": "AROAEXAMPLEROLEID1234"}
    (found,) = lead_to(sent)
    assert (found.outcome, found.playbook) == ("observed", TAG.name)
    assert found.reason.startswith("the finding names no AI resource")


def test_unless_a_person_chose_it() -> None:
    sent = event("custom_action_contain_sagemaker_2")
    (finding,) = read_all(sent)
    chosen = _bare(replace(finding, severity=Severity("MEDIUM", SeverityLabel.MEDIUM)))
    came = replace(chosen, custom_action="")
    assert TAG.needs_nobody is not None
    assert TAG.needs_nobody(came, DEPLOYMENT).startswith("the finding names no AI resource")
    assert TAG.needs_nobody(chosen, DEPLOYMENT) == ""
    assert TAG.plan_for(chosen, DEPLOYMENT).manual_step.startswith("The finding names")


def test_what_is_ignored_of_a_handled_kind_says_who_handles_the_kind() -> None:
    (found,) = lead_to(event("cloudtrail_agent_without_valid_id"))
    assert found.outcome == IGNORED
    assert "no playbook handles" not in found.reason and "finds nothing to change" in found.reason
    (finding,) = read_all(event(CONTROL))
    for header in (ESCALATE, QUARANTINE):  # the one that takes over does not say it either
        assert header.unhandled(finding) == f"{header.name} does not handle {finding.kind}"
