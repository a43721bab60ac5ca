"""How the operator named the AI workload of a control's resource: by tag, by ARN, by neither."""

from dataclasses import replace
from typing import Any

import pytest

from cordon.finding import Fact, Finding
from cordon.sources import read
from tests.examples import event
from tests.make import DEPLOYMENT

TAG = "team=mlops"
ASFF, OCSF = "securityhub_kinesis_1", "ocsf_emr_1"


def read_by(one: dict[str, Any], *names: str) -> Finding:
    return read(one, replace(DEPLOYMENT, ai_workloads=names))


def resource(one: dict[str, Any]) -> dict[str, Any]:
    (finding,) = one["detail"]["findings"]
    found: dict[str, Any] = (finding.get("Resources") or finding["resources"])[0]
    return found


def tagged(tags: object) -> dict[str, Any]:
    one = event(ASFF)
    resource(one)["Tags"] = tags
    return one


def mark(one: dict[str, Any], *names: str) -> str:
    return read_by(one, *names).fact(Fact.WORKLOAD)


def test_a_tag_of_the_resource_is_the_mark() -> None:
    one = tagged({"owner": "ana", "team": "mlops"})
    assert mark(one, "team=web", TAG) == TAG
    assert mark(one) == mark(one, "team=ml") == mark(one, "team") == mark(one, "mlops") == ""


def test_an_arn_with_wildcards_is_the_mark() -> None:
    one = event(ASFF)
    arn = resource(one)["Id"]
    name = f"{arn[:-4]}*"
    assert mark(one, name) == name
    assert mark(one, f"{arn}-2", "arn:aws:s3:::*") == ""


@pytest.mark.parametrize("tag", [{"value": "mlops"}, {"values": ["web", "mlops"]}])
def test_a_tag_in_ocsf_is_the_mark(tag: dict[str, Any]) -> None:
    one = event(OCSF)
    resource(one)["tags"] = [{"name": "owner"}, {"name": "team", **tag}]
    assert mark(one, TAG) == TAG


@pytest.mark.parametrize("tags", [None, [], "team=mlops", 7, {"team": None}, {"team": ["mlops"]}])
def test_what_are_no_tags_mark_nothing_and_hinder_nothing(tags: object) -> None:
    assert mark(tagged(tags), TAG) == ""
    one = event(OCSF)
    resource(one)["tags"] = tags if tags != {"team": None} else ["team", 7, {"name": 7}]
    assert mark(one, TAG) == ""


def test_a_resource_that_cannot_be_read_hides_no_other() -> None:
    one = tagged({"team": "mlops"})
    (finding,) = one["detail"]["findings"]
    finding["Resources"].insert(0, {"Type": "Other", "Id": "arn:aws:x", "tags": 7})
    assert mark(one, TAG) == TAG


def test_what_is_no_control_has_no_mark() -> None:
    """A threat is handled by what it is, whosever the resource is."""
    assert mark(event("securityhub_guardduty_anonymous_access"), "arn:aws:s3:::*") == ""
    exposure = read_by(event("ocsf_exposure_critical"), "arn:aws:lambda:*")
    assert (exposure.source, exposure.fact(Fact.WORKLOAD)) == ("securityhub", "")


def test_without_a_stack_nobody_is_named() -> None:
    assert read(tagged({"team": "mlops"})).fact(Fact.WORKLOAD) == ""
