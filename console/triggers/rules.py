"""From what a playbook hears to its rules: one for each form in which a finding arrives.

Native: GuardDuty, Macie and Config on the default bus, API calls that CloudTrail records, and the
events of other services (``natives``).
Copies: Security Hub CSPM in ASFF ("Security Hub Findings - Imported") and Security Hub in OCSF
("Findings Imported V2"). Each form has a rule for threats, which invokes the function, and one for
what comes in bulk, by the queue.
Sources: as in ``cordon.sources``; EventBridge User Guide, "Comparison operators for use in event
patterns", "Quotas" (2,048 characters a pattern).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from console.triggers import config_rules, natives, spelling
from console.triggers.heard import BULK_OF_A_THREAT_SOURCE, Heard
from cordon.finding import MALICIOUS_OBJECT

MOST_CHARACTERS = 2048
HIGH, CRITICAL = 7, 9  # GuardDuty's severity; OCSF's ids are 4 and 5
OURS = "cordon-"  # rules that our template makes: under just this name
OTHERS = ("access-analyzer", "config", "inspector", "macie")  # who also writes in Security Hub
NEW_OR_SEEN = [  # what our own update re-emits is NOTIFIED and says so
    {"Workflow": {"Status": ["NEW"]}},
    {"Workflow": {"Status": ["NOTIFIED"]}, "UserDefinedFields": {"cordon": [{"exists": False}]}},
]
Pattern = Mapping[str, Any]


@dataclass(frozen=True)
class Trigger:
    """One rule: its name within the playbook, its pattern, and by which lane it arrives."""

    name: str
    pattern: Pattern
    bulk: bool = False
    optional: bool = False  # a parameter switches it on


def triggers(heard: Heard) -> tuple[Trigger, ...]:
    """Every rule that a playbook needs. Raises ValueError for a kind that no pattern can say.

    Where a pattern would be too long, GuardDuty's types are named by their purposes: the exact gate
    decides, so that it costs an invocation which ignores the finding.
    """
    threats = _Threats.of(heard)
    made = (
        *_natives_of(threats),
        *_calls(heard),
        *(Trigger(*rule) for rule in natives.direct(heard)),
        *_optional_states(heard),
        *_copies_of(threats),
        *_bulk(heard),
        *(Trigger(*rule, bulk=True) for rule in natives.bulk(heard)),
    )
    return tuple(trigger for trigger in made if trigger)


def size(pattern: Pattern) -> int:
    """Characters, as EventBridge counts a pattern without white space."""
    return len(json.dumps(pattern, separators=(",", ":")))


@dataclass(frozen=True)
class _Threats:
    """What is heard of the sources of threats, apart from what comes in bulk."""

    guardduty: tuple[str, ...]
    macie: tuple[str, ...]
    high_macie: tuple[str, ...]
    high_guardduty: bool  # which of its High types, only the exact gate knows
    critical: bool

    @classmethod
    def of(cls, heard: Heard) -> "_Threats":
        macie, high = heard.of("macie"), heard.of("macie", high=True)
        return cls(
            heard.of("guardduty"),
            tuple(type for type in macie if not _is_bulk("macie", type)),
            tuple(type for type in high if not _is_bulk("macie", type)),
            bool(heard.of("guardduty", high=True)),
            heard.critical,
        )

    @property
    def sources(self) -> list[str]:
        of_guardduty = self.guardduty or self.high_guardduty or self.critical
        of_macie = self.macie or self.high_macie
        return [*(["guardduty"] if of_guardduty else []), *(["macie"] if of_macie else [])]


def _natives_of(threats: _Threats) -> Iterator[Trigger | None]:
    least = HIGH if threats.high_guardduty else CRITICAL
    serious: list[Pattern] = [{"severity": [{"numeric": [">=", least]}]}]
    if not (threats.high_guardduty or threats.critical):
        serious = []
    event = ("aws.guardduty", "GuardDuty Finding")
    yield _native("GuardDuty", event, serious, threats.guardduty)
    if MALICIOUS_OBJECT in threats.guardduty:  # of Malware Protection, also without GuardDuty
        found = {"scanResultDetails": {"scanResultStatus": ["THREATS_FOUND"]}}
        scan = ("aws.guardduty", "GuardDuty Malware Protection Object Scan Result")
        yield Trigger("ObjectScan", _event(scan, found))
    high = {"type": _natives(threats.high_macie), "severity": {"description": ["High"]}}
    event = ("aws.macie", "Macie Finding")
    yield _native("Macie", event, _if(threats.high_macie, high), threats.macie)


def _calls(heard: Heard) -> Iterator[Trigger]:
    if calls := heard.of("cloudtrail"):
        yield Trigger("Call", _of_calls(calls))
    if calls := heard.optional_calls:
        yield Trigger("OptionalCall", _of_calls(calls), optional=True)


def _optional_states(heard: Heard) -> Iterator[Trigger]:
    for name, pattern in natives.direct(heard.optional_states):
        yield Trigger(f"Optional{name}", pattern, optional=True)


def _of_calls(calls: tuple[str, ...]) -> Pattern:
    """API calls that did not fail: their sources are the called services' own."""
    services = sorted({call.partition(":")[0] for call in calls})
    return {
        "source": [f"aws.{service}" for service in services],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": [f"{service}.amazonaws.com" for service in services],
            "eventName": sorted({call.partition(":")[2] for call in calls}),
            "errorCode": [{"exists": False}],
        },
    }


