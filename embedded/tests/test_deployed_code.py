"""What an account is given of the code under test, it obeys; of other code it knows nothing."""

import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from embedded.account import EmbeddedAccount
from embedded.deployed_code import DeployedCode

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"
START = datetime(2026, 11, 24, 6, tzinfo=UTC)


def in_threads(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Deployed code: two caches, a function that sleeps, one that uses threads."""
    made = ModuleType("product.parts")
    vars(made).update(
        time=time,
        together=in_threads,
        settings=functools.cache(lambda: object()),
        clients=functools.cache(lambda: object()),
    )
    monkeypatch.setitem(sys.modules, "product", ModuleType("product"))
    monkeypatch.setitem(sys.modules, "product.parts", made)
    yield made


def enter(**code: tuple[str, ...]) -> EmbeddedAccount:
    return EmbeddedAccount(TEMPLATE, start=START, code=DeployedCode(**code))


def test_a_new_sandbox_has_empty_caches(module: ModuleType) -> None:
    caches = {"packages": ("product",), "client_caches": ("product.parts.clients",)}
    with enter(**caches) as account:
        settings, clients = module.settings(), module.clients()
        account.runtime.forget()
        assert module.settings() is not settings
        assert module.clients() is clients


def test_module_that_comes_later_has_empty_caches_too(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code is imported when it is first needed."""
    with enter(packages=("product",)) as account:
        account.runtime.forget()
        later = ModuleType("product.later")
        vars(later)["settings"] = functools.cache(lambda: object())
        monkeypatch.setitem(sys.modules, "product.later", later)
        settings = later.settings()
        account.runtime.forget()
        assert later.settings() is not settings


def test_cache_that_comes_later_is_empty_too(module: ModuleType) -> None:
    with enter(packages=("product",)) as account:
        account.runtime.forget()
        vars(module)["later"] = functools.cache(lambda: object())
        later = module.later()
        account.runtime.forget()
        assert module.later() is not later


def test_unnamed_packages_keep_their_caches(module: ModuleType) -> None:
    with enter(packages=("prod",)) as account:
        settings = module.settings()
        account.runtime.forget()
        assert module.settings() is settings


def test_clients_from_before_the_account_are_forgotten(module: ModuleType) -> None:
    before = module.clients()
    with enter(client_caches=("product.parts.clients",), packages=("one_test",)):
        assert module.clients() is not before


def test_a_sleep_moves_the_clock(module: ModuleType) -> None:
    with enter(sleeping=("product.parts",)) as account:
        module.time.sleep(3600)
        assert account.now == datetime.now(UTC) == START + timedelta(hours=1)


def test_threads_become_calls_in_turn(module: ModuleType) -> None:
    threads = [threading.get_ident] * 3
    with enter(parallel=("product.parts.together",)):
        assert set(module.together(threads)) == {threading.get_ident()}
    assert threading.get_ident() not in module.together(threads)


def test_missing_name_is_refused(module: ModuleType) -> None:
    with pytest.raises(RuntimeError, match=r"there is no product\.parts\.missing any more"):
        enter(parallel=("product.parts.missing",)).__enter__()
