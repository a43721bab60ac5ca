"""One case, as a report has it: its line in the list, and all that is behind it.

The sections are those of `cordon show`. What evidence says of the changes is shown only where the
evidence is verified; the chain itself and its timeline always, with the verdict.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from console import case_evidence, case_page
from console.case_evidence import Written
from console.case_list import age, has_failed, is_held
from console.case_page import Section
from console.evidence import Copy, verdict, verify
from console.report.data import (
    Chain,
    Details,
    Entry,
    Flag,
    Lineage,
    Link,
    Moment,
    Node,
    Part,
    text,
)
from cordon.actions.descendants import TagDescendants
from cordon.actions.s3.deny_access import DenyBucketAccess
from cordon.clock import to_iso
from cordon.deployment import Deployment
from cordon.errors import EvidenceFault
from cordon.evidence import entry_at, sha256
from cordon.memory.cases import Case
from cordon.playbook import Playbook
from cordon.statuses import Status

TONES = {  # of the others nothing is held and nobody is needed
    Status.AWAITING_APPROVAL: "wait",
    Status.CONTAINING: "wait",
    Status.CONTAINED: "good",
    Status.ESCALATED: "wait",  # a person must do it
    Status.PARTLY_CONTAINED: "bad",
    Status.FAILED: "bad",
    Status.RELEASING: "wait",
    Status.RELEASED: "good",
}
NOT_VERIFIED = "unknown: the evidence is not verified"
NOT_AS_WRITTEN = "unknown: the evidence is not as Cordon writes it"
MOST_LINES = 4_000  # of one difference
RELEASED = (Status.RELEASED, Status.REOPENED)


def entry(case: Case, details: Details, event: str = "") -> Entry:
    """The case's line in the list."""
    found = case.finding
    return Entry(
        id=case.id,
        status=f"{case.status}, held back" if case.held_back else str(case.status),
        tone=TONES.get(case.status, "quiet"),
        flags=tuple(_flags(case)),
        severity=str(found.severity.label),
        playbook=case.playbook,
        account=found.place.account,
        region=found.place.region,
        title=text(found.title),
        kind=text(found.kind),
        resources=tuple(text(one) for one in case.plan.resources),
        opened=to_iso(case.opened_at),
        age=age(case.opened_at),
        event=text(event),
        seconds=_seconds(case),
        details=details,
    )


def _flags(case: Case) -> Iterator[str]:
    are = {
        Flag.WAITING: case.status is Status.AWAITING_APPROVAL,
        Flag.HELD: is_held(case),
        Flag.FAILED: has_failed(case),
        Flag.RELEASED: case.status in RELEASED,
    }
    yield from (str(flag) for flag, is_so in are.items() if is_so)


def _seconds(case: Case) -> int | None:
    """Of a case that was contained in its first round: a later round keeps when it was opened."""
    if case.status is not Status.CONTAINED or case.round > 1 or case.contained_at is None:
        return None
    return int((case.contained_at - case.opened_at).total_seconds())


def details(
    case: Case, playbook: Playbook | None, deployment: Deployment | None, evidence: Copy | str
) -> Details:
    """All of a case. ``evidence``: all that there is, or why it is not known, in words."""
    copy = None if isinstance(evidence, str) else evidence
    written = evidence if isinstance(evidence, str) else _written(case, evidence)
    known = () if isinstance(written, str) else written
    return Details(
        sections=_parts(case_page.sections(case, playbook, deployment, written)),
        timeline=tuple(_timeline(copy)) if copy else (),
        differences=_differences(known),
        exempt=tuple(_exempt(case)),
        chain=chain_of(copy) if copy else None,
        lineage=tuple(_lineages(known)),
        supports=playbook.controls if playbook else (),
        no_evidence=written if isinstance(written, str) else "",
    )


def _written(case: Case, copy: Copy) -> Sequence[Written] | str:
    """What evidence says of the changes; in words why that is not believed."""
    if not all(fault.warning for fault in verify(copy)):
        return NOT_VERIFIED
    try:
        return case_evidence.changes(case, copy)
    except case_evidence.NotAsWritten:
        return NOT_AS_WRITTEN


def _timeline(copy: Copy) -> Iterator[Moment]:
    for at, stage, says in case_evidence.moments(copy):
        yield Moment(text(at), text(stage), text(says))


def chain_of(copy: Copy) -> Chain:
    """The entries as links, and what is wrong with them."""
    found = verify(copy)
    return Chain(
        verdict=text(verdict(copy, found)),
        verified=not found,
        faults=tuple(text(one) for one in found),
        links=tuple(_links(copy)),
    )


def _links(copy: Copy) -> Iterator[Link]:
    begin = copy.observed.sha256 if copy.observed else ""
    for number, body in sorted(copy.entries.items()):
        key = copy.chain.key(number)
        before = copy.entries.get(number - 1)
        expected = begin if number == 1 else "" if before is None else sha256(before)
        try:
            found = entry_at(key, body)
        except EvidenceFault:
            yield Link(number, "no entry", "", sha256(body), "", follows=False)
            continue
        previous = found["previous"]
        follows = previous == expected and (number == 1 or before is not None)
        stage, at = text(found["stage"]), text(found["at"])
        yield Link(number, stage, at, sha256(body), text(previous), follows)


def _parts(sections: Iterable[Section]) -> tuple[Part, ...]:
    return tuple(Part(text(one.heading), tuple(map(text, one.lines))) for one in sections)


def _differences(written: Sequence[Written]) -> tuple[Part, ...]:
    """A line keeps its indentation: ``differences.lines`` has escaped what is not printable."""
    return tuple(
        Part(text(one.heading), (*(_line(line) for line in one.lines[:MOST_LINES]), *_more(one)))
        for one in case_page.difference(written)
    )


def _line(line: str) -> str:
    rest = line[1:].lstrip(" ")
    return f"{line[: len(line) - len(rest)]}{text(rest)}"


def _more(section: Section) -> Iterator[str]:
    if len(section.lines) > MOST_LINES:
        yield f"{len(section.lines) - MOST_LINES} more lines: cordon show CASE --diff"


def _exempt(case: Case) -> Iterator[Part]:
    """By each change that denies with exceptions, the patterns that its plan exempts."""
    for action in case.plan.actions:
        if isinstance(action, DenyBucketAccess):
            yield Part(text(action.resource), tuple(map(text, action.exempt)))


def _lineages(written: Iterable[Written]) -> Iterator[Lineage]:
    for one in written:
        if isinstance(one.action, TagDescendants) and one.before is not None:
            yield _lineage(one.before)


def _lineage(captured: Mapping[str, Any]) -> Lineage:
    nodes = [
        Node(text(one["arn"]), int(one["via"]), text(one.get("left", "")))
        for one in captured["nodes"]
    ]
    unread = (*captured["unread"], *captured["truncated"])
    return Lineage(tuple(nodes), tuple(map(text, unread)))
