"""Which findings a GetFindings filter selects (StringFilter, MapFilter, DateFilter, ...).

A filter that is not modelled stops the run: a filter that is overlooked would select too much.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from embedded.backends.registry import NotModelled, Refusal
from embedded.backends.times import now

Asff = Mapping[str, Any]
Filter = Mapping[str, Any]

# Filter name to the path of the field: "*" goes through a list.
TEXT = {
    "AwsAccountId": "AwsAccountId",
    "AwsAccountName": "AwsAccountName",
    "CompanyName": "CompanyName",
    "ComplianceAssociatedStandardsId": "Compliance.AssociatedStandards.*.StandardsId",
    "ComplianceSecurityControlId": "Compliance.SecurityControlId",
    "ComplianceStatus": "Compliance.Status",
    "Description": "Description",
    "FindingProviderFieldsSeverityLabel": "FindingProviderFields.Severity.Label",
    "FindingProviderFieldsTypes": "FindingProviderFields.Types.*",
    "GeneratorId": "GeneratorId",
    "Id": "Id",
    "NoteText": "Note.Text",
    "NoteUpdatedBy": "Note.UpdatedBy",
    "ProductArn": "ProductArn",
    "ProductName": "ProductName",
    "RecordState": "RecordState",
    "Region": "Region",
    "RelatedFindingsId": "RelatedFindings.*.Id",
    "ResourceId": "Resources.*.Id",
    "ResourcePartition": "Resources.*.Partition",
    "ResourceRegion": "Resources.*.Region",
    "ResourceType": "Resources.*.Type",
    "SeverityLabel": "Severity.Label",
    "Title": "Title",
    "Type": "Types.*",
    "VerificationState": "VerificationState",
    "WorkflowState": "WorkflowState",
    "WorkflowStatus": "Workflow.Status",
}
_MAPS = {"ProductFields": "ProductFields", "UserDefinedFields": "UserDefinedFields"}
_DATES = {
    "CreatedAt": "CreatedAt",
    "FirstObservedAt": "FirstObservedAt",
    "LastObservedAt": "LastObservedAt",
    "UpdatedAt": "UpdatedAt",
}
_NUMBERS = {
    "Confidence": "Confidence",
    "Criticality": "Criticality",
    "SeverityNormalized": "Severity.Normalized",
}

_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda have, want: have == want,
    "PREFIX": lambda have, want: have.startswith(want),
    "NOT_EQUALS": lambda have, want: have != want,
    "PREFIX_NOT_EQUALS": lambda have, want: not have.startswith(want),
}
_ANY = {"EQUALS", "PREFIX"}
# StringFilter, Comparison: these "work with automation rules", the last one with V2 only.
_ELSEWHERE = {"CONTAINS", "NOT_CONTAINS", "CONTAINS_WORD"}


MOST_VALUES = 20  # of one filter (GetFindings, Security Hub API reference)


def select(findings: Iterable[Asff], filters: Mapping[str, list[Filter]]) -> list[Asff]:
    """The findings every filter lets through. Filters are joined by AND."""
    for name, wanted in filters.items():
        if len(wanted) > MOST_VALUES:
            raise Refusal("InvalidInputException", f"{name}: more than {MOST_VALUES} values")
    tests = [_test(name, wanted) for name, wanted in filters.items()]
    return [f for f in findings if all(test(f) for test in tests)]


def _test(name: str, wanted: list[Filter]) -> Callable[[Asff], bool]:
    if name in TEXT:
        _combinable(name, wanted)
        return lambda f: _text(values(f, TEXT[name]), wanted)
    if name in _MAPS:
        _combinable(name, wanted)
        return lambda f: _map(f.get(_MAPS[name], {}), wanted)
    if name in _DATES:
        return lambda f: any(_date(v, w) for v in values(f, _DATES[name]) for w in wanted)
    if name in _NUMBERS:
        return lambda f: any(_number(v, w) for v in values(f, _NUMBERS[name]) for w in wanted)
    if name == "Sample":
        return lambda f: any(f.get("Sample", False) is w["Value"] for w in wanted)
    raise NotModelled(f"securityhub GetFindings: the filter {name}")


def _combinable(name: str, wanted: list[Filter]) -> None:
    used = {w["Comparison"] for w in wanted}
    if used & _ELSEWHERE:
        raise Refusal(
            "InvalidInputException", f"{name}: {used & _ELSEWHERE} is not for GetFindings"
        )
    if "EQUALS" in used and used & {"NOT_EQUALS", "PREFIX_NOT_EQUALS"}:
        raise Refusal("InvalidInputException", f"{name}: EQUALS cannot be combined with a negation")


def values(finding: Asff, path: str) -> list[Any]:
    """The values at a path of ``TEXT``: several if the path goes through a list."""
    found: list[Any] = [finding]
    for step in path.split("."):
        if step == "*":
            found = [member for value in found for member in value]
        else:
            found = [value[step] for value in found if step in value]
    return found


def _text(have: list[str], wanted: list[Filter]) -> bool:
    """Positive comparisons of one field are joined by OR, negative ones by AND."""
    any_of = [w for w in wanted if w["Comparison"] in _ANY]
    all_of = [w for w in wanted if w["Comparison"] not in _ANY]
    return (not any_of or any(_compare(v, w) for v in have for w in any_of)) and all(
        _compare(v, w) for v in have for w in all_of
    )


def _compare(have: str, wanted: Filter) -> bool:
    return _COMPARISONS[wanted["Comparison"]](have, wanted["Value"])


def _map(have: Mapping[str, str], wanted: list[Filter]) -> bool:
    def one(w: Filter) -> bool:
        if w["Comparison"] in _ANY:
            return w["Key"] in have and _compare(have[w["Key"]], w)
        return w["Key"] not in have or _compare(have[w["Key"]], w)

    any_of = [w for w in wanted if w["Comparison"] in _ANY]
    all_of = [w for w in wanted if w["Comparison"] not in _ANY]
    return (not any_of or any(map(one, any_of))) and all(map(one, all_of))


def _date(have: str, wanted: Filter) -> bool:
    at = moment(have)
    if "DateRange" in wanted:
        return at >= now() - timedelta(days=wanted["DateRange"]["Value"])
    after = "Start" not in wanted or at >= moment(wanted["Start"])
    return after and ("End" not in wanted or at <= moment(wanted["End"]))


def _number(have: float, wanted: Filter) -> bool:
    return (
        have == wanted.get("Eq", have)
        and have >= wanted.get("Gte", have)
        and have <= wanted.get("Lte", have)
        and ("Gt" not in wanted or have > wanted["Gt"])
        and ("Lt" not in wanted or have < wanted["Lt"])
    )


def moment(stamp: str) -> datetime:
    """The datetime behind an ASFF timestamp."""
    return datetime.fromisoformat(stamp)
