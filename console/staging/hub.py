"""Stages the finding itself in Security Hub."""

from collections.abc import Iterator
from typing import Any

from console.staging.notes import Client, Note, exists
from cordon import clock
from cordon.finding import Finding, Place, Resource, Severity, State
from embedded import backends
from embedded.backends import hub as store

CONTROL_TYPE = "Software and Configuration Checks"
# Of OCSF's statuses these have no Workflow.Status of their own: somebody has seen the finding.
SEEN = {"IN_PROGRESS": "NOTIFIED", "ARCHIVED": "RESOLVED"}


def stage_hub(finding: Finding, place: Place, client: Client) -> Iterator[Note]:
    """Enable Security Hub in one place, and store the finding there if it has a reference."""
    reference = finding.hub
    hub = client("securityhub", place.region, place.account)
    if not exists(hub.describe_hub, "InvalidAccessException"):
        hub.enable_security_hub()
        yield Note(True, f"Security Hub enabled in {place.account} {place.region}")
    if reference is None:
        return
    where = backends.here(place.account, place.region)
    if store.holds(where, reference.product_arn, reference.id):
        yield Note(False, f"the finding is in Security Hub already, as {reference.id}")
        return
    store.store(where, _asff(finding, reference.product_arn, reference.id))
    yield Note(True, f"the finding in Security Hub, as {reference.id}")


def _asff(finding: Finding, product_arn: str, identifier: str) -> dict[str, Any]:
    asff: dict[str, Any] = {
        "SchemaVersion": "2018-10-08",
        "Id": identifier,
        "ProductArn": product_arn,
        "ProductName": finding.source,
        "CompanyName": "AWS" if finding.authored_by_aws else "Personal",
        "Region": finding.place.region,
        "GeneratorId": finding.kind,
        "AwsAccountId": finding.place.account,
        "Types": [CONTROL_TYPE if finding.source == "securityhub" else "TTPs"],
        "CreatedAt": clock.to_iso(finding.first_seen),
        "UpdatedAt": clock.to_iso(finding.last_seen),
        "Severity": _severity(finding.severity),
        "Title": finding.title or finding.type,
        "Description": finding.description or finding.type,
        "Resources": [_asff_resource(r) for r in finding.resources] or [_account(finding)],
        "Workflow": {"Status": SEEN.get(finding.workflow, finding.workflow) or "NEW"},
        "RecordState": "ARCHIVED" if finding.state is State.ARCHIVED else "ACTIVE",
        "Sample": finding.sample,
    }
    if finding.source == "securityhub":
        passed = finding.state is State.PASSED
        asff["Compliance"] = {
            "Status": "PASSED" if passed else "FAILED",
            "SecurityControlId": finding.type,
        }
    return asff


def _severity(severity: Severity) -> dict[str, str]:
    """Of a source that gives none, there is no original."""
    original = {"Original": severity.native} if severity.native else {}
    return {"Label": severity.label.value, **original}


def _asff_resource(resource: Resource) -> dict[str, str]:
    return {
        "Type": resource.type.replace("::", "").replace("AWS", "Aws", 1),
        "Id": resource.arn or f"{resource.type}:{resource.name}",
        "Partition": resource.place.partition,
        "Region": resource.place.region,
    }


def _account(finding: Finding) -> dict[str, str]:
    place = finding.place
    return {
        "Type": "AwsAccount",
        "Id": f"AWS::::Account:{place.account}",
        "Partition": place.partition,
        "Region": place.region,
    }
