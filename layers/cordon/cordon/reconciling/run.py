"""One run of the reconciler.

::

    beat          the self-test: has the reporter seen the run before?
    sweep         the open cases, from where the last run came to
    incidents     what people resolved since, and once a day what is open

A part that fails does not stop the others; at the end ``RunIncomplete`` says what failed, so that
the function's alarm reaches people. What was not done is done by the next run.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from cordon.clock import from_iso, now, to_iso
from cordon.deployment import Deployment
from cordon.errors import PartsUnknown
from cordon.memory import heartbeat, open_cases, sweeps
from cordon.memory import parts as parts_row
from cordon.memory import settings as settings_row
from cordon.memory.open_cases import Known
from cordon.memory.sweeps import Sweep
from cordon.memory.table import Table
from cordon.reconciling import incidents
from cordon.reconciling.due import due, is_turn, question_not_reported, report_behind_since
from cordon.reconciling.incidents import Incident
from cordon.settings import Settings
from cordon.sources.text import one_line
from cordon.statuses import Status
from cordon.waking import wake

T = TypeVar("T")
MOST_CASES = 2000  # of one run
LAST_SECONDS = 30.0  # of a run: no further page of cases is begun
DAILY_FROM = timedelta(hours=3)  # after midnight UTC: few people look at findings then
FIRST_LOOK = timedelta(days=1)  # how far back, for incidents, where no run has looked yet
BATCH = 10  # messages of one SendMessageBatch (Amazon SQS API Reference)
ERRORS = (ClientError, BotoCoreError, TimeoutError, PartsUnknown)
SHOWN = 10  # of what failed, in the error's text


@dataclass
class Summary:
    """What a run did: one line of the log. Metric filters read its numbers."""

    cases: int = 0  # open cases that were looked at
    woken: int = 0
    reports_behind: int = 0  # cases of which people see less than the row says
    sent: int = 0  # messages to the reporter
    questions_not_reported: int = 0
    reporter_behind: int | None = None  # 1 where it has not seen the run before
    failed: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The numbers, without what is not known."""
        known = {k: v for k, v in vars(self).items() if v is not None}
        return {**known, "failed": self.failed[:SHOWN], "failures": len(self.failed)}


