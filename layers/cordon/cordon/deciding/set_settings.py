"""Changes the settings for people: who it was is in evidence before the row is written.

The evidence is a chain of its own, ``settings/<account>/settings/<number>.json``; the row names its
end. To stop needs none of it: the row is written first, whatever it was and whoever it is.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cordon.baseline import Baseline
from cordon.clock import now
from cordon.deciding.cases import is_recent, with_second
from cordon.deciding.changes import Before, Change, change_of
from cordon.deciding.desk import Desk, NotDecided, Response, witness
from cordon.deciding.person import NotAPerson, person_of
from cordon.deciding.request import Caller, SetSettings, Stop
from cordon.errors import PartsUnknown
from cordon.evidence import Evidence
from cordon.finding import canonical_json
from cordon.memory import baseline_seen
from cordon.memory import settings as settings_row
from cordon.memory.decisions import Decision, Verb, Witness
from cordon.memory.table import Cancelled, Row
from cordon.settings import MasterSwitch, Settings
from cordon.sources.text import one_line

NOT_YET = "nothing is changed yet"
AT_ONCE = f"{NOT_YET}: it would count at once"
BY_TWO = f"{NOT_YET}: it would be recorded, and a second person must make the same change"
RACED = "somebody changed the settings at this moment: look at `cordon settings`, then again"
AS_BEFORE = "recorded; the settings were so before"
SECOND_PERSON = "recorded; a second person must make the same change before it counts"
NOBODY = "a direct invocation of the function; AWS names no person"
OWNER = "settings"  # of the rows of changes that wait for a second person


@dataclass(frozen=True)
class Said:
    """What evidence keeps of a change."""

    change: Mapping[str, Any]
    text: str
    by: str
    witnesses: Sequence[Witness]


def set_settings(body: SetSettings, caller: Caller, desk: Desk) -> Response:
    """One person's change. Raises BadRequest or NotDecided; then nothing was changed.

    Where it is only to be checked, nothing is: what it says is of this moment.
    """
    person = desk.person(caller)
    row = settings_row.read(desk.table)
    names = tuple(sorted(desk.playbooks))
    settings = settings_row.settings_of(row, names)
    before_it = Before(row, settings, names, _seen(body.change, desk), one_line(caller.arn, 256))
    change = change_of(body.change, before_it)
    witnesses: tuple[Witness, ...] = (witness(caller, person.id),)
    said = {"change": change.text, "by": caller.arn, "person": person.id}
    if desk.deployment.two_approvers and change.more:
        made = Decision(Verb.SETTINGS, 0, _sha256(body.change), caller.arn, at=now())
        before = desk.decided(OWNER, made.plan_hash)
        made = replace(made, witnesses=witnesses, why=one_line(change.text, 500), complete=False)
        if before is not None and not before.complete and is_recent(before, desk):
            made = with_second(before, made, person)
        if body.only_check:
            return _checked(said, settings, at_once=made.complete)
        desk.save(OWNER, made.plan_hash, made, before)
        witnesses = made.witnesses
        if not made.complete:
            return Response(200, said | {"complete": False, "says": SECOND_PERSON})
    if body.only_check:
        return _checked(said, settings, at_once=True)
    after = _write(change, Said(body.change, change.text, caller.arn, witnesses), desk)
    now_in_force = settings_row.settings_of(after, names)
    return Response(200, said | {"complete": True, "says": _changed(settings, now_in_force)})


def _checked(said: Mapping[str, Any], settings: Settings, *, at_once: bool) -> Response:
    """What would come of the change: not complete, so that nobody takes it for made."""
    says = AT_ONCE if at_once else BY_TWO
    if settings.not_home:
        says = f"{says}; but this stack only observes: {settings.not_home}"
    return Response(200, {**said, "only_check": True, "complete": False, "says": says})


def _seen(change: Mapping[str, Any], desk: Desk) -> Baseline | None:
    """What setup saw, for a change that takes it. What nobody understands is not taken."""
    if change.get("do") != "baseline":
        return None
    try:
        return baseline_seen.read(desk.table)
    except ValueError as wrong:
        raise NotDecided(409, f"the row {baseline_seen.KEY} {wrong}") from None


def _changed(before: Settings, after: Settings) -> str:
    """Who reads that a mode is set must not believe that a stack enforces which only observes."""
    same = before == after
    if after.not_home:
        done = AS_BEFORE if same else "changed"
        return f"{done}; but this stack only observes: {after.not_home}"
    return AS_BEFORE if same else "changed; it counts from now on"


def _sha256(change: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(change).encode()).hexdigest()


def _write(change: Change, said: Said, desk: Desk) -> Row | None:
    """Evidence first: a change that nobody can prove is not made. The row as it is then."""
    row = settings_row.read(desk.table)
    proof = _evidence(row, desk)
    after, left = [], row or {}
    for write in change.writes:
        left = write.after(left)
        after.append(settings_row.entries_hash(left))
    proof.write("setting_decided", _content(said, row, after))
    for write in change.writes:
        try:
            write.make(desk.table, row, said.by, proof.link)
        except Cancelled:
            raise NotDecided(409, RACED) from None
        row = settings_row.read(desk.table)
    return row


def _evidence(row: Row | None, desk: Desk) -> Evidence:
    account, bucket = desk.environment.account, desk.environment.evidence_bucket
    chain, end = settings_row.chain_of(account), settings_row.evidence_end(row)
    return Evidence(desk.client("s3"), bucket, chain, end)


def _content(said: Said, row: Row | None, after: Sequence[str]) -> dict[str, Any]:
    version = (row or {}).get("version")
    return {
        "change": said.change,
        "text": said.text,
        "by": said.by,
        "witnesses": [asdict(one) for one in said.witnesses],
        "row_version": version if isinstance(version, int) else None,
        "after": list(after),
    }


def stop(body: Stop, caller: Caller | None, desk: Desk) -> Response:
    """Stop every playbook, whatever the row is and whoever it is: the safe direction.

    ``caller``: None where the function is invoked directly.
    """
    position = MasterSwitch.OBSERVE if body.observe else MasterSwitch.OFF
    by = caller.arn if caller else NOBODY
    settings_row.stop(desk.table, position, by)
    said = Said({"do": "stop", "position": position}, f"master switch: {position}", by, ())
    if caller is not None:
        said = replace(said, witnesses=(_who(caller, desk),))
    why = _prove_stop(said, desk)
    proven = f"it could not be written who did it: {why}" if why else "it is written who did it"
    stopped = {"master_switch": str(position), "by": by, "complete": True}
    return Response(200, stopped | {"says": f"stopped; {proven}"})


def _who(caller: Caller, desk: Desk) -> Witness:
    """To stop, nobody must count as a person: where the caller does not, its ARN is named.

    So too where it cannot be known who is one, since our own roles are not.
    """
    try:
        counted = person_of(caller.arn, caller.access_key, desk.deployment, lambda _: False).id
    except (NotAPerson, PartsUnknown, ClientError, BotoCoreError, TimeoutError):
        counted = caller.arn
    return witness(caller, counted)


def _prove_stop(said: Said, desk: Desk) -> str:
    """Write the evidence afterwards; why it could not be, or ""."""
    try:
        row = settings_row.read(desk.table)
        proof = _evidence(row, desk)
        after = [settings_row.entries_hash(row)]
        proof.write("setting_decided", _content(said, row, after))
        settings_row.note_evidence(desk.table, proof.link)
    except Cancelled:
        return ""  # a later entry chains to this one, and the row names that
    except (ClientError, BotoCoreError, TimeoutError) as error:
        why = one_line(f"{type(error).__name__}: {error}", 300)
        desk.logger.error("no evidence of who stopped", extra={"reason": why})
        return why
    return ""
