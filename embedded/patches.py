"""What is patched in this process: sleeping, threads, credentials, and whose account a key is."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from embedded import scheduler
from embedded.deployed_code import DeployedCode
from embedded.functions import CREDENTIALS
from embedded.place import Place

STAGING = "EMBEDDED"  # with an account id it has the 20 characters that moto looks for
_places: list[Place] = []


def enter(place: Place) -> None:
    """Until ``leave``, calls without known credentials belong to this account."""
    _places.append(place)


def leave() -> None:
    """Back to moto's default account."""
    _places.pop()


def install(code: DeployedCode) -> None:
    """Patch libraries and deployed code. Without an entered account nothing behaves differently."""
    _install_in_libraries()
    _install_in(code)


@cache
def _install_in_libraries() -> None:
    """Once per process."""
    _replace("botocore.endpoint.time", _time())
    iam = import_module("moto.iam.models")
    _replace("moto.iam.models.get_account_id_from", _account_of(iam.get_account_id_from))
    responses = import_module("moto.core.responses").BaseResponse
    responses.get_region_from_url = _region_of(responses.get_region_from_url)
    buckets = import_module("moto.s3.models").FakeBucket
    buckets.get_permission = _undenied(buckets.get_permission)
    keys = import_module("moto.kms.responses").KmsResponse
    keys._validate_cmk_id = _of_many_regions(keys._validate_cmk_id)


@cache
def _install_in(code: DeployedCode) -> None:
    """Once per process for each description."""
    for module in code.sleeping:
        _replace(f"{module}.time", _time())
    for function in code.parallel:
        _replace(function, one_by_one(_named(function)))
    for name in code.client_caches:
        _named(name).cache_clear()


def one_by_one(original: Any) -> Any:
    """Calls that would go out in threads go one after the other while an account is entered."""

    def make(calls: Sequence[Callable[[], Any]]) -> list[Any]:
        if not _places:
            return list(original(calls))
        results, errors = [], []
        for call in calls:
            try:
                results.append(call())
            except Exception as error:  # noqa: BLE001 raised when all have ended
                errors.append(error)
        if errors:
            raise errors[0]
        return results

    return make


def _region_of(original: Any) -> Any:
    """moto mistakes ``us-gov`` in iam.us-gov.amazonaws.com for a Region."""

    def get_region_from_url(response: Any, request: Any, full_url: str) -> str:
        found = str(original(response, request, full_url))
        return _places[-1].region if found == "us-gov" and _places else found

    return get_region_from_url


def _undenied(original: Any) -> Any:
    """moto applies bucket policies to some calls and ignores conditions; our guard checks all."""
    from moto.iam.access_control import PermissionResult

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        found = original(bucket, action, resource)
        denied = found == PermissionResult.DENIED and bool(_places)
        return PermissionResult.NEUTRAL if denied else found

    return get_permission


def _of_many_regions(original: Any) -> Any:
    """moto knows ``mrk-`` before a UUID alone; AWS writes 32 digits after it.

    Source: AWS KMS Developer Guide, "Multi-Region keys", key ids.
    """

    def validate_cmk_id(response: Any, key_id: str) -> None:
        known = key_id.startswith("mrk-") and key_id in response.kms_backend.keys
        if not (known and _places):
            original(response, key_id)

    return validate_cmk_id


def _named(name: str) -> Any:
    """What ``package.module.name`` is."""
    module, _, attribute = name.rpartition(".")
    found = import_module(module)
    if not hasattr(found, attribute):
        raise RuntimeError(f"there is no {name} any more")
    return getattr(found, attribute)


def _replace(name: str, value: Any) -> None:
    _named(name)
    module, _, attribute = name.rpartition(".")
    setattr(import_module(module), attribute, value)


def _time() -> ModuleType:
    """A stand-in for ``import time`` in deployed code: a sleep only moves the clock."""
    module = scheduler.virtual_time_module()

    def sleep(seconds: float) -> None:
        current = scheduler.active()
        if current is None:
            scheduler.real_sleep(seconds)
        else:
            current.clock.sleep(seconds)

    vars(module)["sleep"] = sleep
    return module


def _account_of(original: Any) -> Any:
    """A staging client's key contains its account. Other unknown keys are the entered account's."""

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
