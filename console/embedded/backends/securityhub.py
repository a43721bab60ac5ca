"""Security Hub CSPM: findings in, updates on them, and looking them up.

moto takes findings without looking at them, knows no updates and ignores every filter.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from console.embedded.backends import asff
from console.embedded.backends.asff import Asff
from console.embedded.backends.findings import moment, select
from console.embedded.backends.registry import (
    Answer,
    NotModelled,
    Params,
    Refusal,
    Where,
    answers,
)
from moto.securityhub.models import securityhub_backends

from cordon import clock

PAGE = 100
_PROVIDERS = ("Confidence", "Criticality", "RelatedFindings", "Severity", "Types")
_CUSTOMERS = ("Note", "UserDefinedFields", "VerificationState", "Workflow", "WorkflowState")
_UPDATES = (*_PROVIDERS, "UserDefinedFields", "VerificationState")

Listener = Callable[[Where, dict[str, Any]], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Call ``listener(where, event)`` with the EventBridge event of every import and update.

    The event is "Security Hub Findings - Imported", as the default bus would get it, without
    its id. A listener stays until ``quiet``.
    """
    _listeners.append(listener)


def quiet() -> None:
    """No listener any more."""
    _listeners.clear()


def holds(where: Where, product_arn: str, identifier: str) -> bool:
    """Whether the hub has this finding."""
    return (product_arn, identifier) in _findings(where)


def store(where: Where, finding: Asff) -> Asff:
    """Put a finding of whatever product into the hub. No listener hears of it."""
    key = (finding["ProductArn"], finding["Id"])
    known = _findings(where).get(key)
    made = _changed(known, finding) if known else _new(where, finding)
    provided = {n: finding[n] for n in _PROVIDERS if n in finding}
    provided |= finding.get("FindingProviderFields", {})
    touched = _touched(where).get(key, set())
    shown = _shown(provided, touched)
    return _write(where, {**made, **shown, **_provider_fields(provided)})


def own_product(where: Where) -> str:
    """The ARN of the account's own default product."""
    return where.arn("securityhub", f"product/{where.account}/default")


def _findings(where: Where) -> dict[tuple[str, str], Asff]:
    return where.table("securityhub findings")


def _touched(where: Where) -> dict[tuple[str, str], set[str]]:
    """Provider fields a customer has updated; providers no longer change them."""
    return where.table("securityhub touched")


def _needs_hub(where: Where) -> None:
    if not securityhub_backends[where.account][where.region].enabled:
        text = f"Account {where.account} is not subscribed to AWS Security Hub"
        raise Refusal("InvalidAccessException", text)


@answers("securityhub", "BatchImportFindings")
def batch_import_findings(params: Params, where: Where) -> Answer:
    """A finding that does not fit is told in FailedFindings, with HTTP 200."""
    _needs_hub(where)
    failed = []
    for finding in params["Findings"]:
        wrong = [*_foreign(finding, where), *asff.faults(finding)]
        if wrong:
            why = f"Finding does not adhere to Amazon Finding Format. {'; '.join(wrong)}"
            failed.append({"Id": finding["Id"], "ErrorCode": "InvalidInput", "ErrorMessage": why})
        else:
            _import(where, finding)
    good = len(params["Findings"]) - len(failed)
    return {"FailedCount": len(failed), "SuccessCount": good, "FailedFindings": failed}


def _foreign(finding: Asff, where: Where) -> list[str]:
    wrong = []
    if finding["AwsAccountId"] != where.account:
        wrong.append(f"AwsAccountId must be the calling account {where.account}")
    if finding["ProductArn"] != own_product(where):
        wrong.append(f"ProductArn must be {own_product(where)}")
    return wrong


def _import(where: Where, finding: Asff) -> None:
    known = _findings(where).get((finding["ProductArn"], finding["Id"]))
    if known and moment(finding["UpdatedAt"]) <= moment(known["UpdatedAt"]):
        return
    _tell(where, store(where, finding))


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
    left = (*_CUSTOMERS, *_PROVIDERS)
    made = {**known, **{k: v for k, v in finding.items() if k not in left}}
    if _relapsed(known, made) and known["Workflow"]["Status"] in ("NOTIFIED", "RESOLVED"):
        made["Workflow"] = {"Status": "NEW"}
    return made


def _relapsed(known: Asff, now: Asff) -> bool:
    """Setting the workflow status of findings: when Security Hub resets it to NEW."""
    revived = (known["RecordState"], now["RecordState"]) == ("ARCHIVED", "ACTIVE")
    was, status = (f.get("Compliance", {}).get("Status", "") for f in (known, now))
    return revived or (was == "PASSED" and status in ("FAILED", "WARNING", "NOT_AVAILABLE"))


def _shown(provided: Asff, touched: set[str]) -> Asff:
    """What stands at the top: the provider's values, save those a customer has changed."""
    shown = {name: value for name, value in provided.items() if name not in touched}
    if "Severity" in shown:
        shown["Severity"] = asff.severity(shown["Severity"])
    return shown


