"""From what a playbook hears to its rules: one for each form in which a finding arrives.

Native: GuardDuty, Macie and Config on the default bus. Copies: Security Hub CSPM in ASFF
("Security Hub Findings - Imported") and Security Hub in OCSF ("Findings Imported V2"). Each form
has a rule for threats, which invokes the function, and one for what comes in bulk, by the queue.
Sources: as in ``cordon.sources``; EventBridge User Guide, "Comparison operators for use in event
patterns", "Quotas" (2,048 characters a pattern).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from console.triggers import spelling
from console.triggers.heard import BULK_OF_A_THREAT_SOURCE, THREATS, Heard

MOST_CHARACTERS = 2048
HIGH, CRITICAL = 7, 9  # GuardDuty's severity; OCSF's ids are 4 and 5
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


def triggers(heard: Heard) -> tuple[Trigger, ...]:
    """Every rule that a playbook needs. Raises ValueError for a kind that no pattern can say.

    Where a pattern would be too long, GuardDuty's types are named by their purposes: the exact gate
    decides, so that it costs an invocation which ignores the finding.
    """
    made = (*_threats(heard), *_bulk(heard))
    return tuple(trigger for trigger in made if trigger)


def size(pattern: Pattern) -> int:
    """Characters, as EventBridge counts a pattern without white space."""
    return len(json.dumps(pattern, separators=(",", ":")))


def _threats(heard: Heard) -> Iterator[Trigger | None]:
    guardduty = heard.of("guardduty")
    macie = tuple(type for type in heard.of("macie") if not _is_bulk("macie", type))
    high_macie = tuple(t for t in heard.of("macie", high=True) if not _is_bulk("macie", t))
    high_guardduty = bool(heard.of("guardduty", high=True))
    serious = heard.critical or high_guardduty
    least = HIGH if high_guardduty else CRITICAL
    yield _native(
        "GuardDuty",
        ("aws.guardduty", "GuardDuty Finding"),
        [{"severity": [{"numeric": [">=", least]}]}] if serious else [],
        guardduty,
    )
    of_high = {"type": _natives(high_macie), "severity": {"description": ["High"]}}
    yield _native("Macie", ("aws.macie", "Macie Finding"), [of_high] if high_macie else [], macie)
    from_macie = macie or high_macie
    heard_from = [s for s in THREATS if (from_macie if s == "macie" else guardduty or serious)]
    if not heard_from:
        return
    serious_ones: list[Pattern] = []
    if heard.critical:
        serious_ones.append({"Severity": {"Label": ["CRITICAL"]}})
    if high_guardduty:  # sensitive data goes by the queue
        threats = [{"prefix": "TTPs/"}, {"prefix": "Effects/"}]
        serious_ones.append({"Severity": {"Label": ["HIGH"]}, "Types": threats})

    def copy(types: tuple[str, ...]) -> Pattern:
        spelled = [one for type in (*types, *macie) for one in spelling.hub(type)]
        return _hub(
            {
                "ProductArn": [{"suffix": f"::product/aws/{s}"} for s in heard_from],
                "RecordState": ["ACTIVE"],
                "Workflow": {"Status": ["NEW"]},
                **_any([*serious_ones, *_if(spelled, {"Types": _unique(spelled)})]),
            }
        )

    yield Trigger("SecurityHubCopy", _that_fits(copy, guardduty))
    levels: list[Pattern] = []
    if heard.critical:
        levels.append({"severity_id": [{"numeric": [">=", 5]}]})
    if high_guardduty:  # sensitive data, class 2006, goes by the queue
        levels.append({"severity_id": [4], "class_uid": [2004]})

    def newest(types: tuple[str, ...]) -> Pattern:
        native = _natives((*types, *macie))
        return _ocsf(
            {
                "status_id": [1],  # new: what our own update re-emits is not
                "metadata": _products(heard_from),
                **_any([*levels, *_if(native, {"finding_info": {"types": native}})]),
            }
        )

    yield Trigger("SecurityHubOcsf", _that_fits(newest, guardduty))


def _that_fits(pattern: Callable[[tuple[str, ...]], Pattern], types: tuple[str, ...]) -> Pattern:
    exact = pattern(types)
    if size(exact) <= MOST_CHARACTERS:
        return exact
    return pattern(tuple(sorted({spelling.by_purpose(type) for type in types})))


def _bulk(heard: Heard) -> Iterator[Trigger | None]:
    """Controls, Config rules, and what Macie reads of objects."""
    if rules := heard.of("config"):
        results = ["NON_COMPLIANT", *(["COMPLIANT", "NOT_APPLICABLE"] if heard.passed else [])]
        detail = {
            "configRuleName": [{"wildcard": f"*{word}*"} for word in _rule_words(rules)],
            "newEvaluationResult": {"complianceType": results},
        }
        event = ("aws.config", "Config Rules Compliance Change")
        yield Trigger("ConfigRule", _event(event, detail), bulk=True)
    sensitive = tuple(t for t in heard.of("macie", high=True) if _is_bulk("macie", t))
    if sensitive:
        detail = {"type": _natives(sensitive), "severity": {"description": ["High"]}}
        event = ("aws.macie", "Macie Finding")
        yield Trigger("SensitiveDataRule", _event(event, detail), bulk=True)
    yield from _controls(heard, bool(sensitive))


def _controls(heard: Heard, sensitive: bool) -> Iterator[Trigger]:
    ids, high = _ids(heard.of("securityhub")), _ids(heard.of("securityhub", high=True))
    if not (ids or high or heard.critical):
        return
    others = OTHERS if heard.critical or heard.high else ()
    failed = {"Compliance": {"Status": ["FAILED"], "SecurityControlId": ids}}
    serious_ones: list[Pattern] = []
    if heard.critical:
        serious_ones.append({"Severity": {"Label": ["CRITICAL"]}})
    if high:
        of_high = {"Status": ["FAILED"], "SecurityControlId": high}
        serious_ones.append({"Severity": {"Label": ["HIGH"]}, "Compliance": of_high})
    types = [
        *_if(heard.of("access-analyzer", high=True), {"suffix": "External Access Granted"}),
        *_if(sensitive, {"prefix": "Sensitive Data Identifications/"}),
    ]
    serious_ones += _if(types, {"Severity": {"Label": ["HIGH"]}, "Types": types})
    product = [{"suffix": f"::product/aws/{s}"} for s in ("securityhub", *others)]
    active = {"ProductArn": product, "RecordState": ["ACTIVE"]}
    asff = (
        {**active, "Workflow": {"Status": ["NEW"]}, **_any([*serious_ones, *_if(ids, failed)])}
        if serious_ones
        else {**active, "$or": NEW_OR_SEEN, **failed}
    )
    yield Trigger("ControlsRule", _hub(asff), bulk=True)
    if heard.passed:
        passed = {"Compliance": {"Status": ["PASSED"], "SecurityControlId": ids}}
        deleted = {"RecordState": ["ARCHIVED"], "Compliance": {"SecurityControlId": ids}}
        again = {
            "ProductArn": product,
            "Workflow": {"Status": ["NEW", "NOTIFIED", "RESOLVED"]},
            "$or": [passed, deleted],
        }
        yield Trigger("PassedRule", _hub(again), bulk=True)
    yield Trigger("ControlsOcsfRule", _ocsf(_controls_ocsf(heard, ids, high, others)), bulk=True)


def _controls_ocsf(heard: Heard, ids: list[Any], high: list[Any], others: Iterable[str]) -> Pattern:
    failed = _compliance("fail", ids)
    uid = _products(("securityhub", *others))
    if heard.passed:
        new = {"status_id": [1], **failed}
        closed = {"status_id": [1, 2, 4, 5], **_compliance("pass", ids)}  # but suppressed
        return {"metadata": uid, "$or": [new, closed]}
    levels: list[Pattern] = []
    if heard.critical:
        levels.append({"severity_id": [{"numeric": [">=", 5]}]})
    if high:
        levels.append({"severity_id": [4], **_compliance("fail", high)})
    sensitive = tuple(t for t in heard.of("macie", high=True) if _is_bulk("macie", t))
    types = {"finding_info": {"types": _natives(sensitive)}}
    levels += _if(sensitive, {"severity_id": [4], **types})
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
    """``SageMaker.*`` is a prefix; so is ``Redshift*.*``."""
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


SPELLED_WORDS = {"sagemaker": "SageMaker"}  # as CloudFormation's logical ids write it


def _rule_words(rules: tuple[str, ...]) -> list[str]:
    """What is in the names of deployed rules, in the four spellings of ``sources.config``."""
    words: dict[str, None] = {}
    for rule in _families(rules):
        stem = rule.rstrip("*")
        camel = "".join(SPELLED_WORDS.get(w, w.capitalize()) for w in stem.split("-"))
        for word in (stem, stem.replace("-", "_"), stem.replace("-", "_").upper(), camel):
            words[word] = None
    return list(words)


def _families(rules: tuple[str, ...]) -> list[str]:
    """Names that begin with the same three words as one family: a rule has few wildcards."""
    by_stem: dict[str, list[str]] = {}
    for rule in rules:
        stem = re.match(r"(?:[a-z0-9]+-){3}", rule)
        by_stem.setdefault(stem[0] if stem else rule, []).append(rule)
    return [stem if len(same) > 1 else same[0] for stem, same in by_stem.items()]