def _copies_of(threats: _Threats) -> Iterator[Trigger]:
    """Of a finding in Security Hub, in its two forms. Sensitive data goes by the queue."""
    if not threats.sources:
        return
    native, words = [{"prefix": "TTPs/"}, {"prefix": "Effects/"}], {"Severity": {"Label": ["HIGH"]}}
    serious = [
        *_if(threats.critical, {"Severity": {"Label": ["CRITICAL"]}}),
        *_if(threats.high_guardduty, {**words, "Types": native}),
    ]

    def copy(types: tuple[str, ...]) -> Pattern:
        spelled = [one for type in (*types, *threats.macie) for one in spelling.hub(type)]
        return _hub(
            {
                "ProductArn": [{"suffix": f"::product/aws/{s}"} for s in threats.sources],
                "RecordState": ["ACTIVE"],
                "Workflow": {"Status": ["NEW"]},
                **_any([*serious, *_if(spelled, {"Types": _unique(spelled)})]),
            }
        )

    yield Trigger("SecurityHubCopy", _that_fits(copy, threats.guardduty))
    levels = [
        *_if(threats.critical, {"severity_id": [{"numeric": [">=", 5]}]}),
        *_if(threats.high_guardduty, {"severity_id": [4], "class_uid": [2004]}),
    ]

    def newest(types: tuple[str, ...]) -> Pattern:
        spelled = _natives((*types, *threats.macie))
        return _ocsf(
            {
                "status_id": [1],  # new: what our own update re-emits is not
                "metadata": _products(threats.sources),
                **_any([*levels, *_if(spelled, {"finding_info": {"types": spelled}})]),
            }
        )

    yield Trigger("SecurityHubOcsf", _that_fits(newest, threats.guardduty))


def _that_fits(pattern: Callable[[tuple[str, ...]], Pattern], types: tuple[str, ...]) -> Pattern:
    exact = pattern(types)
    if size(exact) <= MOST_CHARACTERS:
        return exact
    return pattern(tuple(sorted({spelling.by_purpose(type) for type in types})))


