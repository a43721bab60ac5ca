"""Stop a SageMaker notebook instance, and change what can only be changed while it is stopped.

One action and one hold for a notebook: two cases that want different things of it would else start
what the other stopped. It goes step by step towards what is wanted, and raises ``NotYet`` while AWS
needs minutes: ``apply`` and ``undo`` take the next step, ``verify`` says when all are done.

===========  ==============================================================
stop         only from InService; it cannot be cancelled, so Stopping counts
             as stopped
start        only from Stopped or Failed; Pending counts as started: what
             AWS makes of it is known minutes later
update       only while Stopped or Failed
===========  ==============================================================

Sources: Amazon SageMaker AI API Reference, "StopNotebookInstance", "StartNotebookInstance",
"UpdateNotebookInstance", "DescribeNotebookInstance"; from which status each may be called:
amazon-sagemaker-examples issues 1094 and 1798, terraform-provider-aws issue 16767, which have
AWS's messages. An ARN has the name in small letters (issue 1798).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon import clock
from cordon.actions.action import (
    Action,
    Json,
    NotVerified,
    NotYet,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.actions.grants import STATE, Grant, Statement
from cordon.clients import AwsClients, error_code

STOP, DETACH = "stop", "detach_lifecycle"
NO_ROOT, PLATFORM = "disable_root_access", "update_platform"
NOTEBOOK_NAME = re.compile(r"(?=.{1,63}$)[a-zA-Z0-9](-*[a-zA-Z0-9])*")
# Security Hub User Guide, "Security Hub CSPM controls for SageMaker AI", SageMaker.8: its rule's
# parameter supportedPlatformIdentifierVersions had notebook-al2-v3 before, and has this one now.
SUPPORTED_PLATFORM = "notebook-al2023-v1"
CHANGES = timedelta(minutes=1)  # AWS names no time: botocore's waiters look every 30 s, 30 minutes
SETTLED = 3.0  # seconds until a reading shows what was written just before
MOST_STEPS = 6  # in one attempt: more than any way from one state to another has

NONE = ""  # no lifecycle configuration
SETTINGS = {  # by the change: the member of UpdateNotebookInstance, and its value
    DETACH: ("LifecycleConfigName", NONE),
    NO_ROOT: ("RootAccess", "Disabled"),
    PLATFORM: ("PlatformIdentifier", SUPPORTED_PLATFORM),
}
WANTED = dict(SETTINGS.values())
SHOWN_AS = {"LifecycleConfigName": "NotebookInstanceLifecycleConfigName"}
# Of the last two only the service model knows: whatever they are, they are not called stopped.
RUNNING = ("Pending", "InService", "PendingMaintenance", "InMaintenance")
STILL = ("Stopped", "Failed")
WORDS = {
    STOP: "stops the notebook instance",
    DETACH: "detaches its lifecycle configuration",
    NO_ROOT: "disables root access of the notebook instance",
    PLATFORM: f"moves the notebook instance to the platform {SUPPORTED_PLATFORM}",
}
STARTED_AGAIN = "where it runs, it is stopped for that and started again"
LOST = (
    "a stop cannot be cancelled and ends its kernels: what is in memory, and all files outside"
    " /home/ec2-user/SageMaker, are lost"
)
CAUTIONS = {
    NO_ROOT: "lifecycle scripts still run as root",
    PLATFORM: "another operating system and JupyterLab: environments may have to be made again,"
    " and AWS may refuse to put a platform back that it no longer supports",
}

NOTEBOOKS = "arn:${AWS::Partition}:sagemaker:*:${AWS::AccountId}:notebook-instance/*"
_READ = Statement(
    "ReadNotebooks", NOTEBOOKS, STATE, wide="people and controls name any notebook, in any Region"
)
_LIST = Statement("ListNotebooks", "*", "the name behind an ARN, which has it in small letters")
_CHANGE = Statement(
    "ChangeNotebooks",
    NOTEBOOKS,
    "whether it runs, and what can be changed only while it does not",
    wide="people and controls name any notebook, in any Region",
)


class _Step(StrEnum):
    """What is next on the way to what is wanted."""

    DONE, WAIT, STOP, UPDATE, START = "done", "wait", "stop", "update", "start"


@dataclass(frozen=True)
class _Notebook:
    """A notebook instance as DescribeNotebookInstance shows it."""

    name: str
    status: str
    settings: Mapping[str, str]  # by the names of UpdateNotebookInstance
    failure: str

    @property
    def running(self) -> bool:
        """Does it run, or is it about to?"""
        return self.status in RUNNING

    def step(self, settings: Mapping[str, str], run: bool | None) -> _Step:
        """The next step to these settings and then to this; ``run`` None: either is right."""
        differs = any(self.settings[member] != value for member, value in settings.items())
        must_stop = differs or run is False
        if self.status == "Updating":
            return _Step.WAIT
        if self.running and must_stop:
            return _Step.STOP if self.status == "InService" else _Step.WAIT
        if differs or (run and not self.running):
            change = _Step.UPDATE if differs else _Step.START
            return change if self.status in STILL else _Step.WAIT
        return _Step.DONE


@dataclass(frozen=True)
class ChangeNotebook(Action):
    """Stop a notebook instance, detach its lifecycle configuration, or set what a control wants.

    Without ``stop`` among the changes, a notebook that runs is stopped for them and started again.

    captured  ``{"name", "running": bool, "settings": {member: value}}``; no configuration is ""
    written   ``{"settings": {member: value}, "stopped": bool, "done": bool}``: what they are to be;
              whether Cordon has stopped it and not started it again; whether a reading showed all
    """

    notebook: str
    changes: tuple[str, ...]

    family: ClassVar[str] = "notebook"
    grants: ClassVar[tuple[Grant, ...]] = (
        _READ.allows("sagemaker:DescribeNotebookInstance"),
        _LIST.allows("sagemaker:ListNotebookInstances"),
        _CHANGE.allows(
            "sagemaker:StartNotebookInstance",
            "sagemaker:StopNotebookInstance",
            "sagemaker:UpdateNotebookInstance",
        ),
    )

    def __post_init__(self) -> None:
        """Normalise name and changes, so that equal actions have equal hashes."""
        if not NOTEBOOK_NAME.fullmatch(self.notebook):
            raise ValueError(f"notebook: not the name of one: {self.notebook[:64]!r}")
        if not self.changes or set(self.changes) - WORDS.keys():
            raise ValueError(f"changes: not changes of a notebook instance: {self.changes!r}")
        object.__setattr__(self, "notebook", self.notebook.lower())
        object.__setattr__(self, "changes", tuple(c for c in WORDS if c in self.changes))

    @property
    def target(self) -> str:
        return f"notebook:{self.place.account}:{self.place.region}:{self.notebook}"

    @property
    def resource(self) -> str:
        return self.place.arn("sagemaker", f"notebook-instance/{self.notebook}")

    @property
    def in_words(self) -> str:
        words = " and ".join(WORDS[change] for change in self.changes)
        return words if STOP in self.changes else f"{words}; {STARTED_AGAIN}"

    @property
    def shuts_out(self) -> str:
        return "everybody who works in the notebook" if STOP in self.changes else ""

    @property
    def caution(self) -> str:
        return "; ".join([LOST, *(CAUTIONS[c] for c in self.changes if c in CAUTIONS)])

    def combine(self, other: Self) -> Self:
        return replace(self, changes=(*self.changes, *other.changes))

    def capture(self, aws: AwsClients) -> Json:
        shown = self._found(aws)
        return {"name": shown.name, "running": shown.running, "settings": dict(shown.settings)}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        """Take the steps that AWS allows now. ``current`` has no status, so it is read again.

        Where nothing is noted, a notebook that ran was stopped by an attempt that died.
        """
        if written is not None:  # by us, and maybe just now
            clock.sleep(SETTLED)
        shown = self._shown(aws, captured["name"])
        settings = {**self._back(captured, written, shown), **self._wanted}
        stopped = captured["running"] if written is None else written["stopped"]
        stopped, taken = stopped and not shown.running, False
        for _ in range(MOST_STEPS):
            run = False if STOP in self.changes else stopped or None
            step = shown.step(settings, run)
            if step is _Step.WAIT and written is None and not taken:
                raise self._not_yet(shown)  # nothing is noted, as nothing was done
            if step in (_Step.DONE, _Step.WAIT):
                break
            self._take(aws, step, shown, settings)
            taken = True
            stopped = step is not _Step.START and (stopped or step is _Step.STOP)
            shown = self._shown(aws, captured["name"])
        done = step is _Step.DONE
        return {"settings": settings, "stopped": stopped and captured["running"], "done": done}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        shown = self._shown(aws, captured["name"])
        if not written["done"]:
            raise self._not_yet(shown)
        wrong = _differing(shown, written["settings"])
        if STOP in self.changes and shown.running:
            wrong = [f"status {shown.status}", *wrong]
        if wrong:
            raise NotVerified(f"{self.resource} has {', '.join(wrong)}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        """Its settings first, then started where it ran: a start runs the lifecycle scripts."""
        try:
            return self._undo(aws, captured, written)
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        shown = self._shown(aws, left["name"])
        wrong = _differing(shown, left["settings"])
        if left["running"] and not shown.running:
            failed = f" ({shown.failure})" if shown.failure else ""
            wrong = [f"status {shown.status}{failed}", *wrong]
        if wrong:
            raise NotVerified(f"{self.resource} has {', '.join(wrong)}")

    def unnoted(self, aws: AwsClients, captured: Json, written: Json) -> Json | None:
        shown, noted, was = self._shown(aws, captured["name"]), written["settings"], captured
        wrote = {
            member: value
            for member, value in self._wanted.items()
            if member not in noted and shown.settings[member] == value != was["settings"][member]
        }
        stopped = written["stopped"] or (was["running"] and not shown.running)
        more = {**written, "settings": {**noted, **wrote}, "stopped": stopped}
        return more if more != written else None

    def _undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        was, ran = captured["settings"], captured["running"]
        shown = self._shown(aws, captured["name"])
        ours = {
            member: was[member]
            for member in written["settings"]
            if shown.settings[member] == WANTED[member] != was[member]
        }
        if ours and shown.running and (written["stopped"] or not ran):
            why = "a person started it while it was held, so it was not stopped again: it has "
            return self._left(
                Undone.DRIFTED, why + ", ".join(_differing(shown, ours)), shown, written
            )
        changed = STOP in self.changes or any(WANTED[m] != was[m] for m in written["settings"])
        shown, refused = self._put_back(aws, shown, ours, run=(ran and changed) or None)
        if refused:
            return self._left(Undone.PARTLY_RESTORED, refused, shown, written)
        theirs = _differing(shown, {m: was[m] for m in written["settings"]})
        if STOP in self.changes and shown.running and not ran:
            theirs = [f"status {shown.status}", *theirs]
        if theirs:
            why = f"a person changed it while it was held, and it has {', '.join(theirs)}"
            return self._left(Undone.DRIFTED, f"{why}: that was not changed", shown, written)
        return self._left(Undone.RESTORED, "", shown, written)

    def _put_back(
        self, aws: AwsClients, shown: _Notebook, settings: Mapping[str, str], run: bool | None
    ) -> tuple[_Notebook, str]:
        """The notebook with these settings, and what of them AWS refuses (""). Raises NotYet.

        Without a platform that AWS refuses the others are put back all the same, and it is started.
        """
        left, refused = dict(settings), ""
        for _ in range(MOST_STEPS):
            step = shown.step(left, run)
            if step is _Step.WAIT:
                raise self._not_yet(shown)
            if step is _Step.DONE:
                break
            try:
                self._take(aws, step, shown, left)
            except ClientError as error:
                member = SETTINGS[PLATFORM][0]
                if error_code(error) != "ValidationException" or not _changes(shown, left, member):
                    raise
                refused = f"AWS refuses {member} {left.pop(member)}: {error}"
            shown = self._shown(aws, shown.name)
        else:  # readings do not show the steps that were taken: nothing follows from them
            raise self._not_yet(shown)
        return shown, refused

    def _left(self, state: Undone, why: str, shown: _Notebook, written: Json) -> UndoResult:
        settings = {member: shown.settings[member] for member in written["settings"]}
        left = {"name": shown.name, "running": shown.running, "settings": settings}
        return UndoResult(state, why, left)

    @property
    def _wanted(self) -> dict[str, str]:
        return dict(SETTINGS[change] for change in self.changes if change in SETTINGS)

    def _back(self, captured: Json, written: Json | None, shown: _Notebook) -> dict[str, str]:
        """What another case wanted, or an attempt that died: it is put back."""
        noted = WANTED if written is None else written["settings"]
        return {
            member: captured["settings"][member]
            for member in noted
            if member not in self._wanted
            and shown.settings[member] == WANTED[member] != captured["settings"][member]
        }

    def _take(
        self, aws: AwsClients, step: _Step, shown: _Notebook, settings: Mapping[str, str]
    ) -> None:
        """One step. Raises NotVerified where AWS has no room for a start, with what to do."""
        sagemaker = aws.client("sagemaker")
        if step is _Step.STOP:
            sagemaker.stop_notebook_instance(NotebookInstanceName=shown.name)
        elif step is _Step.UPDATE:
            sagemaker.update_notebook_instance(
                NotebookInstanceName=shown.name, **_changed(shown, settings)
            )
        else:
            try:
                sagemaker.start_notebook_instance(NotebookInstanceName=shown.name)
            except ClientError as error:
                if error_code(error) != "ResourceLimitExceeded":
                    raise
                raise NotVerified(
                    f"{self.resource} is stopped and was not started: {error}. Ask"
                    " for a higher quota of its instance type, or wait for capacity; then try again"
                ) from error

    def _not_yet(self, shown: _Notebook) -> NotYet:
        return NotYet(clock.now() + CHANGES, f"{self.resource} is {shown.status}, which takes time")

    def _found(self, aws: AwsClients) -> _Notebook:
        """The notebook that this ARN is of: its name may have capital letters."""
        try:
            return self._shown(aws, self.notebook)
        except ResourceDeleted:
            listed = (one for one in _every(aws) if one["NotebookInstanceArn"] == self.resource)
            if (found := next(listed, None)) is None:
                raise
        return self._shown(aws, found["NotebookInstanceName"])

    def _shown(self, aws: AwsClients, name: str) -> _Notebook:
        try:
            shown = aws.client("sagemaker").describe_notebook_instance(NotebookInstanceName=name)
        except ClientError as error:
            if error_code(error) != "ValidationException" or "RecordNotFound" not in str(error):
                raise
            raise ResourceDeleted(f"{self.resource} no longer exists") from error
        if shown["NotebookInstanceStatus"] == "Deleting":
            raise ResourceDeleted(f"{self.resource} is being deleted")
        return _Notebook(
            name=shown["NotebookInstanceName"],
            status=shown["NotebookInstanceStatus"],
            settings={member: shown.get(SHOWN_AS.get(member, member), NONE) for member in WANTED},
            failure=shown.get("FailureReason", ""),
        )


def _every(aws: AwsClients) -> Iterator[Mapping[str, Any]]:
    for page in aws.client("sagemaker").get_paginator("list_notebook_instances").paginate():
        yield from page["NotebookInstances"]


def _changes(shown: _Notebook, settings: Mapping[str, str], member: str) -> bool:
    return member in settings and shown.settings[member] != settings[member]


def _changed(shown: _Notebook, settings: Mapping[str, str]) -> dict[str, Any]:
    """The members of an update: only what differs."""
    changed: dict[str, Any] = {m: v for m, v in settings.items() if _changes(shown, settings, m)}
    lifecycle = SETTINGS[DETACH][0]
    if changed.get(lifecycle) == NONE:
        del changed[lifecycle]
        changed["DisassociateLifecycleConfig"] = True
    return changed


def _differing(shown: _Notebook, settings: Mapping[str, str]) -> list[str]:
    """The settings that are not so, as they are."""
    differing = [m for m in settings if _changes(shown, settings, m)]
    return [f"{member} {shown.settings[member] or 'none'}" for member in sorted(differing)]
