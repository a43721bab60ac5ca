"""What the contract test knows of one action: a resource in a bad state, and what may befall it.

A module ``scenario_<service>.py`` beside this one lists its ``SCENARIOS``; the contract test
finds it by its name.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from cordon.actions import Action, Undone
from cordon.clients import AwsClients
from cordon.finding import Place
from embedded import backends

backends.install()  # before any session is made, which is in the first test

PLACE = Place("aws", "123456789012", "us-east-1")
CREDENTIALS = {
    "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
}

Said = Callable[[dict[str, Any]], str | dict[str, Any] | None]


def as_it_is(state: Any) -> Any:
    return state


@dataclass(frozen=True)
class Scenario:
    """One action on one resource, in one state."""

    name: str
    action: Action
    other_case: Action  # same target, for another case: what ``action.join`` is given
    prepare: Callable[[AwsClients], None]  # puts the resource into a plausible bad state
    read: Callable[[AwsClients], Any]  # all that can be seen of the resource, as JSON
    tamper: Callable[[AwsClients], None]  # a person's change while it is held
    missing: Callable[[AwsClients], None] | None = None  # removes the resource
    theirs: Callable[[Any], Any] = as_it_is  # what the person changed, out of ``read``
    after_tamper: Undone = Undone.DRIFTED
    contained_before: bool = False  # apply has nothing to do

    def __str__(self) -> str:
        return f"{type(self.action).__name__}-{self.name}"


_SHARED = AwsClients(PLACE.region, CREDENTIALS)  # making clients takes longer than most tests
_answering: list[tuple[Any, str, Callable[..., Any]]] = []


@contextmanager
def account() -> Iterator[AwsClients]:
    """A new embedded account. What ``answering`` set up is taken back at its end."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name in CREDENTIALS:
            patch.setenv(name.upper(), CREDENTIALS[name])
        try:
            yield _SHARED
        finally:
            while _answering:
                events, event, handler = _answering.pop()
                events.unregister(event, handler)


def answering(aws: AwsClients, service: str, operation: str, said: Said) -> None:
    """Let ``said`` answer an operation in the embedded account's place.

    It is given the call's parameters and returns an error code, an answer, or None to let the
    embedded account answer.
    """
    client = aws.client(service)
    name = client.meta.service_model.service_id.hyphenize()

    def note(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["cordon_test_params"] = params

    def answer(context: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]] | None:
        out = said(context["cordon_test_params"])
        if out is None:
            return None
        if isinstance(out, str):
            return SimpleNamespace(status_code=400, raw=None), _error(out)
        return SimpleNamespace(status_code=200, raw=None), {**out, "ResponseMetadata": {}}

    for event, handler in (
        (f"before-parameter-build.{name}.{operation}", note),
        (f"before-call.{name}.{operation}", answer),
    ):
        client.meta.events.register_first(event, handler)
        _answering.append((client.meta.events, event, handler))


def _error(code: str) -> dict[str, Any]:
    metadata = {"HTTPStatusCode": 400}
    return {"Error": {"Code": code, "Message": "told by the test"}, "ResponseMetadata": metadata}
