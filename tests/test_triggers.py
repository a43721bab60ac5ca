"""The rules from the headers reach a playbook with every event that it handles, and by its lane.

Events: every sample of the repository, every documented type in every form it arrives in, and near
misses of each. While the template's rules are written out, both must choose the same.
"""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from console.playbooks import playbooks
from console.triggers import Heard, Trigger, heard_by, triggers
from console.triggers.rules import MOST_CHARACTERS, size
from console.triggers.spelling import hub, native
from embedded.event_patterns import check, flat, matches_flat
from tests import finding_types
from tests.architecture import test_template_rules as written
from tests.architecture.stack import ROOT
from tests.examples import ESCALATE


@cache
def heard() -> dict[str, Heard]:
    """What each playbook hears."""
    return heard_by(playbooks(ROOT))


MADE = {name: triggers(one) for name, one in heard().items()}


def reached(event: Mapping[str, Any]) -> dict[str, set[bool]]:
    """The playbooks an event reaches by the derived rules, each with its lanes: is it in bulk?"""
    found: dict[str, set[bool]] = {}
    leaves = flat(event)
    for name, made in MADE.items():
        for trigger in made:
            if matches_flat(trigger.pattern, leaves):
                found.setdefault(name, set()).add(trigger.bulk)
    return found


def samples() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((ROOT / "events").glob("*/*.json")):
        if not path.name.endswith(".plan.json"):
            yield str(path.relative_to(ROOT)), json.loads(path.read_text())


def generated() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every known type by every form and severity, and each with a letter too many."""
    known = {("guardduty", t) for t in finding_types.GUARDDUTY}
    known |= {("macie", t) for t in finding_types.MACIE}
    for (source, type_), form, score in product(sorted(known), written.FORMS, (2, 7, 9)):
        if (source, score) == ("macie", 9):
            continue  # Macie's highest is High
        for near in ("", "X"):
            yield (
                f"{source}:{type_}{near} {form} {score}",
                threat(source, type_ + near, form, score),
            )
    controls = sorted(
        kind.partition(":")[2].replace("*", "1")
        for one in heard().values()
        for kind in (*one.kinds, *one.high)
        if kind.startswith("securityhub:")
    )
    for id_, form, passed in product(controls, (written.ASFF, written.OCSF), (False, True)):
        for near in ("", "9"):
            yield f"{id_}{near} {form}", written.control(id_ + near, form, passed=passed)
    rules = sorted({type_ for one in heard().values() for type_ in one.of("config")})
    for rule, result in product(rules, ("NON_COMPLIANT", "COMPLIANT", "NOT_APPLICABLE")):
        stem = rule.replace("*", "x")
        for name in (
            stem,
            stem.upper().replace("-", "_"),
            f"OrgConfigRule-{stem}-abcdefgh",
            stem[1:],
        ):
            yield f"{name} {result}", written.config(name, result)
    yield from of_resources()


def of_resources() -> Iterator[tuple[str, dict[str, Any]]]:
    """What Access Analyzer and Inspector send themselves."""
    for public, status in product((True, False), ("ACTIVE", "RESOLVED", "ARCHIVED")):
        access = {"isPublic": public, "status": status}
        event = written.envelope("aws.access-analyzer", "Access Analyzer Finding", access)
        yield f"access-analyzer:public={public} {status}", event
    for label, status in product(("HIGH", "CRITICAL", "UNTRIAGED"), ("ACTIVE", "CLOSED")):
        seen = {"severity": label, "status": status, "type": "PACKAGE_VULNERABILITY"}
        event = written.envelope("aws.inspector2", "Inspector2 Finding", seen)
        yield f"inspector:{label} {status}", event


SEVERITIES = {2: "LOW", 7: "HIGH", 9: "CRITICAL"}


def threat(source: str, type_: str, form: str, score: int) -> dict[str, Any]:
    event = written.threat(source, type_, form)
    detail = event["detail"]
    if form == written.NATIVE:
        words = {"score": 3, "description": "High" if score > 2 else "Low"}
        detail["severity"] = words if source == "macie" else score
        return event
    finding = detail["findings"][0]
    if form == written.ASFF:
        finding["Severity"] = {"Label": SEVERITIES[score]}
    else:
        sensitive = type_.startswith("SensitiveData:")
        finding |= {
            "severity_id": {2: 2, 7: 4, 9: 5}[score],
            "class_uid": 2006 if sensitive else 2004,
        }
    return event


EVENTS = dict((*samples(), *generated()))


@cache
def reached_by(name: str) -> dict[str, set[bool]]:
    """``reached`` of one of these, looked for once."""
    return reached(EVENTS[name])


@pytest.mark.drawn(1 / 5)
def test_the_template_chooses_the_same() -> None:
    """Written out, some families are narrower or wider than what their header handles.

    The escalation may hear more: its pattern would be too long, and its exact gate decides.
    """
    different = {}
    for name, event in EVENTS.items():
        by_template, by_header = written.reached(event), set(reached_by(name))
        kind, strict = name.split(" ")[0], name.startswith("events/")
        more = {p for p in by_header - by_template if p != ESCALATE.name and not handles(p, kind)}
        less = {p for p in by_template - by_header if strict or handles(p, kind)}
        if less | more:
            different[name] = (by_template, by_header)
    assert not different
    assert len(EVENTS) > 1000


def handles(playbook: str, kind: str) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in heard()[playbook].kinds)


def test_each_event_has_one_lane() -> None:
    for name in EVENTS:
        assert all(len(lanes) == 1 for lanes in reached_by(name).values()), name


@pytest.mark.parametrize(
    ("playbook", "trigger"), [(n, t) for n, made in MADE.items() for t in made], ids=str
)
def test_eventbridge_takes_it(playbook: str, trigger: Trigger) -> None:
    check(trigger.pattern)
    assert size(trigger.pattern) <= MOST_CHARACTERS


def test_a_kind_that_no_pattern_can_say_is_refused() -> None:
    for kind in ("*:S3/*", "Policy:*/X"):
        with pytest.raises(ValueError, match="an asterisk"):
            native(kind)


def test_a_family_that_grows_is_named_by_purpose() -> None:
    many = tuple(f"guardduty:Impact:S3/Type{n}" for n in range(200))
    made = {t.name: t.pattern for t in triggers(Heard(many))}
    assert made["GuardDuty"]["detail"]["type"] == [{"prefix": "Impact:"}]
    assert all(size(pattern) <= MOST_CHARACTERS for pattern in made.values())
    assert {"prefix": "TTPs/Impact/"} in list(hub("Impact:*"))


def test_every_exact_gate_is_behind_the_coarse_one() -> None:
    """What the header matches, its own rules deliver: no finding is handled that never comes."""
    for name in EVENTS:
        if name.startswith("events/"):
            playbook = Path(name).parent.name
            if playbook in MADE and "custom_action" not in name:
                assert playbook in reached_by(name), name
