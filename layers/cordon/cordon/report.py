"""Whom we tell: Security Hub.

Our own finding stands for the case (BatchImportFindings, product ``…:product/<account>/default``)
and the original finding gets a note, our fields and a workflow status (BatchUpdateFindings).
Limits: Security Hub API Reference, AwsSecurityFinding and BatchUpdateFindings. Both calls answer
200 and hide failures in the body: ``FailedFindings`` and ``UnprocessedFindings`` are errors here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cordon.cases import Case, Status
from cordon.clock import now, to_iso
from cordon.finding import Finding, HubReference, Resource
from cordon.playbook import Playbook
from cordon.settings import Deployment
from cordon.sources.text import one_line

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
ABSENT = "absent"  # Security Hub has no copy of the native finding (yet)
UPDATED = "updated"
NOT_UPDATED = "none"  # nothing to update: observed cases leave the original alone


class NotReported(Exception):
    """Security Hub did not take a finding or an update, with its code and message."""


@dataclass(frozen=True)
class Told:
    """What the report came to: how the original was updated, and our finding's UpdatedAt."""

    original: str
    at: datetime


def tell(case: Case, playbook: Playbook, deployment: Deployment, hub: Any) -> Told:
    """Report how the case stands; raises NotReported.

    ``hub`` is the securityhub client of our own account and Region. An import whose UpdatedAt is
    not later than the last one's is silently ignored by Security Hub, so it always is.
    """
    last = case.told_at
    if not deployment.security_hub:
        return Told(NOT_UPDATED, last or now())
    at = now() if last is None else max(now(), last + timedelta(seconds=1))
    answer = hub.batch_import_findings(Findings=[own_finding(case, playbook, deployment, at)])
    for failed in answer["FailedFindings"]:
        raise NotReported(f"{failed['ErrorCode']}: {failed['ErrorMessage']}")
    return Told(_update_original(case, playbook, hub), at)


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
    archived = case.status in (Status.RELEASED, Status.DECLINED)
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
        "Description": one_line(summary(case), 1024),
        "Remediation": {"Recommendation": {"Text": one_line(advice(case), 512)}},
        "ProductFields": _fields(case),
        "Resources": _resources(finding),
        "Compliance": {
            "Status": "PASSED" if case.status is Status.RELEASED else "FAILED",
            "RelatedRequirements": [one_line(control, 64) for control in playbook.controls][:32],
        },
        "RecordState": "ARCHIVED" if archived else "ACTIVE",
    }


def headline(case: Case) -> str:
    """How the case stands, in two or three words."""
    return {
        Status.OBSERVED: "observed",
        Status.AWAITING_APPROVAL: "asks for approval",
        Status.DECLINED: "did not act",
        Status.CONTAINING: "is containing",
        Status.CONTAINED: "told people" if case.plan.only_tells else "contained",
        Status.PARTLY_CONTAINED: "contained in part",
        Status.GONE: "found nothing left to contain",
        Status.RELEASING: "is releasing",
        Status.RELEASED: "released",
    }[case.status]


def summary(case: Case) -> str:
    """What was decided and what was done, act by act, the troubles first."""
    acts = case.results or case.plan.actions
    if not case.results:
        done = "Plan: " + ", ".join(a.name() for a in case.plan.actions)
    else:
        order = sorted(case.results, key=lambda r: r.status not in ("failed", "refused", "drifted"))
        done = "; ".join(
            f"{r.action} {r.status}" + (f" ({r.reason})" if r.reason else "") for r in order
        )
    decided = f"{case.verdict}: {case.reason}" + (
        f", by {case.decided_by}" if case.decided_by else ""
    )
    if case.decided_why and case.status is not Status.DECLINED:
        decided += f" ({case.decided_why})"
    return f"{decided}. {done}. {len(acts)} acts, case {case.id}."


def advice(case: Case) -> str:
    """What the reader can do now."""
    release = f"To release: cordon release {case.id}, or the custom action CordonRelease."
    return {
        Status.OBSERVED: f"Nothing was changed. To contain: custom action CordonContain, "
        f"or set the mode of {case.playbook} to approve or enforce.",
        Status.AWAITING_APPROVAL: f"Nothing was changed yet. To decide: cordon approve {case.id} "
        f"or cordon reject {case.id}. Plan {case.plan_hash}.",
        Status.DECLINED: f"Nothing was changed: {case.decided_why or 'declined'}.",
        Status.RELEASED: "Cordon holds nothing for this case any more.",
        Status.RELEASING: "Cordon lets go as soon as that does no harm.",
    }.get(case.status, release)


def _fields(case: Case) -> dict[str, str]:
    finding = case.finding
    fields = {
        "cordon/case": case.id,
        "cordon/stands": str(case.status),
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


def _update_original(case: Case, playbook: Playbook, hub: Any) -> str:
    original = case.finding.hub
    if original is None or case.status is Status.OBSERVED:
        return NOT_UPDATED
    there = _in_hub(original, hub)
    if there is None:
        return ABSENT
    answer = hub.batch_update_findings(
        FindingIdentifiers=[{"Id": original.id, "ProductArn": original.product_arn}],
        Note={
            "Text": one_line(f"Cordon {headline(case)}. {summary(case)} {advice(case)}", 512),
            "UpdatedBy": "cordon",
        },
        # The map is replaced as a whole: what others wrote into it is kept.
        UserDefinedFields=dict(there.get("UserDefinedFields", {})) | _our_fields(case),
        **_workflow(case, playbook, there),
    )
    for failed in answer["UnprocessedFindings"]:
        raise NotReported(f"{failed['ErrorCode']}: {failed['ErrorMessage']}")
    return UPDATED


def _in_hub(original: HubReference, hub: Any) -> Mapping[str, Any] | None:
    """The finding as Security Hub has it now.

    A native event is minutes ahead of Security Hub's copy, which may be switched off altogether,
    and Security Hub deletes findings after 90 days. When the copy arrives as an event of its own,
    the case is told then.
    """
    answer = hub.get_findings(
        Filters={
            "Id": [{"Value": original.id, "Comparison": "EQUALS"}],
            "ProductArn": [{"Value": original.product_arn, "Comparison": "EQUALS"}],
        },
        MaxResults=1,
    )
    found: list[Mapping[str, Any]] = answer["Findings"]
    return found[0] if found else None


def _our_fields(case: Case) -> dict[str, str]:
    return {"cordon:case": case.id, "cordon:stands": str(case.status)}


def _workflow(case: Case, playbook: Playbook, there: Mapping[str, Any]) -> Mapping[str, Any]:
    """NOTIFIED when handled; RESOLVED only when every act was read back and removes the cause.

    What a person suppressed stays suppressed; a control that passes is resolved by Security Hub.
    """
    suppressed = there.get("Workflow", {}).get("Status") == "SUPPRESSED"
    passed = case.status is Status.RELEASED and playbook.releases_on_pass
    if suppressed or passed or case.status is Status.DECLINED:
        return {}
    resolved = (
        playbook.resolves_finding and case.status is Status.CONTAINED and not case.plan.only_tells
    )
    resolved = resolved and all(r.status == "applied" for r in case.results)
    return {"Workflow": {"Status": "RESOLVED" if resolved else "NOTIFIED"}}
