"""Our own finding in Security Hub: the case, as reviewers see it.

Its product is ``…:product/<account>/default``. Limits: Security Hub API Reference,
"AwsSecurityFinding", "BatchImportFindings" (100 findings; it responds 200 and lists what it refused
in ``FailedFindings``); Security Hub User Guide, "Guidelines for using BatchImportFindings" (240 KB
a finding, 6 MB a batch).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cordon.clock import to_iso
from cordon.deployment import Deployment
from cordon.finding import Finding, Resource, canonical_json
from cordon.gate import CONTROL_PASSED
from cordon.memory.cases import Case
from cordon.playbook import Playbook
from cordon.release import FINDING_SOURCE
from cordon.reporting.projection import Client, Report, Sending, in_parts, refused, sha256
from cordon.reporting.texts import (
    about,
    advice,
    change_lines,
    clocks,
    decision,
    headline,
    truth,
)
from cordon.settings import SERVES_INSTEAD
from cordon.sources.own_finding import id_of
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
MOST = 100
MOST_BYTES = 5_500_000  # 6 MB, with room for what the request has beside the findings


class OwnFindings:
    """Brings our findings to what the cases are now."""

    name = "finding"

    def __init__(self, deployment: Deployment, client: Client) -> None:
        self._deployment = deployment
        self.client = client

    def due(self, report: Report) -> bool:
        """Does it say something else than it should? What another stack handles, that one shows."""
        case = report.case
        if case.status is Status.OBSERVED and case.reason.endswith(SERVES_INSTEAD):
            return False
        return report.anew or self._digest(report) != report.shown.finding

    def show(self, due: Sequence[Report], sending: Sending) -> None:
        """Import them, up to 100 with one call."""
        for part in in_parts(due, MOST, MOST_BYTES, self._size):
            sending(part, lambda reports: self._import(reports, sending))

    def _import(self, reports: Sequence[Report], sending: Sending) -> None:
        """Security Hub ignores an import in silence whose UpdatedAt is not later than the last."""
        moments = [updated_at(report) for report in reports]
        findings = [self._finding(*pair) for pair in zip(reports, moments, strict=True)]
        hub = self.client("securityhub")
        response = hub.batch_import_findings(Findings=findings)
        failed, count = response["FailedFindings"], response.get("FailedCount", 0)
        named = {one["Id"]: f"{one['ErrorCode']}: {one['ErrorMessage']}" for one in failed}
        if count > len(failed):
            named[""] = f"{count} findings were refused, and only {len(failed)} named"
        errors = refused(named, [finding["Id"] for finding in findings])
        for report, finding, at in zip(reports, findings, moments, strict=True):
            if why := errors.get(finding["Id"]):
                sending.fail(report, why)
                continue
            digest = self._digest(report)
            report.shown = replace(report.shown, finding=digest, finding_at=at)

    def _finding(self, report: Report, at: datetime) -> dict[str, Any]:
        return own_finding(report.case, report.playbook, self._deployment, at)

    def _digest(self, report: Report) -> str:
        """Of all that it says but when it says so."""
        return sha256(self._finding(report, report.case.opened_at))

    def _size(self, report: Report) -> int:
        return len(canonical_json(self._finding(report, report.case.opened_at)))


def updated_at(report: Report) -> datetime:
    """When the case's row was written; later, where that much was shown already."""
    moved = report.case.changed_at or report.case.opened_at
    before = report.shown.finding_at
    return moved if before is None else max(moved, before + timedelta(seconds=1))


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
        "Id": id_of(deployment.stack, place, playbook.name, case.id),
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
        "ProductFields": _fields(case, playbook),
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


def _fields(case: Case, playbook: Playbook) -> dict[str, str]:
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
        **{f"cordon/{name}": of for name, of in about(case, playbook).items()},
        "cordon/periods": one_line(" ".join(clocks(case, playbook)), 2048),
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


def _passed(case: Case) -> bool:
    """Only the source can say so. That it archived the finding says nothing of the condition."""
    return ended_by_source(case) and case.decided_why == CONTROL_PASSED


def ended_by_source(case: Case) -> bool:
    """Was it released because its source said that it is over?"""
    return case.status is Status.RELEASED and case.decided_by == FINDING_SOURCE
