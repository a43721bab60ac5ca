"""Custom actions: CordonContain only opens a question, CordonRelease names no person."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from cordon.deciding.custom_actions import REVIEWER, on_custom_action
from cordon.finding import Malformed
from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.sources import read, read_all
from cordon.sources.custom_action import ids_of
from cordon.sources.own_finding import id_of
from cordon.statuses import Status
from tests.deciding.stand_ins import CASE, Office, waiting
from tests.examples import QUARANTINE, event
from tests.make import ACCOUNT, DEPLOYMENT
from tests.reporting.cases import a_case

SAMPLE = event("custom_action_contain_s3_8")
Event = dict[str, Any]


def chosen(action: str, *findings: dict[str, Any]) -> Event:
    """A reviewer chose an action for these findings."""
    one: Event = json.loads(json.dumps(SAMPLE))
    prefix = one["resources"][0].partition("action/custom/")[0]
    id = ids_of(DEPLOYMENT.stack).get(action, action)
    one["resources"] = [f"{prefix}action/custom/{id}"]
    one["detail"] |= {"actionName": action, "findings": list(findings or one["detail"]["findings"])}
    return one


def our_finding(case: Case, **changes: Any) -> dict[str, Any]:
    """Our own finding of a case, as Security Hub gives it."""
    finding = dict(SAMPLE["detail"]["findings"][0])
    product = f"arn:aws:securityhub:eu-central-1:{ACCOUNT}:product/{ACCOUNT}/default"
    named = id_of(DEPLOYMENT.stack, case.finding.place, case.playbook, case.id)
    ours = {"Id": named, "ProductArn": product, "GeneratorId": "cordon", "Region": "eu-central-1"}
    fields = {"ProductFields": {"aws/securityhub/ProductName": "Default"}}
    return {**finding, **ours, **fields, "AwsAccountId": ACCOUNT, **changes}


def of_original(status: Status) -> Case:
    """The case of the sample's own finding."""
    finding = read(SAMPLE)
    playbook = QUARANTINE
    return replace(a_case(status, finding=finding), id=playbook.case_id(finding))


@pytest.fixture
def home(office: Office) -> Office:
    """The sample's account and Region are the desk's."""
    found = read(SAMPLE).place
    return office.deployed(account=found.account, region=found.region)


# ---- CordonContain ----


def test_contain_invokes_the_playbook_with_the_event(home: Office) -> None:
    done = on_custom_action(chosen("CordonContain"), home.desk)
    names = {one["FunctionName"].rpartition(":")[2] for one in home.calls.invoked}
    assert names == {QUARANTINE.name}
    (invoked,) = home.calls.invoked
    assert invoked["InvocationType"] == "Event"
    assert invoked["Payload"] == chosen("CordonContain")
    assert len(done["done"]) == 1
    assert home.decision(of_original(Status.OBSERVED).id) is None


def test_each_finding_is_sent_alone(home: Office) -> None:
    (finding,) = SAMPLE["detail"]["findings"]
    other = {**finding, "Id": finding["Id"] + "2"}
    on_custom_action(chosen("CordonContain", finding, other), home.desk)
    sent = [one["Payload"]["detail"]["findings"] for one in home.calls.invoked]
    assert sent == [[finding], [other]]


def test_contain_on_our_finding_invokes_the_cases_playbook(home: Office) -> None:
    case = home.having(a_case(Status.OBSERVED))
    on_custom_action(chosen("CordonContain", our_finding(case)), home.desk)
    (invoked,) = home.calls.invoked
    assert invoked["FunctionName"] == home.desk.parts.functions[QUARANTINE.name]


def test_contain_of_what_nobody_handles_does_nothing(home: Office) -> None:
    case = a_case(Status.OBSERVED)  # of which there is no row
    done = on_custom_action(chosen("CordonContain", our_finding(case)), home.desk)
    assert home.calls.invoked == [] and "nothing" in done["done"][0]


# ---- CordonRelease ----