def _provider_fields(provided: Asff) -> Asff:
    fields = dict(provided)
    if "Severity" in fields:
        severity = asff.severity(fields["Severity"])
        fields["Severity"] = {n: severity[n] for n in ("Label", "Original") if n in severity}
    return {"FindingProviderFields": fields}


def _write(where: Where, finding: Asff) -> Asff:
    product = {
        "aws/securityhub/FindingId": f"{finding['ProductArn']}/{finding['Id']}",
        "aws/securityhub/ProductName": finding["ProductName"],
        "aws/securityhub/CompanyName": finding["CompanyName"],
    }
    made = {
        **finding,
        "ProductFields": {**finding.get("ProductFields", {}), **product},
        "ProcessedAt": clock.stamp(clock.now()),
    }
    _findings(where)[finding["ProductArn"], finding["Id"]] = made
    return made


def _tell(where: Where, finding: Asff) -> None:
    event = {
        "version": "0",
        "detail-type": "Security Hub Findings - Imported",
        "source": "aws.securityhub",
        "account": where.account,
        "time": clock.stamp(clock.now()),
        "region": where.region,
        "resources": [f"{finding['ProductArn']}/{finding['Id']}"],
        "detail": {"findings": [finding]},
    }
    for listener in _listeners:
        listener(where, json.loads(json.dumps(event)))


@answers("securityhub", "BatchUpdateFindings")
def batch_update_findings(params: Params, where: Where) -> Answer:
    """What could not be updated is told in UnprocessedFindings, with HTTP 200."""
    _needs_hub(where)
    _updatable(params)
    done, undone = [], []
    seen: set[tuple[str, str]] = set()
    for identifier in params["FindingIdentifiers"]:
        key = (identifier["ProductArn"], identifier["Id"])
        why = _obstacle(key, seen, where)
        if why:
            code, text = why
            undone.append(
                {"FindingIdentifier": identifier, "ErrorCode": code, "ErrorMessage": text}
            )
        else:
            _update(key, params, where)
            done.append(identifier)
        seen.add(key)
    return {"ProcessedFindings": done, "UnprocessedFindings": undone}


def _updatable(params: Params) -> None:
    note = params.get("Note", {})
    wrong = [f"Note.{k} is too long" for k, v in note.items() if len(v) > asff.NOTE_LENGTH]
    wrong += [*asff.map_faults(params), *asff.type_faults(params.get("Types", []))]
    if len(params["FindingIdentifiers"]) > 100:
        wrong.append("at most 100 findings")
    if wrong:
        raise Refusal("InvalidInputException", "; ".join(wrong))


def _obstacle(
    key: tuple[str, str], seen: set[tuple[str, str]], where: Where
) -> tuple[str, str] | None:
    if key in seen:
        return "DuplicatedFindingIdentifier", "Finding Identifier is duplicated"
    if key not in _findings(where):
        return "FindingNotFound", "Finding Not Found"
    return None


def _update(key: tuple[str, str], params: Params, where: Where) -> None:
    """UpdatedAt stays; the last note replaces the one before; maps are replaced."""
    finding = dict(_findings(where)[key])
    finding |= {name: params[name] for name in _UPDATES if name in params}
    if "Severity" in params:
        finding["Severity"] = asff.severity(params["Severity"])
    if "Note" in params:
        finding["Note"] = {**params["Note"], "UpdatedAt": clock.stamp(clock.now())}
    if "Workflow" in params:
        finding["Workflow"] = {**finding["Workflow"], **params["Workflow"]}
    touched = {name for name in _PROVIDERS if name in params}
    _touched(where).setdefault(key, set()).update(touched)
    _tell(where, _write(where, finding))


@answers("securityhub", "GetFindings")
def get_findings(params: Params, where: Where) -> Answer:
    """Filtered, sorted, in pages. NextToken is the index of the next finding."""
    _needs_hub(where)
    found = select(_findings(where).values(), params.get("Filters", {}))
    for order in reversed(params.get("SortCriteria", [])):
        found = _sorted(found, order)
    start = _position(params.get("NextToken", "0"))
    end = start + params.get("MaxResults", PAGE)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return {"Findings": found[start:end], **more}


def _position(token: str) -> int:
    if not token.isascii() or not token.isdigit():
        raise Refusal("InvalidInputException", "NextToken is not one of ours")
    return int(token)


def _sorted(found: list[Mapping[str, Any]], order: Params) -> list[Mapping[str, Any]]:
    name = order["Field"]
    if name not in ("CreatedAt", "UpdatedAt", "Id", "Title", "LastObservedAt"):
        raise NotModelled(f"securityhub GetFindings: sorting by {name}")
    return sorted(
        found, key=lambda f: f.get(name, ""), reverse=order.get("SortOrder", "asc") == "desc"
    )
