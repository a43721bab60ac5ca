"""One event, replayed in the embedded account: see sides.py."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from console import account as console_account
from console.replay import Replay
from console.run import Run
from console.stack import Stack
from cordon.sources.custom_action import digits_of
from embedded.account import EmbeddedAccount
from embedded.journal import Called, Published
from tests.e2e.account import ROOT
from tests.e2e.sides import DIGITS, HALVES, Call, Names, Side, evidence, moment, reports, short


class _Watched(EmbeddedAccount):
    """An embedded account that keeps what there was at each moment that replay looks at it."""

    def __init__(self, *args: Any, side: Side, event: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.side, self.event = side, event

    def advance(self, delta: timedelta, **how: Any) -> Any:
        """Only this clock can be moved: what follows from it is not compared."""
        self.side.waited = self.side.waited or HALVES[len(self.side.moments)]
        return super().advance(delta, **how)

    def snapshot(self, *, exclude_own: bool = True) -> dict[str, Any]:
        shown = super().snapshot(exclude_own=exclude_own) | reports(self.client)
        stack = Stack(self.client, self.stack.outputs)
        generated = {r.physical: r.logical for r in self.stack.resources.values()}
        self.side.names = short(generated) | {digits_of(self.stack.id): DIGITS}
        names = Names(self.side.names, self.now, self.event)
        cases = list(stack.all_cases())
        calls = list(_journaled(self))[sum(len(m.calls) for m in self.side.moments) :]
        messages = list(_published(self))[sum(len(m.messages) for m in self.side.moments) :]
        events = list(_on_the_bus(self))[sum(len(m.events) for m in self.side.moments) :]
        self.side.moments.append(moment(shown, cases, calls, names, messages, events))
        self.side.evidence = evidence(stack, cases)
        self.side.left = {queue: len(self.messages(queue)) for queue in self.queues}
        return shown


def replayed(path: Path) -> Side:
    """The event, replayed and released."""
    side = Side()

    def watched(*args: Any, **kwargs: Any) -> EmbeddedAccount:
        return _Watched(*args, side=side, event=path.read_text(), **kwargs)

    with mock.patch.object(console_account, "EmbeddedAccount", watched):
        run: Run = Replay(ROOT, release=True, approve=True).one(path)
    names = Names(side.names, datetime.now().astimezone(), path.read_text())
    side.outcomes = [names.alike(asdict(one)) for one in run.outcomes]
    side.staged, side.troubles = run.staged, run.troubles
    return side


def _journaled(account: EmbeddedAccount) -> Iterator[Call]:
    for call in account.journal.of(Called):
        if call.caller in account.functions:
            for action, resource in call.actions:
                yield call.caller, action if call.allowed else f"refused {action}", resource


def _published(account: EmbeddedAccount) -> Iterator[dict[str, str]]:
    for one in account.journal.of(Published):
        yield {"subject": one.subject, "text": one.message}


def _on_the_bus(account: EmbeddedAccount) -> Iterator[dict[str, Any]]:
    puts = (call for call in account.journal.of(Called) if call.operation == "PutEvents")
    for entry in (entry for call in puts if call.allowed for entry in call.params["Entries"]):
        yield json.loads(entry["Detail"])