def _bulk(heard: Heard) -> Iterator[Trigger | None]:
    """Controls, Config rules, and what Macie reads of objects."""
    if rules := heard.of("config"):
        ended = any(kind.startswith("config:") for kind in heard.ended)
        passes = ["COMPLIANT", "NOT_APPLICABLE"] if heard.passed else _if(ended, "COMPLIANT")
        results = ["NON_COMPLIANT", *passes]
        ours: list[Any] = [rule for rule in rules if rule.startswith(OURS)]
        named = list(config_rules.groups(tuple(rule for rule in rules if rule not in ours)))
        named = named or [("", [])]
        for first, matchers in named:
            detail = {
                "configRuleName": [*(ours if first == named[0][0] else []), *matchers],
                "newEvaluationResult": {"complianceType": results},
            }
            name = f"{first.capitalize() if len(named) > 1 else ''}ConfigRule"
            event = ("aws.config", "Config Rules Compliance Change")
            yield Trigger(name, _event(event, detail), bulk=True)
    sensitive = _sensitive(heard)
    if sensitive:
        detail = {"type": _natives(sensitive), "severity": {"description": ["High"]}}
        event = ("aws.macie", "Macie Finding")
        yield Trigger("SensitiveDataRule", _event(event, detail), bulk=True)
    yield from _controls(heard)


def _sensitive(heard: Heard) -> tuple[str, ...]:
    return tuple(t for t in heard.of("macie", high=True) if _is_bulk("macie", t))


def _vulnerable(heard: Heard) -> tuple[str, ...]:
    """Inspector's types, which are Security Hub's own."""
    return tuple(type for type in heard.of("inspector", high=True) if "/" in type)


def _controls(heard: Heard) -> Iterator[Trigger]:
    ids, high = _ids(heard.of("securityhub")), _ids(heard.of("securityhub", high=True))
    only = [*_if(_sensitive(heard), "macie"), *_if(_vulnerable(heard), "inspector")]
    if not (ids or high or heard.critical or only):
        return
    products: tuple[str, ...] = ("securityhub", *(OTHERS if heard.critical or heard.high else ()))
    if not (ids or high or heard.critical):
        products = tuple(only)
    failed = {"Compliance": {"Status": ["FAILED"], "SecurityControlId": ids}}
    serious_ones: list[Pattern] = []
    if heard.critical:
        serious_ones.append({"Severity": {"Label": ["CRITICAL"]}})
    if high:
        of_high = {"Status": ["FAILED"], "SecurityControlId": high}
        serious_ones.append({"Severity": {"Label": ["HIGH"]}, "Compliance": of_high})
    types = [
        *_if(heard.of("access-analyzer", high=True), {"suffix": "External Access Granted"}),
        *_if(_sensitive(heard), {"prefix": "Sensitive Data Identifications/"}),
    ]
    serious_ones += _if(types, {"Severity": {"Label": ["HIGH"]}, "Types": types})
    vulnerable = _natives(_vulnerable(heard))
    labels = {"Severity": {"Label": ["HIGH", "CRITICAL"]}}
    serious_ones += _if(vulnerable, {**labels, "Types": vulnerable})
    product = [{"suffix": f"::product/aws/{s}"} for s in products]
    active = {"ProductArn": product, "RecordState": ["ACTIVE"]}
    asff = (
        {**active, "Workflow": {"Status": ["NEW"]}, **_any([*serious_ones, *_if(ids, failed)])}
        if serious_ones
        else {**active, "$or": NEW_OR_SEEN, **failed}
    )
    yield Trigger("ControlsRule", _hub(asff), bulk=True)
    if heard.passed and ids:
        passed = {"Compliance": {"Status": ["PASSED"], "SecurityControlId": ids}}
        deleted = {"RecordState": ["ARCHIVED"], "Compliance": {"SecurityControlId": ids}}
        again = {
            "ProductArn": product,
            "Workflow": {"Status": ["NEW", "NOTIFIED", "RESOLVED"]},
            "$or": [passed, deleted],
        }
        yield Trigger("PassedRule", _hub(again), bulk=True)
    if ended := _ids(_of_controls(heard.ended)):
        yield Trigger("PassedRule", _hub(_ended(ended)), bulk=True)
    yield Trigger("ControlsOcsfRule", _ocsf(_controls_ocsf(heard, ids, high, products)), bulk=True)


def _of_controls(kinds: tuple[str, ...]) -> tuple[str, ...]:
    split = (kind.partition(":") for kind in kinds)
    return tuple(sorted(control for source, _, control in split if source == "securityhub"))


