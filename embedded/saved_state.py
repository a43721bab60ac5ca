"""Saves the state of moto and of our stand-ins as bytes, and restores it.

To build a stack takes more calls than to handle an event in it. So each stack is built once for
its template, place and parameters, and saved; further accounts are restored from that. Bytes,
because nothing that happens in an account can change them.
"""

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock, RLock
from types import FunctionType
from typing import Any
from weakref import WeakValueDictionary

from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend
from moto.moto_api._internal import mock_random

LOCKS: dict[type, Callable[[], Any]] = {type(Lock()): Lock, type(RLock()): RLock}
# What a BackendDict is made with, before it holds anything.
_MADE_WITH = {"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"}


class CannotSave(TypeError):
    """moto's state contains something that is neither data nor constant."""


@dataclass(frozen=True)
class SavedState:
    """The state of every service that has any. ``kept`` are the objects in it that never change."""

    state: bytes
    kept: Mapping[int, Any]
    random: Any  # the state of moto's generator of ids


def save() -> SavedState:
    """The state of all accounts of this process now. Nothing may be running in them."""
    stream = io.BytesIO()
    saver = _Saver(stream)
    saver.dump([(one, _own(one), _backends(one)) for one in services_in_use()])
    return SavedState(stream.getvalue(), saver.kept, mock_random.getstate())


def restore(saved: SavedState) -> None:
    """Restore a saved state into an empty moto."""
    for services, own, backends in _Restorer(saved).load():
        vars(services).update(own)
        for (account, region), backend in backends.items():
            dict.__setitem__(services[account], region, backend)
    mock_random.setstate(saved.random)


def services_in_use() -> "list[BackendDict[Any]]":
    """moto's services that hold anything for any account."""
    return list(vars(BackendDict)["_instances"])


def _own(services: "BackendDict[Any]") -> dict[str, Any]:
    """A service's state outside its backends: S3 keeps the owner of each bucket there."""
    return {name: value for name, value in vars(services).items() if name not in _MADE_WITH}


def _backends(services: "BackendDict[Any]") -> dict[tuple[str, str], BaseBackend]:
    return {(account, region): one for account, region, one in services.iter_backends()}


class _Saver(pickle.Pickler):
    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, pickle.HIGHEST_PROTOCOL)
        self.kept: dict[int, Any] = {}

    def persistent_id(self, thing: Any) -> int | None:
        """A key for objects that are shared, not copied: constants and moto's own tables."""
        if isinstance(thing, AccountSpecificBackend):
            raise CannotSave("a backend of moto's holds the backends of a whole account")
        if not (isinstance(thing, BackendDict) or _is_key(thing) or _is_local(thing)):
            return None
        self.kept[id(thing)] = thing
        return id(thing)

    def reducer_override(self, thing: Any) -> Any:
        """Locks are free when nothing runs; weak references are made anew."""
        if type(thing) in LOCKS:
            return LOCKS[type(thing)], ()
        if isinstance(thing, WeakValueDictionary):
            return WeakValueDictionary, (dict(thing),)
        if isinstance(thing, dict) and type(thing).__module__ == "moto.ssm.models":
            return _parameters, (type(thing), vars(thing), dict(thing))
        return NotImplemented


class _Restorer(pickle.Unpickler):
    def __init__(self, saved: SavedState) -> None:
        super().__init__(io.BytesIO(saved.state))
        self._kept = saved.kept

    def persistent_load(self, key: int) -> Any:
        return self._kept[key]


def _is_key(thing: Any) -> bool:
    """KMS keys are objects of OpenSSL."""
    return type(thing).__module__.startswith("cryptography.")


def _is_local(thing: Any) -> bool:
    """A function defined inside another, as the factory of a defaultdict."""
    if not isinstance(thing, FunctionType) or "<locals>" not in thing.__qualname__:
        return False
    if thing.__closure__:
        raise CannotSave(f"{thing.__module__}.{thing.__qualname__} holds state of its own")
    return True


def _parameters(kind: Any, own: Mapping[str, Any], held: Mapping[str, Any]) -> Any:
    """SSM's table of parameters: its class cannot be pickled by itself."""
    made = kind(own["account_id"], own["region_name"])
    vars(made).update(own)
    made.update(held)
    return made
