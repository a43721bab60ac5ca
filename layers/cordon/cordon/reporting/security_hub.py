"""What reviewers see in Security Hub.

Our own finding is the case (BatchImportFindings, product ``…:product/<account>/default``)
and the original finding gets a note, our fields and a workflow status (BatchUpdateFindings).
Limits: Security Hub API Reference, AwsSecurityFinding and BatchUpdateFindings. Both calls return
200 and hide failures in the body: ``FailedFindings`` and ``UnprocessedFindings`` are errors here.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cordon.clock import now, to_iso
from cordon.errors import NotReported
from cordon.finding import Finding, HubReference, Resource
from cordon.memory.cases import ActionStatus, Case, Reported
from cordon.playbook import Playbook
from cordon.policy import CONTROL_PASSED
from cordon.release import FINDING_SOURCE
from cordon.reporting.texts import advice, change_lines, decision, headline, truth
from cordon.settings import Deployment
from cordon.sources.text import one_line
from cordon.statuses import Status

ASFF_TYPES = {
    "AWS::S3::Bucket": "AwsS3Bucket",
    "AWS::S3::Object": "AwsS3Object",
    "AWS::IAM::Role": "AwsIamRole",
    "AWS::IAM::User": "AwsIamUser",
    "AWS::IAM::AccessKey": "AwsIamAccessKey",
    "AWS::EC2::Instance": "AwsEc2Instance",
    "AWS::Lambda::Function": "AwsLambdaFunction",
    "AWS::SageMaker::NotebookInstance": "AwsSageMakerNotebookInstance",
}
IAM_KINDS = {"AWS::IAM::Role": "role", "AWS::IAM::User": "user"}
FINDING_TYPES = {
    "security": "Effects/Data Exposure",
    "governance": "Software and Configuration Checks/AWS Security Best Practices",
    "compliance": "Software and Configuration Checks/Industry and Regulatory Standards",
}
ARCHIVED = (Status.RELEASED, Status.REJECTED)  # nobody need look at it any more
DESCRIPTION = 1024  # characters of AwsSecurityFinding.Description
NOTE = 512  # characters of Note.Text


class Original(StrEnum):
    """How the original finding was left in Security Hub."""

    UPDATED = "updated"
    ABSENT = "absent"  # Security Hub has no copy of the native finding (yet)
    NOT_UPDATED = "none"  # observed cases do not change the original, and Config gives none


def report_finding(
    case: Case, playbook: Playbook, deployment: Deployment, shown: Reported, hub: Any
) -> Reported:
    """Bring our finding to what the case is now. Raises NotReported.

    ``hub`` is the securityhub client of our own account and Region. An import whose UpdatedAt is
    not later than the last one's is silently ignored by Security Hub, so it always is.
    """
    at = now() if shown.at is None else max(now(), shown.at + timedelta(seconds=1))
    response = hub.batch_import_findings(Findings=[own_finding(case, playbook, deployment, at)])
    for failed in response["FailedFindings"]:
        raise NotReported(f"{failed['ErrorCode']}: {failed['ErrorMessage']}")
    return replace(shown, at=at)


def report_original(case: Case, playbook: Playbook, shown: Reported, hub: Any) -> Reported:
    """Bring the original finding to what the case is now. Raises NotReported."""
    return replace(shown, original=_update_original(case, playbook, hub))


def own_finding(
    case: Case, playbook: Playbook, deployment: Deployment, at: datetime
) -> dict[str, Any]:
    """Our finding for the case, in ASFF. Same id for life, a later UpdatedAt each time."""
    finding, place = case.finding, case.finding.place
    home = f"arn:{deployment.partition}:securityhub:{deployment.region}:{deployment.account}"
    types = [FINDING_TYPES[playbook.serves]]
    severity = {"Label": str(finding.severity.label)}
    if native := one_line(
        finding.severity.native, 64
    ):  # Config gives none, ASFF takes no empty one
        severity["Original"] = native
    archived = case.status in ARCHIVED
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"cordon/{place.account}/{place.region}/{playbook.name}/{case.id}",
        "ProductArn": f"{home}:product/{deployment.account}/default",
        "ProductName": "Cordon",
        "CompanyName": "Cordon",
        "GeneratorId": f"cordon/playbook/{playbook.name}",
        "AwsAccountId": deployment.account,
        "Types": types,
        "FirstObservedAt": to_iso(finding.first_seen),
        "LastObservedAt": to_iso(finding.last_seen),
        "CreatedAt": to_iso(case.opened_at),
        "UpdatedAt": to_iso(at),
        "Severity": severity,
        "FindingProviderFields": {"Severity": severity, "Types": types},
        "Title": one_line(f"Cordon {headline(case)}: {finding.title}", 256),
        "Description": summary(case),
        "Remediation": {"Recommendation": {"Text": one_line(advice(case), 512)}},
        "ProductFields": _fields(case),
        "Resources": _resources(finding),
        "Compliance": {
            "Status": "PASSED" if _passed(case) else "FAILED",
            "RelatedRequirements": [one_line(control, 64) for control in playbook.controls][:32],
        },
        "RecordState": "ARCHIVED" if archived else "ACTIVE",
    }


def summary(case: Case) -> str:
    """What is true, what was decided, and each change: as much as the finding has room for."""
    lines = [truth(case), f"Decision: {decision(case)}", *change_lines(case)]
    for left_out in range(len(lines) - 1):
        kept = lines[: len(lines) - left_out]
        more = [f"And {left_out} more: cordon evidence {case.id}."] if left_out else []
        text = one_line(" ".join([*kept, *more]), 10_000)
        if len(text) <= DESCRIPTION:
            return text
    return one_line(" ".join(lines), DESCRIPTION)


def _fields(case: Case) -> dict[str, str]:
    finding = case.finding
    fields = {
        "cordon/case": case.id,
        "cordon/status": str(case.status),
        "cordon/verdict": case.verdict,
        "cordon/mode": case.mode,
        "cordon/plan": case.plan_hash,
        "cordon/finding": one_line(finding.id, 1024),
        "cordon/kind": one_line(finding.kind, 512),
        "cordon/evidence": f"{case.playbook}/{finding.place.account}/{case.id}/",
    }
    return {key: value for key, value in fields.items() if value}


def _resources(finding: Finding) -> list[dict[str, Any]]:
    named = [_resource(r) for r in finding.resources[:32]]
    account = finding.place
    return named or [
        {
            "Type": "AwsAccount",
            "Id": f"AWS::::Account:{account.account}",
            "Partition": account.partition,
            "Region": account.region,
        }
    ]


def _resource(resource: Resource) -> dict[str, Any]:
    """By ARN; a role or user that the finding only names, by the ARN it would have without a path.

    What has none is of type Other: types of ASFF promise an ARN, and we read our findings again.
    """
    kind, name = IAM_KINDS.get(resource.type), resource.name
    arn = resource.arn or (resource.place.arn("iam", f"{kind}/{name}", region="") if kind else "")
    typed = arn or resource.type == "AWS::IAM::AccessKey"  # AWS::IAM::AccessKey:AKIA…
    return {
        "Type": ASFF_TYPES.get(resource.type, "Other") if typed else "Other",
        "Id": one_line(arn or f"{resource.type}:{name}", 512),
        "Partition": resource.place.partition,
        "Region": resource.place.region,
    }


def _update_original(case: Case, playbook: Playbook, hub: Any) -> Original:
    original = case.finding.hub
    if original is None or case.status is Status.OBSERVED:
        return Original.NOT_UPDATED
    there = _in_hub(original, hub)
    if there is None:
        return Original.ABSENT
    response = hub.batch_update_findings(
        FindingIdentifiers=[{"Id": original.id, "ProductArn": original.product_arn}],
        Note={"Text": note(case), "UpdatedBy": "cordon"},
        # The map is replaced as a whole: what others wrote into it is kept.
        UserDefinedFields=dict(there.get("UserDefinedFields", {})) | _our_fields(case),
        **_workflow(case, playbook, there),
    )
    for failed in response["UnprocessedFindings"]:
        raise NotReported(f"{failed['ErrorCode']}: {failed['ErrorMessage']}")
    return Original.UPDATED


def note(case: Case) -> str:
    """What the original finding says of the case; where not all of it fits, what to do now."""
    whole = f"Cordon {headline(case)}. {truth(case)} {advice(case)}"
    short = f"Cordon {headline(case)}. {advice(case)}"
    return one_line(whole if len(whole) <= NOTE else short, NOTE)


def _in_hub(original: HubReference, hub: Any) -> Mapping[str, Any] | None:
    """The finding as Security Hub has it now.

    A native event is minutes ahead of Security Hub's copy, which may be switched off altogether,
    and Security Hub deletes findings after 90 days. When the copy arrives as an event of its own,
    the case is reported then.
    """
    response = hub.get_findings(
        Filters={
            "Id": [{"Value": original.id, "Comparison": "EQUALS"}],
            "ProductArn": [{"Value": original.product_arn, "Comparison": "EQUALS"}],
        },
        MaxResults=1,
    )
    found: list[Mapping[str, Any]] = response["Findings"]
    return found[0] if found else None


def _our_fields(case: Case) -> dict[str, str]:
    return {"cordon:case": case.id, "cordon:status": str(case.status)}


def _workflow(case: Case, playbook: Playbook, there: Mapping[str, Any]) -> Mapping[str, Any]:
    """NOTIFIED when handled; RESOLVED only where the control itself will pass by what was verified.

    What a person suppressed stays suppressed; a control that passes is resolved by Security Hub.
    """
    suppressed = there.get("Workflow", {}).get("Status") == "SUPPRESSED"
    rejected = case.status in (Status.REJECTED, Status.EXPIRED)
    if suppressed or rejected or (_ended_by_source(case) and playbook.releases_on_pass):
        return {}
    resolved = playbook.turns(case.finding) and case.status is Status.CONTAINED
    resolved = resolved and all(r.status is ActionStatus.VERIFIED for r in case.results)
    return {"Workflow": {"Status": "RESOLVED" if resolved else "NOTIFIED"}}


def _passed(case: Case) -> bool:
    """Only the source can say so. That it archived the finding says nothing of the condition."""
    return _ended_by_source(case) and case.decided_why == CONTROL_PASSED


def _ended_by_source(case: Case) -> bool:
    return case.status is Status.RELEASED and case.decided_by == FINDING_SOURCE
