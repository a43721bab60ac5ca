"""Security Hub CSPM: findings in, updates on them, and looking them up.

moto accepts any finding, has no updates and ignores every filter.
"""

from collections.abc import Mapping
from typing import Any

from moto.securityhub.models import securityhub_backends

from embedded.backends import asff, hub, times
from embedded.backends.asff import Asff
from embedded.backends.findings import moment, select
from embedded.backends.registry import (
    NotModelled,
    Params,
    Refusal,
    Response,
    Where,
    implements,
)

PAGE = 100
_UPDATES = (*hub.PROVIDERS, "UserDefinedFields", "VerificationState")


def own_product(where: Where) -> str:
    """The ARN of the account's own default product."""
    return where.arn("securityhub", f"product/{where.account}/default")


def needs_hub(where: Where) -> None:
    """Refuses every call where Security Hub is not enabled."""
    if not securityhub_backends[where.account][where.region].enabled:
        text = f"Account {where.account} is not subscribed to AWS Security Hub"
        raise Refusal("InvalidAccessException", text)


@implements("securityhub", "BatchImportFindings")
def batch_import_findings(params: Params, where: Where) -> Response:
    """An ill-formed finding is listed in FailedFindings, with HTTP 200."""
    needs_hub(where)
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
    known = hub.findings(where).get((finding["ProductArn"], finding["Id"]))
    if known and moment(finding["UpdatedAt"]) <= moment(known["UpdatedAt"]):
        return
    hub.emit(where, hub.store(where, finding))


@implements("securityhub", "BatchUpdateFindings")
def batch_update_findings(params: Params, where: Where) -> Response:
    """Findings that could not be updated are listed in UnprocessedFindings, with HTTP 200."""
    needs_hub(where)
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
    if key not in hub.findings(where):
        return "FindingNotFound", "Finding Not Found"
    return None


def _update(key: tuple[str, str], params: Params, where: Where) -> None:
    """UpdatedAt stays; the last note replaces the one before; maps are replaced."""
    finding = dict(hub.findings(where)[key])
    finding |= {name: params[name] for name in _UPDATES if name in params}
    if "Severity" in params:
        finding["Severity"] = asff.severity(params["Severity"])
    if "Note" in params:
        finding["Note"] = {**params["Note"], "UpdatedAt": times.now_as_text()}
    if "Workflow" in params:
        finding["Workflow"] = {**finding["Workflow"], **params["Workflow"]}
    touched = {name for name in hub.PROVIDERS if name in params}
    hub.touched(where).setdefault(key, set()).update(touched)
    hub.emit(where, hub.write(where, finding))


@implements("securityhub", "GetFindings")
def get_findings(params: Params, where: Where) -> Response:
    """Filtered, sorted, in pages. NextToken is the index of the next finding."""
    needs_hub(where)
    found = select(hub.findings(where).values(), params.get("Filters", {}))
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