def _ended(ids: list[Any]) -> Pattern:
    """Passes of controls on which a case of ours has put our field: there are many others."""
    return {
        "ProductArn": [{"suffix": "::product/aws/securityhub"}],
        "RecordState": ["ACTIVE"],
        "Workflow": {"Status": ["NEW", "NOTIFIED", "RESOLVED"]},  # not what a person suppressed
        "UserDefinedFields": {"cordon": [{"exists": True}]},
        "Compliance": {"Status": ["PASSED"], "SecurityControlId": ids},
    }


def _controls_ocsf(
    heard: Heard, ids: list[Any], high: list[Any], products: Iterable[str]
) -> Pattern:
    failed = _compliance("fail", ids)
    uid = _products(products)
    if heard.passed and ids:
        new = {"status_id": [1], **failed}
        closed = {"status_id": [1, 2, 4, 5], **_compliance("pass", ids)}  # but suppressed
        return {"metadata": uid, "$or": [new, closed]}
    levels: list[Pattern] = []
    if heard.critical:
        levels.append({"severity_id": [{"numeric": [">=", 5]}]})
    if high:
        levels.append({"severity_id": [4], **_compliance("fail", high)})
    sensitive, vulnerable = _natives(_sensitive(heard)), _natives(_vulnerable(heard))
    levels += _if(sensitive, {"severity_id": [4], "finding_info": {"types": sensitive}})
    levels += _if(vulnerable, {"severity_id": [4, 5, 6], "finding_info": {"types": vulnerable}})
    return {"status_id": [1], "metadata": uid, **_any([*levels, *_if(ids, failed)])}


def _compliance(status: str, ids: list[Any]) -> dict[str, Any]:
    return {"compliance": {"status": [{"equals-ignore-case": status}], "control": ids}}


def _native(
    name: str, event: tuple[str, str], serious: list[Pattern], types: tuple[str, ...]
) -> Trigger | None:
    if not (serious or types):
        return None

    def pattern(types: tuple[str, ...]) -> Pattern:
        return _event(event, _any([*serious, *_if(types, {"type": _natives(types)})]))

    return Trigger(name, _that_fits(pattern, types))


def _event(event: tuple[str, str], detail: Pattern) -> Pattern:
    return {"source": [event[0]], "detail-type": [event[1]], "detail": detail}


def _hub(finding: Pattern) -> Pattern:
    event = ("aws.securityhub", "Security Hub Findings - Imported")
    return _event(event, {"findings": finding})


def _ocsf(finding: Pattern) -> Pattern:
    return _event(("aws.securityhub", "Findings Imported V2"), {"findings": finding})


def _products(sources: Iterable[str]) -> Pattern:
    return {"product": {"uid": [{"suffix": f"::productv2/aws/{s}"} for s in sources]}}


def _any(either: list[Pattern]) -> Pattern:
    """One of these: the only one as it is, as ``$or`` wants two at least."""
    return either[0] if len(either) == 1 else {"$or": either}


def _if(condition: Any, value: Any) -> list[Any]:
    return [value] if condition else []


def _natives(types: tuple[str, ...]) -> list[Any]:
    return _unique(spelling.native(type) for type in types)


def _ids(controls: tuple[str, ...]) -> list[Any]:
    """``SageMaker.*`` is a prefix; so is ``Redshift*.*``. ``*`` is every control."""
    if "*" in controls:
        return [{"exists": True}]
    return [{"prefix": c.partition("*")[0]} if "*" in c else c for c in controls]


def _unique(matchers: Iterable[Any]) -> list[Any]:
    """Without those that another one covers, in their order."""
    found = list({str(one): one for one in matchers}.values())
    prefixes = [one["prefix"] for one in found if isinstance(one, dict) and "prefix" in one]

    def covered(one: Any) -> bool:
        text = one["prefix"] if isinstance(one, dict) and "prefix" in one else one
        return isinstance(text, str) and any(text.startswith(p) and text != p for p in prefixes)

    return [one for one in found if not covered(one)]


def _is_bulk(source: str, type: str) -> bool:
    return type.startswith(BULK_OF_A_THREAT_SOURCE[source])
