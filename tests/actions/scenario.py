"""The input of the contract test: an action, a resource in a bad state, and possible changes.

A module ``scenario_<service>.py`` in this folder lists its ``SCENARIOS``. The contract test finds
the module by its name.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from cordon.actions import Action, Undone
from cordon.clients import AwsClients
from cordon.finding import Place
from embedded import backends
from embedded.emulation import bare_moto

backends.install()  # before any session is made, which is in the first test

PLACE = Place("aws", "123456789012", "us-east-1")
CREDENTIALS = {
    "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
}

StubbedResponse = Callable[[dict[str, Any]], str | dict[str, Any] | None]


def as_it_is(state: Any) -> Any:
    return state


@dataclass(frozen=True)
class Scenario:
    """One action on one resource, in one state."""

    name: str
    action: Action
    other_case: Action  # same target, for another case: the argument of ``combine``
    prepare: Callable[[AwsClients], None]  # puts the resource into a plausible bad state
    read: Callable[[AwsClients], Any]  # all visible state of the resource, as JSON
    tamper: Callable[[AwsClients], None]  # a person's change while it is held
    missing: Callable[[AwsClients], None] | None = None  # removes the resource
    theirs: Callable[[Any], Any] = as_it_is  # the person's change, taken from ``read``
    after_tamper: Undone = Undone.DRIFTED
    contained_before: bool = False  # apply has nothing to change
    hinder: Callable[[AwsClients], None] | None = None  # makes an undo raise NotYet

    def __str__(self) -> str:
        return f"{type(self.action).__name__}-{self.name}"


_SHARED = AwsClients(PLACE.region, CREDENTIALS)  # making clients takes longer than most tests
_stubs: list[tuple[Any, str, Callable[..., Any]]] = []


@contextmanager
def account() -> Iterator[AwsClients]:
    """A new embedded account. At its end the stubs of ``stub`` are removed."""
    with bare_moto(), pytest.MonkeyPatch.context() as patch:
        for name in CREDENTIALS:
            patch.setenv(name.upper(), CREDENTIALS[name])
        try:
            yield _SHARED
        finally:
            while _stubs:
                events, event, handler = _stubs.pop()
                events.unregister(event, handler)


def stub(aws: AwsClients, service: str, operation: str, respond: StubbedResponse) -> None:
    """Replace the embedded account's response to an operation.

    ``respond`` receives the call's parameters. It returns an error code, a response, or None for
    the embedded account's own response.
    """
    client = aws.client(service)
    name = client.meta.service_model.service_id.hyphenize()

    def keep_params(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["cordon_test_params"] = params

    def stubbed(context: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]] | None:
        out = respond(context["cordon_test_params"])
        if out is None:
            return None
        if isinstance(out, str):
            return SimpleNamespace(status_code=400, raw=None), _error(out)
        return SimpleNamespace(status_code=200, raw=None), {**out, "ResponseMetadata": {}}

    for event, handler in (
        (f"before-parameter-build.{name}.{operation}", keep_params),
        (f"before-call.{name}.{operation}", stubbed),
    ):
        client.meta.events.register_first(event, handler)
        _stubs.append((client.meta.events, event, handler))


def _error(code: str) -> dict[str, Any]:
    metadata = {"HTTPStatusCode": 400}
    return {"Error": {"Code": code, "Message": "stubbed by the test"}, "ResponseMetadata": metadata}
