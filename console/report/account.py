"""A report of a deployed stack, or of one of its cases; read with the caller's own rights.

What may not be read is a note, and nothing is concluded from it. A closed case is in no index: only
a scan of the whole table finds it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import zip_longest
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from console.aws_errors import is_denied, why_unknown
from console.coverage.live import modes_of
from console.evidence import Copy
from console.options import version
from console.report import of_case, sums
from console.report.data import Entry, Exempted, Kind, Report, text
from console.settings import StackSettings
from console.stack import NotPossible, Stack, headers
from cordon.clock import now, to_iso
from cordon.concurrency import MAX_PARALLEL, gather
from cordon.memory.cases import Case
from cordon.settings import Exemption

OPEN_ONLY = "Closed cases are not in it: no index has them. --closed looks through the whole table."
NOT_READ = "unknown: not read for this report: cordon show {case} --report FILE reads it"
UNREAD = "Evidence was not read of the {unread} oldest cases: --evidence says of how many it is."
DELETED = "The stack is deleted: what its cases hold stays until people put it back."
Progress = Callable[[int, int], None]  # how many of how many


@dataclass(frozen=True)
class Wanted:
    """What of a stack. ``evidence``: of how many cases it is read, the newest first."""

    closed: bool = False
    evidence: int = 200


def of_stack(
    stack: Stack, wanted: Wanted, coverage: dict[str, Any] | None, progress: Progress
) -> Report:
    """All of a stack's cases that are wanted, what is exempt, and what is covered."""
    shared = replace(stack, client=cache(stack.client))
    found = shared.all_cases() if wanted.closed else shared.open_cases()
    cases = sorted(
        (one for one in found if wanted.closed or not one.closed),
        key=lambda case: case.opened_at,
        reverse=True,
    )
    entries = tuple(_entries(shared, cases, wanted.evidence, progress))
    unread = max(len(cases) - wanted.evidence, 0)
    exemptions, unknown = _exemptions(shared)
    modes, modes_say = modes_of(lambda: shared)
    notes = (
        "" if wanted.closed else OPEN_ONLY,
        UNREAD.format(unread=unread) if unread else "",
        DELETED if stack.deleted else "",
        *unknown,
    )
    return Report(
        Kind.ACCOUNT,
        f"Cordon: {stack.name}",
        about(stack),
        to_iso(now()),
        tuple(filter(None, notes)),
        entries,
        sums.tiles(entries, closed=wanted.closed),
        exemptions,
        coverage,
        modes,
        text(modes_say),
    )


def of_one(stack: Stack, case: Case) -> Report:
    """One case, and its evidence where that may be read."""
    one = _entry(stack, case, _evidence(stack, case))
    made = to_iso(now())
    return Report(Kind.CASE, f"Cordon: case {case.id}", about(stack), made, (), (one,), ())


def about(stack: Stack) -> tuple[tuple[str, str], ...]:
    """Which stack it is, and which version these commands are of."""
    parts = stack.stack_id.split(":") if stack.stack_id.count(":") > 4 else []
    named = (
        ("stack", stack.name),
        ("account", parts[4] if parts else ""),
        ("Region", parts[3] if parts else ""),
        ("commands", f"version {version()}"),
    )
    return tuple((name, text(value)) for name, value in named if value)


def _entries(stack: Stack, cases: Sequence[Case], most: int, progress: Progress) -> Iterator[Entry]:
    """Evidence is read of some at a time."""
    if most:
        stack.client("s3")  # made before threads use it
    for begin in range(0, len(cases), MAX_PARALLEL):
        some = cases[begin : begin + MAX_PARALLEL]
        read = gather(*(partial(_evidence, stack, one) for one in some[: max(most - begin, 0)]))
        for case, evidence in zip_longest(some, read):
            yield _entry(stack, case, evidence or NOT_READ.format(case=case.id))
        progress(begin + len(some), len(cases))


def _evidence(stack: Stack, case: Case) -> Copy | str:
    """All of it; in words why it was not read."""
    try:
        return stack.evidence_copy(case)
    except (ClientError, BotoCoreError) as error:
        denied = isinstance(error, ClientError) and is_denied(error)
        why = "your credentials may not read evidence" if denied else "evidence was not read"
        return f"unknown: {why}: {why_unknown(error)}"


def _entry(stack: Stack, case: Case, evidence: Copy | str) -> Entry:
    header = headers().get(case.playbook)
    return of_case.entry(case, of_case.details(case, header, stack.deployment, evidence))


def _exemptions(stack: Stack) -> tuple[tuple[Exempted, ...] | None, tuple[str, ...]]:
    """Those of the settings, None where nobody knows them; and what must be said of them."""
    try:
        found = StackSettings.of(stack).understood
    except NotPossible as why:
        return None, (f"Exemptions are unknown: {why}.",)
    except (ClientError, BotoCoreError) as error:
        return None, (f"Exemptions are unknown: {why_unknown(error)}.",)
    if found.unreadable:
        return None, (f"Exemptions are unknown: {found.unreadable}.",)
    refused = (name for name in found.refused if name.startswith("exemptions"))
    said = (
        f"The setting {name} is refused, and exempts nothing: cordon settings." for name in refused
    )
    return tuple(_exempted(found.exemptions)), tuple(map(text, said))


def _exempted(exemptions: Iterable[Exemption]) -> Iterator[Exempted]:
    for one in sorted(exemptions, key=lambda one: (one.expires, one.resource)):
        yield Exempted(
            resource=text(one.resource),
            playbook=text(one.playbook),
            owner=text(one.owner),
            reason=text(one.reason),
            until=to_iso(one.expires),
            ended=one.expires <= now(),
        )