@pytest.mark.parametrize("ours", [True, False])
def test_release_is_a_decision_that_names_nobody(home: Office, ours: bool) -> None:
    case = home.having(a_case(Status.CONTAINED) if ours else of_original(Status.CONTAINED))
    findings = [our_finding(case)] if ours else []
    event = chosen("CordonRelease", *findings)
    on_custom_action(event, home.desk)
    made = home.decision(case.id)
    assert made is not None and made.complete
    assert (made.verb, made.round, made.by) == (Verb.RELEASE, 1, REVIEWER)
    assert made.witnesses[0].request == event["id"]
    (started,) = home.calls.started
    assert started["input"]["case"] == case.id


def test_the_same_event_again_is_one_decision_and_one_execution(home: Office) -> None:
    case = home.having(a_case(Status.CONTAINED))
    event = chosen("CordonRelease", our_finding(case))
    on_custom_action(event, home.desk)
    made = home.decision()
    home.clock.passes(minutes=1)
    on_custom_action(event, home.desk)
    assert home.decision() == made
    assert len({one["name"] for one in home.calls.started}) == 1


@pytest.mark.parametrize("changes", [{"two_approvers": True}, {"release_from_security_hub": False}])
def test_release_without_a_name_is_not_enough(home: Office, changes: dict[str, Any]) -> None:
    case = home.deployed(**changes).having(a_case(Status.CONTAINED))
    done = on_custom_action(chosen("CordonRelease", our_finding(case)), home.desk)
    assert home.decision() is None and home.calls.started == []
    assert f"cordon release {CASE}" in done["done"][0]


@pytest.mark.parametrize(
    "case", [waiting(), a_case(Status.RELEASED), a_case(Status.OBSERVED), a_case(Status.REJECTED)]
)
def test_what_holds_nothing_is_not_released(home: Office, case: Case) -> None:
    home.having(case)
    done = on_custom_action(chosen("CordonRelease", our_finding(case)), home.desk)
    assert home.decision() is None and "holds nothing" in done["done"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"AwsAccountId": "999988887777"},
        {"Id": f"cordon/{ACCOUNT}/eu-central-1/nobody/{CASE}/cb092c04"},
        {"Id": f"cordon/{ACCOUNT}/eu-central-1/{QUARANTINE.name}/{CASE}x/cb092c04"},
        {"Id": f"cordon/{ACCOUNT}/eu-central-1/{QUARANTINE.name}/{CASE}/00000000"},
        {"Id": f"cordon/{ACCOUNT}/eu-central-1/{QUARANTINE.name}/{CASE}"},
    ],
)
def test_what_only_looks_like_our_finding_is_nothing(home: Office, changes: dict[str, Any]) -> None:
    case = home.having(a_case(Status.CONTAINED))
    with suppress(Malformed):
        on_custom_action(chosen("CordonRelease", our_finding(case, **changes)), home.desk)
    assert home.decision() is None and home.calls.started == []


def test_a_members_finding_that_looks_like_ours_is_nothing(home: Office) -> None:
    """Any member may import a finding with such an id, and choose our action for it."""
    case = home.deployed(member_role="Member").having(a_case(Status.CONTAINED))
    member = "999988887777"
    product = f"arn:aws:securityhub:eu-central-1:{member}:product/{member}/default"
    theirs = our_finding(case, AwsAccountId=member, ProductArn=product)
    event = {**chosen("CordonRelease", theirs), "account": member}
    (read_as,) = read_all(event, home.desk.deployment)
    assert read_as.is_cordon_finding
    on_custom_action(event, home.desk)
    assert home.decision() is None and home.calls.started == []


def test_other_actions_are_not_ours(home: Office) -> None:
    home.having(of_original(Status.CONTAINED))
    for id in ("Archive", "CordonRelease of another stack", "Contain00000000", "Release00000000"):
        on_custom_action(chosen(id), home.desk)
    assert home.calls.invoked == [] and home.calls.started == []


def test_an_event_that_cannot_be_read_rises(home: Office) -> None:
    with pytest.raises(Malformed):
        on_custom_action({**chosen("CordonRelease"), "detail": {}}, home.desk)
