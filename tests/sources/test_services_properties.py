"""Properties of the parsers of services: nothing in an event breaks them, and text is safe."""

import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordon.finding import MOST_OF_A_FACT, Finding, Malformed
from cordon.sources import read
from cordon.sources.text import is_printable
from tests.examples import event
from tests.sources.test_properties import FEW, GARBAGE, HOSTILE, at, paths, put, strings

REQUIRED = {  # the members of the detail without which there is no finding, by sample
    "sagemaker_notebook_stopped": (),
    "sagemaker_lifecycle_config_changed": (),
    "sagemaker_model_package_approved": (),
    "sagemaker_model_card_draft": (),
    "sagemaker_training_job_completed": (),
    "bedrock_customization_completed": (),
    "glue_data_quality_failed": ("context", "databaseName", "tableName", "contextType"),
    "cloudwatch_guardrail_alarm": ("alarmName",),
    "cloudwatch_composite_alarm": ("alarmName",),
    "inspector_critical_image": ("findingArn", "awsAccountId", "type"),
    "access_analyzer_public_bucket": ("id", "resource", "accountId"),
    "access_analyzer_internal": ("id", "resource", "accountId", "findingType"),
    "access_analyzer_unused_role": ("findingId", "resource", "accountId", "findingType"),
    "health_credentials_exposed": ("eventArn", "eventTypeCode"),
}
PATHS = {name: list(paths(event(name))) for name in REQUIRED}
ENVELOPE = ("detail", "resources", "source", "account", "region", "time", "event")


def attempt(made: Any) -> Finding | None:
    try:
        return read(made)
    except Malformed as malformed:
        assert malformed.field.startswith(ENVELOPE), malformed.field
        assert is_printable(str(malformed))
        return None


@pytest.mark.parametrize("name", REQUIRED)
def test_each_member_may_be_missing_but_those(name: str) -> None:
    for path in PATHS[name]:
        if path[0] != "detail" or len(path) < 2 or not isinstance(path[-1], str):
            continue
        made = copy.deepcopy(event(name))
        del at(made, path[:-1])[path[-1]]
        if path[-1] in REQUIRED[name] and path[1] not in ("resources", "remediation"):
            assert attempt(made) is None, path
        elif path[1] != "rulesetNames":  # they are part of the finding's id
            read(made)


@pytest.mark.parametrize("name", REQUIRED)
@FEW
@given(data=st.data())
def test_garbage_is_parsed_or_malformed(name: str, data: st.DataObject) -> None:
    made = copy.deepcopy(event(name))
    put(made, data.draw(st.sampled_from(PATHS[name])), data.draw(GARBAGE))
    attempt(made)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("form", ["{hostile}", "{given}{hostile}", "{hostile}{given}"])
def test_hostile_text_is_removed(name: str, form: str) -> None:
    made = copy.deepcopy(event(name))
    for path in PATHS[name]:
        was = at(event(name), path)
        if not isinstance(was, str):
            continue
        put(made, path, form.format(given=was, hostile=HOSTILE * 400))
        finding = attempt(made)
        put(made, path, was)
        for text in strings(dataclasses.asdict(finding)) if finding else ():
            assert is_printable(text), (path, text)
            assert len(text) <= 2048, (path, len(text))
        for _, said in finding.facts if finding else ():
            assert len(said) <= MOST_OF_A_FACT, path
