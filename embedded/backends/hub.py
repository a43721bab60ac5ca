"""The findings Security Hub CSPM has, and whose word counts for which field.

Sources: BatchImportFindings and BatchUpdateFindings (Security Hub API Reference); Setting the
workflow status of findings (user guide). Updates in an administrator's hub do not reach the
member's here, nor those of one Region another's.
"""

import json
from collections.abc import Callable
from typing import Any

from embedded.backends import asff, shapes
from embedded.backends.asff import Asff
from embedded.backends.registry import Where
from embedded.backends.times import now_as_text

PROVIDERS = ("Confidence", "Criticality", "RelatedFindings", "Severity", "Types")
_CUSTOMERS = ("Note", "UserDefinedFields", "VerificationState", "Workflow", "WorkflowState")

Listener = Callable[[Where, dict[str, Any]], None]
_listeners: list[Listener] = []


def subscribe(listener: Listener) -> None:
    """Call ``listener(where, event)`` with the EventBridge event of every import and update.

    The event is "Security Hub Findings - Imported", as the default bus would get it, without
    its id. A listener stays until ``quiet``.
    """
    _listeners.append(listener)


def unsubscribe() -> None:
    """No listener any more."""
    _listeners.clear()


def fits(finding: Asff) -> bool:
    """Whether the finding has the form of the service model's AwsSecurityFinding."""
    from moto.core.utils import get_service_model

    shape = get_service_model("securityhub").shape_for("AwsSecurityFinding")
    return not shapes.faults(finding, shape)


def holds(where: Where, product_arn: str, identifier: str) -> bool:
    """Whether the hub has this finding."""
    return (product_arn, identifier) in findings(where)


def store(where: Where, finding: Asff) -> Asff:
    """Put a finding of whatever product into the hub. No listener hears of it."""
    key = (finding["ProductArn"], finding["Id"])
    known = findings(where).get(key)
    made = _changed(known, finding) if known else _new(where, finding)
    provided = {n: finding[n] for n in PROVIDERS if n in finding}
    provided |= finding.get("FindingProviderFields", {})
    shown = _shown(provided, touched(where).get(key, set()))
    return write(where, {**made, **shown, **_provider_fields(provided)})


def findings(where: Where) -> dict[tuple[str, str], Asff]:
    """By product ARN and id."""
    return where.table("securityhub findings")


def touched(where: Where) -> dict[tuple[str, str], set[str]]:
    """Provider fields a customer has updated; providers no longer change them."""
    return where.table("securityhub touched")


def _new(where: Where, finding: Asff) -> Asff:
    return {
        "CompanyName": "Personal",
        "ProductName": "Default",
        "Region": where.region,
        "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"},
        "WorkflowState": "NEW",
        **finding,
    }


def _changed(known: Asff, finding: Asff) -> Asff:
    """An update by the provider: what the customer keeps on the finding stays."""
    left = (*_CUSTOMERS, *PROVIDERS)
    made = {**known, **{k: v for k, v in finding.items() if k not in left}}
    if _relapsed(known, made) and known["Workflow"]["Status"] in ("NOTIFIED", "RESOLVED"):
        made["Workflow"] = {"Status": "NEW"}
    return made


def _relapsed(known: Asff, now: Asff) -> bool:
    """Setting the workflow status of findings: when Security Hub resets it to NEW."""
    revived = (known["RecordState"], now["RecordState"]) == ("ARCHIVED", "ACTIVE")
    was, status = (f.get("Compliance", {}).get("Status", "") for f in (known, now))
    return revived or (was == "PASSED" and status in ("FAILED", "WARNING", "NOT_AVAILABLE"))


def _shown(provided: Asff, changed: set[str]) -> Asff:
    """The fields that people see: the provider's values, except those a customer has changed."""
    shown = {name: value for name, value in provided.items() if name not in changed}
    if "Severity" in shown:
        shown["Severity"] = asff.severity(shown["Severity"])
    return shown


def _provider_fields(provided: Asff) -> Asff:
    fields = dict(provided)
    if "Severity" in fields:
        severity = asff.severity(fields["Severity"])
        fields["Severity"] = {n: severity[n] for n in ("Label", "Original") if n in severity}
    return {"FindingProviderFields": fields}


def write(where: Where, finding: Asff) -> Asff:
    """Keep a whole finding, with what Security Hub itself adds to each."""
    product = {
        "aws/securityhub/FindingId": f"{finding['ProductArn']}/{finding['Id']}",
        "aws/securityhub/ProductName": finding["ProductName"],
        "aws/securityhub/CompanyName": finding["CompanyName"],
    }
    made = {
        **finding,
        "ProductFields": {**finding.get("ProductFields", {}), **product},
        "ProcessedAt": now_as_text(),
    }
    findings(where)[finding["ProductArn"], finding["Id"]] = made
    return made


def emit(where: Where, finding: Asff) -> None:
    """Send listeners the event Security Hub sends of every import and update."""
    event = {
        "version": "0",
        "detail-type": "Security Hub Findings - Imported",
        "source": "aws.securityhub",
        "account": where.account,
        "time": now_as_text(),
        "region": where.region,
        "resources": [f"{finding['ProductArn']}/{finding['Id']}"],
        "detail": {"findings": [finding]},
    }
    for listener in _listeners:
        listener(where, json.loads(json.dumps(event)))