@dataclass
class Run:
    """One run, with what it works with."""

    deployment: Deployment
    table: Table
    client: Callable[[str], Any]
    seconds_left: Callable[[], float]
    summary: Summary = field(default_factory=Summary)

    @cached_property
    def functions(self) -> Mapping[str, str]:
        """The ARN of each playbook's function. Raises PartsUnknown."""
        return parts_row.read(self.table, self.deployment).functions

    @property
    def playbooks(self) -> tuple[str, ...]:
        """Those that this stack has a function for."""
        return tuple(sorted(self.functions))

    def run(self) -> Summary:
        """Do all that is due. Look at ``summary.failed`` for what could not be done."""
        began = now()
        behind = self._try("self-test", lambda: heartbeat.beat(self.table, began))
        self.summary.reporter_behind = None if behind is None else int(behind)
        self._try("open cases", lambda: self._from_where_it_was(began))
        return self.summary

    def _from_where_it_was(self, began: datetime) -> None:
        sweep = sweeps.read(self.table)
        if not sweep.playbook:
            sweep = self._new_sweep(sweep, began)
        sweep = self._after_incidents(sweep, began)
        self._sweep(sweep)

    # ---- open cases ----

    def _new_sweep(self, last: Sweep, began: datetime) -> Sweep:
        """The first of a day, from three o'clock UTC on, shows all anew."""
        day = f"{began - DAILY_FROM:%Y-%m-%d}"
        anew = day > last.day
        new = replace(last, began=to_iso(began), before=last.began, anew=anew, day=day, after={})
        return replace(new, playbook=min(self.playbooks, default=""))

    def _sweep(self, sweep: Sweep) -> None:
        """Page by page, until all are read, or a bound is reached; the row says how far."""
        settings = self._settings()
        kept: Sweep | None = sweep
        while kept is not None and kept.playbook:
            page = open_cases.page(self.table, kept.playbook, kept.after or None)
            sent = self._cases(page.known, kept, settings)
            self.summary.failed += [f"{key} cannot be read" for key in page.unreadable]
            following = self._following(kept.playbook) if page.after is None else kept.playbook
            day = kept.day if sent or not kept.anew else ""  # the next is the day's again
            kept = replace(kept, playbook=following, after=page.after or {}, day=day)
            kept = sweeps.save(self.table, kept)
            if self.summary.cases >= MOST_CASES or self.seconds_left() < LAST_SECONDS:
                return

    def _following(self, playbook: str) -> str:
        """The playbook after this one; "" after the last. One may have been taken away since."""
        return min((name for name in self.playbooks if name > playbook), default="")

    def _settings(self) -> Settings:
        return settings_row.settings_of(settings_row.read(self.table), self.playbooks)

    def _cases(self, known: Iterable[Known], sweep: Sweep, settings: Settings) -> bool:
        """Look at each. Was all sent that is to be shown?"""
        to_show = []
        for one in known:
            self.summary.cases += 1
            self.summary.questions_not_reported += question_not_reported(
                one.case, one.reported, now()
            )
            self._wake_if_due(one, settings)
            if self._is_behind(one, sweep) or sweep.anew:
                to_show.append(self._message(one.case.playbook, one.case.id, anew=sweep.anew))
        return self._show(to_show)

    def _wake_if_due(self, one: Known, settings: Settings) -> None:
        case = one.case
        found = due(case, one.reported, one.decision, now(), self.deployment, settings)
        if found is not None:
            function = self.functions.get(case.playbook, case.function_arn)
            self._wake(found.execution_name, case.id, case.playbook, function)

    def _wake(self, name: str, case: str, playbook: str, function: str) -> bool:
        def start() -> bool:
            states, workflow = self.client("stepfunctions"), self.deployment.workflow
            wake(states, workflow, name, case=case, playbook=playbook, function=function)
            return True

        woken = bool(self._try(name, start))
        self.summary.woken += woken
        return woken

    # ---- what people see ----

    def _is_behind(self, one: Known, sweep: Sweep) -> bool:
        """Is it to be shown again? Once in each slot: a report that fails is not sent for ever."""
        since = report_behind_since(one.case, one.reported)
        if since is None or now() < since:
            return False
        self.summary.reports_behind += 1
        return is_turn(since, from_iso(sweep.before) if sweep.before else None, now())

    def _message(self, playbook: str, case: str, *, anew: bool = False) -> str:
        body = {"playbook": playbook, "case": case, "projection": "all"}
        return json.dumps({**body, **({"anew": True} if anew else {})})

    def _show(self, messages: list[str]) -> bool:
        """Put them into the reporter's queue. Were all of them taken?"""
        batches = [messages[at : at + BATCH] for at in range(0, len(messages), BATCH)]
        return all([self._try("reports", partial(self._send, one)) for one in batches])

    def _send(self, bodies: list[str]) -> bool:
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
        sqs, queue = self.client("sqs"), self.deployment.reports_queue
        refused = sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed", [])
        self.summary.sent += len(entries) - len(refused)
        self.summary.failed += [f"reports: {one['Code']}" for one in refused]
        return not refused

    # ---- incidents ----

    def _after_incidents(self, sweep: Sweep, began: datetime) -> Sweep:
        since = from_iso(sweep.incidents_until) if sweep.incidents_until else began - FIRST_LOOK
        looked = self._try("resolved incidents", lambda: self._resolved(since))
        if sweep.anew and sweep.began == to_iso(began):
            self._try("open incidents", self._open_incidents)
        return replace(sweep, incidents_until=to_iso(began)) if looked else sweep

    def _resolved(self, since: datetime) -> bool:
        """Wake the cases for a person whose incident a person resolved. Were all of them woken?"""
        ssm = self.client("ssm")
        found = incidents.resolved_since(ssm, self.table, self.playbooks, since)
        return all([self._incident_resolved(one) for one in found])

    def _incident_resolved(self, incident: Incident) -> bool:
        known = open_cases.several(self.table, incident.playbook, [incident.case])
        if not known or known[0].case.status is not Status.ESCALATED:
            return True
        case, at = known[0].case, int(incident.changed_at.timestamp())
        function = self.functions.get(case.playbook, case.function_arn)
        return self._wake(f"{case.id}-resolved-{case.round}-{at}", case.id, case.playbook, function)

    def _open_incidents(self) -> None:
        """Those of closed cases: a person opened them again. The sweep shows those of open ones."""
        found = incidents.open_now(self.client("ssm"), self.table, self.playbooks)
        for playbook in self.playbooks:
            ids = [one.case for one in found if one.playbook == playbook]
            still = {one.case.id for one in open_cases.several(self.table, playbook, ids)}
            closed = [id for id in ids if id not in still]
            self._show([self._message(playbook, id, anew=True) for id in closed])

    def _try(self, part: str, do: Callable[[], T]) -> T | None:
        """Do one part. What AWS refuses is kept for the end, and the rest goes on."""
        try:
            return do()
        except ERRORS as error:
            text = one_line(f"{type(error).__name__}: {error}", 300)
            self.summary.failed.append(f"{part}: {text}")
            return None


def text_of(failed: list[str]) -> str:
    """What failed, for the error's text: the first of them, and how many there are."""
    more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
    return "; ".join(failed[:SHOWN]) + more
