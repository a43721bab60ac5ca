"""Access Analyzer: its own events, and their copies in Security Hub."""

import copy
from typing import Any

import pytest

from cordon.finding import Malformed, SeverityLabel, State
from cordon.sources import read
from tests.examples import ESCALATE, event
from tests.sources import samples
from tests.sources.test_services import HERE

PUBLIC = "access_analyzer_public_bucket"
COPY = "securityhub_access_analyzer_public_bucket"
UNUSED = "access_analyzer_unused_role"
PRACTICES = "Software and Configuration Checks/AWS Security Best Practices"
Event = dict[str, Any]


def changed(name: str, **detail: Any) -> Event:
    made = copy.deepcopy(event(name))
    made["detail"] |= detail
    return made


def test_event_and_copy_are_one_case() -> None:
    own, copied = read(event(PUBLIC)), read(event(COPY))
    same = ("id", "kind", "case_key", "place", "state", "hub", "last_seen", "resources")
    assert {name for name in same if getattr(own, name) != getattr(copied, name)} == set()
    assert own.severity.label is copied.severity.label is SeverityLabel.HIGH
    assert ESCALATE.matches(own)
    assert ESCALATE.case_id(own) == ESCALATE.case_id(copied)
    assert own.is_compliance  # it comes by the queue


def test_two_grants_of_a_bucket_are_one_case() -> None:
    """Security Hub has one finding for them."""
    other = read(changed(PUBLIC, id="other"))
    assert other.case_key == read(event(PUBLIC)).case_key
    another = read(changed(PUBLIC, resource="arn:aws:s3:::another"))
    assert another.case_key != other.case_key


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.ACTIVE),
        ({"status": "RESOLVED"}, State.NOT_EVALUATED),
        ({"status": "ARCHIVED"}, State.NOT_EVALUATED),
        ({"isDeleted": True}, State.NOT_EVALUATED),
        ({"error": "ACCESS_DENIED"}, State.NOT_EVALUATED),
        ({"status": "A_WORD_OF_TOMORROW"}, State.NOT_EVALUATED),
    ],
)
def test_one_grant_does_not_say_that_all_are_over(changes: Event, state: State) -> None:
    assert read(changed(PUBLIC, **changes)).state is state


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"status": "RESOLVED"}, State.ARCHIVED),
        ({"status": "ARCHIVED"}, State.ARCHIVED),
        ({"status": "RESOLVED", "isDeleted": True}, State.NOT_EVALUATED),
    ],
)
def test_unused_access_is_a_finding_of_its_own(changes: Event, state: State) -> None:
    assert read(changed(UNUSED, **changes)).state is state


@pytest.mark.parametrize(
    ("finding_type", "words"),
    [
        ("UnusedPermission", f"{PRACTICES}/Unused Permission"),
        ("UnusedIAMRole", f"{PRACTICES}/Unused IAM Role"),
        ("UnusedIAMUserPassword", f"{PRACTICES}/Unused IAM User Password"),
        ("UnusedIAMUserAccessKey", f"{PRACTICES}/Unused IAM User Access Key"),
        ("UnusedTomorrow", "UnusedTomorrow"),
    ],
)
def test_type_of_unused_access_is_its_copy_s(finding_type: str, words: str) -> None:
    assert read(changed(UNUSED, findingType=finding_type)).type == words


def test_copy_of_unused_access_names_the_finding() -> None:
    """IAM User Guide, "Integrate IAM Access Analyzer with AWS Security Hub CSPM": the example."""
    own = read(event(UNUSED))
    analyzer = event(UNUSED)["resources"][0]
    copied = read(
        samples.asff(
            Id=f"{analyzer}/{event(UNUSED)['detail']['resource']}/UnusedPermissions",
            ProductArn=f"{samples.HUB}access-analyzer",
            Types=[f"{PRACTICES}/Unused IAM Role"],
            ProductFields={"findingId": own.id, "findingType": "UnusedIAMRole"},
            Resources=[{"Type": "AwsIamRole", "Id": event(UNUSED)["detail"]["resource"]}],
        )
    )
    assert (copied.id, copied.kind) == (own.id, own.kind)
    another_product_s = read(
        samples.asff(ProductFields={"findingType": "Unused", "findingId": "x"})
    )
    assert another_product_s.id == samples.NATIVE_ID


def test_severity_is_ours() -> None:
    expected = {
        PUBLIC: SeverityLabel.HIGH,
        "access_analyzer_cross_account": SeverityLabel.LOW,
        "access_analyzer_internal": SeverityLabel.MEDIUM,
        UNUSED: SeverityLabel.LOW,
    }
    assert {name: read(event(name)).severity.label for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"resources": []}, "resources"),
        ({"resources": ["analyzer"]}, "resources"),
        ({"account": "444455556666"}, "account"),
    ],
)
def test_finding_without_its_analyzer_is_malformed(changes: Event, field: str) -> None:
    with pytest.raises(Malformed) as raised:
        read(event(PUBLIC) | changes, HERE)
    assert raised.value.field == field


@pytest.mark.parametrize(
    "resource", [None, "", 7, "bucket", "arn:aws:s3:::x/../y\n", "arn:aws:s3:::a b"]
)
def test_unreadable_bucket_is_malformed(resource: object) -> None:
    with pytest.raises(Malformed, match=r"detail\.resource"):
        read(changed(PUBLIC, resource=resource))


def test_unreadable_queue_is_left_out() -> None:
    """Nothing is changed by its name."""
    finding = read(changed(PUBLIC, resource="a queue", resourceType="AWS::SQS::Queue"))
    assert finding.resources == ()
    assert finding.id.endswith("/a queue")


def test_who_may_use_it_is_no_actor() -> None:
    finding = read(event("access_analyzer_internal"))
    assert finding.principal is None
    assert "ResearchNotebook" in finding.description
    assert finding.activity is None
