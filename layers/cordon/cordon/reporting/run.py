"""``Reporter(…).report(names)``: people see what the rows say now.

::

    read      case, plan and what was shown, consistently; a case that has expired is skipped
    show      the projections in turn, threats before controls: only what differs from the row
    save      what was shown; somebody else has saved meanwhile: once more, whatever the row says

So order, duplicates and old news do not matter: whoever calls it, the stream, the queue or the
daily check, it does the same. What could not be shown is returned, and never keeps anything else
from being shown.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from cordon.clock import now
from cordon.concurrency import gather
from cordon.deployment import Deployment
from cordon.memory import reported
from cordon.memory.cases import Case, Cases
from cordon.memory.reported import ReportedRows
from cordon.memory.table import Cancelled, Table
from cordon.playbook import Playbook
from cordon.reporting.event import Events
from cordon.reporting.incident import Incidents
from cordon.reporting.message import Messages
from cordon.reporting.original import Originals
from cordon.reporting.projection import Client, Failed, Name, Projection, Report, Sending
from cordon.reporting.security_hub import OwnFindings

ALL = "all"  # projections
HEARTBEAT = ("self_test", "heartbeat")  # of the self-test: it shows that reports are made
TRIES = 3  # where others report the same case at the same time
UNREADABLE = (KeyError, ValueError, TypeError)


class Reporter:
    """Reports the cases of all playbooks. ``until``: no call begins later."""

    def __init__(
        self,
        playbooks: Mapping[str, Playbook],
        deployment: Deployment,
        client: Client,
        until: datetime,
    ) -> None:
        self._playbooks = playbooks
        self._days = deployment.evidence_days
        self._table = Table(client("dynamodb"), deployment.table)
        self._rows = ReportedRows(self._table, self._days)
        self._until = until
        hub = (OwnFindings(deployment, client), Originals(client, playbooks))
        self._projections: tuple[Projection, ...] = (
            *(hub if deployment.security_hub else ()),
            Incidents(deployment, client),
            Messages(deployment, client),  # after the incident, whose number it names
            Events(client),
        )
        self.seconds: list[float] = []  # from the change of each threat until it was shown

    def report(
        self,
        names: Iterable[Name],
        *,
        anew: bool = False,
        only: Mapping[Name, Collection[str]] | None = None,
        patient: bool = False,
        tries: int = TRIES,
    ) -> list[Failed]:
        """Bring what people see of these cases to what their rows say now.

        ``anew``: whatever was shown before; messages and events are not repeated. ``only``: these
        projections of a case, where not all of them. ``patient``: wait for a service that
        throttles. Returns what could not be shown.
        """
        reports, failed = self._read(dict.fromkeys(names), anew=anew)
        for controls in (False, True):
            wave = [r for r in reports if r.case.finding.is_control is controls]
            self._show(sorted(wave, key=lambda report: report.urgency), only or {}, patient)
        saved = gather(*(partial(self._save, report) for report in reports))
        raced = [report.name for report, kept in zip(reports, saved, strict=True) if not kept]
        failed += [
            Failed(*report.name, projection, error)
            for report in reports
            if report.name not in raced
            for projection, error in report.errors.items()
        ]
        if raced and tries > 1:
            return failed + self.report(
                raced, anew=True, only=only, patient=patient, tries=tries - 1
            )
        others = "others report the case at the same time"
        return failed + [Failed(*name, ALL, others) for name in raced]

    def heartbeat(self) -> None:
        """The self-test's row was seen: keep its version, where the self-test looks for it."""
        key = "#".join(("case", *HEARTBEAT))
        row = self._table.get(key).get(key)
        if row is not None:
            seen = {"version": row["version"], "writes": 1}
            self._table.put({"id": reported.key(*HEARTBEAT), **seen})

    def _read(self, names: Collection[Name], *, anew: bool) -> tuple[list[Report], list[Failed]]:
        before = self._rows.get(names)
        reports: list[Report] = []
        failed: list[Failed] = []
        for playbook in dict.fromkeys(playbook for playbook, _ in names):
            wanted = [case for owner, case in names if owner == playbook]
            if playbook not in self._playbooks:
                why = "this function does not know the playbook"
                failed += [Failed(playbook, case, ALL, why) for case in wanted]
                continue
            cases, unreadable = self._cases(playbook, wanted)
            failed += unreadable
            header = self._playbooks[playbook]
            reports += [Report(c, header, before[playbook, c.id], anew) for c in cases]
        return reports, failed

    def _cases(self, playbook: str, wanted: Sequence[str]) -> tuple[list[Case], list[Failed]]:
        """A row that nobody can read keeps no other case from being shown."""
        cases = Cases(self._table, playbook, self._days)
        try:
            return cases.several(wanted), []
        except UNREADABLE as error:
            if len(wanted) == 1:
                why = f"its row cannot be read: {type(error).__name__}: {error}"
                return [], [Failed(playbook, wanted[0], ALL, why)]
        middle = len(wanted) // 2
        first, second = (self._cases(playbook, w) for w in (wanted[:middle], wanted[middle:]))
        return first[0] + second[0], first[1] + second[1]

    def _show(
        self, reports: Sequence[Report], only: Mapping[Name, Collection[str]], patient: bool
    ) -> None:
        for projection in self._projections:
            due = [
                report
                for report in reports
                if projection.name in only.get(report.name, (projection.name,))
                and projection.due(report)
            ]
            if due:
                projection.show(due, Sending(projection.name, self._until, patient=patient))

    def _save(self, report: Report) -> bool:
        """Keep what was shown; False where another report of the case was kept meanwhile."""
        case = report.case
        behind = bool(report.errors) or any(
            projection.due(replace(report, anew=False, before=report.shown))
            for projection in self._projections
        )
        version = report.before.version if behind else case.version
        shown = replace(report.shown, version=version)
        if shown == report.before:
            return True
        try:
            self._rows.save(case, report.before, shown)
        except Cancelled:
            return False
        except (ClientError, BotoCoreError) as error:
            report.errors[ALL] = f"what was shown was not kept: {error}"
        if not case.finding.is_control and case.changed_at is not None:
            self.seconds.append(max((now() - case.changed_at).total_seconds(), 0))
        return True
