"""Where the process itself must believe in the embedded account: clock, credentials, account id."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from embedded import scheduler
from embedded.functions import CREDENTIALS
from embedded.place import Place

STAGING = "EMBEDDED"  # with an account id it has the 20 characters that moto looks for
_places: list[Place] = []


def enter(place: Place) -> None:
    """Calls without known credentials are this account's until ``leave``."""
    _places.append(place)


def leave() -> None:
    """Back to moto's default account."""
    _places.pop()


@cache
def install() -> None:
    """Patch once per process; without an entered account nothing behaves differently."""
    import cordon.clients
    import cordon.clock
    import cordon.concurrency

    _set(cordon.concurrency, "_make", _in_turn(cordon.concurrency._make))
    _set(cordon.clock, "datetime", scheduler.VirtualDatetime)
    _set(cordon.clock, "time", _time())
    _set(cordon.clients, "time", _time())
    _set(import_module("botocore.endpoint"), "time", _time())
    cordon.clients._own.cache_clear()  # clients made before moto was imported would bypass it
    cordon.clients._session.cache_clear()
    iam = import_module("moto.iam.models")
    _set(iam, "get_account_id_from", _account_of(iam.get_account_id_from))
    responses = import_module("moto.core.responses").BaseResponse
    responses.get_region_from_url = _region_of(responses.get_region_from_url)
    buckets = import_module("moto.s3.models").FakeBucket
    buckets.get_permission = _undenied(buckets.get_permission)


def _in_turn(original: Any) -> Any:
    """Calls beside each other go one after the other here, so that each run is like the last."""

    def make(calls: Sequence[Callable[[], Any]]) -> list[Any]:
        if not _places:
            return list(original(calls))
        answers, errors = [], []
        for call in calls:
            try:
                answers.append(call())
            except Exception as error:  # noqa: BLE001 it rises when all have ended
                errors.append(error)
        if errors:
            raise errors[0]
        return answers

    return make


def _region_of(original: Any) -> Any:
    """moto takes ``us-gov`` of iam.us-gov.amazonaws.com for a Region."""

    def get_region_from_url(response: Any, request: Any, full_url: str) -> str:
        found = str(original(response, request, full_url))
        return _places[-1].region if found == "us-gov" and _places else found

    return get_region_from_url


def _undenied(original: Any) -> Any:
    """moto applies bucket policies to some calls, without their conditions; the guard to all."""
    from moto.iam.access_control import PermissionResult

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        found = original(bucket, action, resource)
        denied = found == PermissionResult.DENIED and bool(_places)
        return PermissionResult.NEUTRAL if denied else found

    return get_permission


def _set(module: ModuleType, name: str, value: Any) -> None:
    if not hasattr(module, name):
        raise RuntimeError(f"{module.__name__} has no {name} any more")
    setattr(module, name, value)


def _time() -> ModuleType:
    """``import time`` for code that runs inside a function: sleeping only moves the clock."""
    module = scheduler.virtual_time_module()

    def sleep(seconds: float) -> None:
        current = scheduler.active()
        if current is None:
            scheduler.real_sleep(seconds)
        else:
            current.clock.sleep(seconds)

    vars(module).update(sleep=sleep, monotonic=module.time)
    return module


def _account_of(original: Any) -> Any:
    """Staging clients' keys carry the account id; other unknown keys are the entered account's."""

    def get_account_id_from(access_key: str) -> str:
        if not _places:
            return str(original(access_key))
        if access_key.startswith(STAGING):
            return access_key.removeprefix(STAGING)
        known = _key_account(access_key)
        return known or _places[-1].account

    return get_account_id_from


def _key_account(access_key: str) -> str | None:
    from moto.iam.models import iam_backends

    partition = _places[-1].partition
    found = (a for a, b in list(iam_backends.items()) if access_key in b[partition].access_keys)
    return next(found, None)


@contextmanager
def environment(place: Place) -> Iterator[None]:
    """Credentials that mean nothing outside, no profile, and no way to the instance metadata."""
    before = dict(os.environ)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_ROLE_ARN"):
        os.environ.pop(name, None)
    os.environ.update(
        CREDENTIALS,
        AWS_DEFAULT_REGION=place.region,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    )
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
