"""One sink that refuses does not silence the others; what was shown is kept."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from moto.sns.models import sns_backends

from cordon.clients import AwsClients
from cordon.errors import NotReported
from cordon.memory.cases import Case, Reported
from cordon.reporting import is_reported, report
from cordon.reporting.security_hub import Original
from cordon.settings import Deployment
from cordon.statuses import Status
from embedded import backends
from embedded.backends import hub
from quarantine_bucket.playbook import PLAYBOOK as QUARANTINE
from tests.actions.scenario import PLACE, account, stub
from tests.make import DEPLOYMENT, a_finding
from tests.reporting.cases import a_case
from tests.reporting.test_security_hub import HERE, ORIGINAL, PRODUCT, original

backends.install()  # before any session is made, which is in the first test

TOPIC = PLACE.arn("sns", "cordon")
HOME = replace(DEPLOYMENT, account=PLACE.account, region=PLACE.region, topic=TOPIC)


@dataclass
class Memory:
    """What people were last shown, as the table keeps it."""

    shown: Reported = field(default_factory=Reported)

    def reported(self, case: Case) -> Reported:
        return self.shown

    def save_reported(self, case: Case, reported: Reported) -> None:
        self.shown = reported


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as clients:
        clients.client("securityhub").enable_security_hub(EnableDefaultStandards=False)
        clients.client("sns").create_topic(Name="cordon")
        hub.store(HERE, original())
        yield clients


def services_of(aws: AwsClients, deployment: Deployment = HOME) -> Any:
    return SimpleNamespace(
        playbook=QUARANTINE, deployment=deployment, cases=Memory(), client=aws.client
    )


def case_of(status: Status = Status.CONTAINED, **changes: Any) -> Case:
    return a_case(status, finding=a_finding(hub=ORIGINAL), **changes)


def seen(aws: AwsClients) -> dict[str, bool]:
    """Which sinks show something."""
    items = aws.client("ssm").describe_ops_items(OpsItemFilters=[])["OpsItemSummaries"]
    topics = sns_backends[PLACE.account][PLACE.region].topics
    return {
        "finding": len(hub.findings(HERE)) > 1,
        "original": "Note" in hub.findings(HERE)[PRODUCT, ORIGINAL.id],
        "incident": bool(items),
        "message": bool(topics[TOPIC].sent_notifications),
    }


def test_report_reaches_every_sink(aws: AwsClients) -> None:
    services = services_of(aws)
    report(case_of(), services)
    assert seen(aws) == dict.fromkeys(("finding", "original", "incident", "message"), True)
    assert services.cases.shown.version == 3
    assert is_reported(case_of(), services.cases.shown, services)


SINKS = {
    "finding": ("securityhub", "BatchImportFindings", "our finding"),
    "original": ("securityhub", "BatchUpdateFindings", "the original finding"),
    "incident": ("ssm", "CreateOpsItem", "the incident"),
    "message": ("sns", "Publish", "the message"),
}


@pytest.mark.parametrize("broken", SINKS)
def test_refused_sink_silences_no_other(aws: AwsClients, broken: str) -> None:
    """B21, in every direction: OpsCenter's quota is no reason to leave the topic silent."""
    service, operation, name = SINKS[broken]
    stub(aws, service, operation, lambda _: "ThrottlingException")
    services = services_of(aws)
    with pytest.raises(NotReported, match=f"{name}: .*ThrottlingException.*stubbed by the test"):
        report(case_of(), services)
    assert seen(aws) == {sink: sink != broken for sink in SINKS}
    assert not is_reported(case_of(), services.cases.shown, services)


def test_all_refusals_are_named(aws: AwsClients) -> None:
    for service, operation, _ in SINKS.values():
        stub(aws, service, operation, lambda _: "AccessDeniedException")
    with pytest.raises(NotReported) as refused:
        report(case_of(), services_of(aws))
    for _, operation, name in SINKS.values():
        assert f"{name}: " in str(refused.value)
        assert operation in str(refused.value)
    assert case_of().id in str(refused.value)


def test_unreachable_service_silences_no_other(aws: AwsClients) -> None:
    services = services_of(aws)

    def client(service: str) -> Any:
        if service == "securityhub":
            raise EndpointConnectionError(endpoint_url="https://securityhub")
        return aws.client(service)

    services.client = client
    with pytest.raises(NotReported, match="our finding: Could not connect"):
        report(case_of(), services)
    assert seen(aws)["incident"] and seen(aws)["message"]


def test_programming_error_rises(aws: AwsClients) -> None:
    """Only what a service says is a reason to go on."""
    services = services_of(aws)
    services.client = {}.__getitem__
    with pytest.raises(KeyError):
        report(case_of(), services)


def test_shown_is_kept_after_refusal(aws: AwsClients) -> None:
    """The next try repeats what failed, and no message."""
    services = services_of(aws)
    refusals = ["ThrottlingException"]
    stub(aws, "ssm", "CreateOpsItem", lambda _: refusals.pop() if refusals else None)
    with pytest.raises(NotReported):
        report(case_of(), services)
    first = services.cases.shown
    assert (first.version, first.original, first.message) == (-1, Original.UPDATED, "contained 1")
    assert first.at is not None and not first.ops_item
    report(case_of(), services)
    second = services.cases.shown
    assert second.ops_item and second.version == 3
    assert second.at is not None and second.at > first.at
    topics = sns_backends[PLACE.account][PLACE.region].topics
    assert len(topics[TOPIC].sent_notifications) == 1


def test_item_is_kept_though_message_failed(aws: AwsClients) -> None:
    services = services_of(aws)
    stub(aws, "sns", "Publish", lambda _: "AuthorizationError")
    with pytest.raises(NotReported, match="AuthorizationError"):
        report(case_of(), services)
    assert services.cases.shown.ops_item
    assert not services.cases.shown.message


def test_incident_needs_no_security_hub(aws: AwsClients) -> None:
    services = services_of(aws, replace(HOME, security_hub=False))
    report(case_of(), services)
    expected = {"finding": False, "original": False, "incident": True, "message": True}
    assert seen(aws) == expected
    assert is_reported(case_of(), services.cases.shown, services)


@pytest.mark.parametrize(
    ("shown", "hub_on", "reported"),
    [
        (Reported(version=3, original="updated"), True, True),
        (Reported(version=4, original="none"), True, True),
        (Reported(version=2, original="updated"), True, False),
        (Reported(version=3, original="absent"), True, False),
        (Reported(version=3, original="absent"), False, True),
        (Reported(), True, False),
    ],
)
def test_reported_means_newest_version_shown(shown: Reported, hub_on: bool, reported: bool) -> None:
    services: Any = SimpleNamespace(deployment=replace(HOME, security_hub=hub_on))
    assert is_reported(case_of(), shown, services) is reported


def test_absent_original_is_shown_later(aws: AwsClients) -> None:
    """Security Hub's copy comes minutes after the native event."""
    hub.findings(HERE).clear()
    services = services_of(aws)
    report(case_of(), services)
    assert not is_reported(case_of(), services.cases.shown, services)
    hub.store(HERE, original())
    report(case_of(), services)
    assert is_reported(case_of(), services.cases.shown, services)
    assert seen(aws)["original"]
