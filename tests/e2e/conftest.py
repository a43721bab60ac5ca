"""One deployed account for each worker; every test begins with it as it was deployed.

Every test also ends with a look at what the stack's roles were refused: nothing, but what the
test provokes and names with ``@pytest.mark.refused("iam:PutRolePolicy")``.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import granted
from tests.e2e.account import BUILT, PYTHON, ROOT, Account, emulator
from tests.e2e.waiting import HANGS

LACKS: set[str] = set()
CALLS: list[dict[str, Any]] = []  # of the stack's roles, in tests that let them be as deployed


def pytest_configure(config: pytest.Config) -> None:
    """The markers of these tests."""
    config.addinivalue_line("markers", "refused(*actions): what the test makes IAM refuse")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test waits for several things that may each take long on a machine under load."""
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "e2e"):
            item.add_marker(pytest.mark.timeout(3 * HANGS))


@pytest.fixture(scope="session", autouse=True)
def no_network() -> None:
    """Tests of the deployed account reach their emulator on this machine; see tests/conftest.py."""


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The account, with the stack deployed, every playbook in mode enforce, and digests signed."""
    for needed in (PYTHON, BUILT):
        assert needed.exists(), f"{needed} is missing: use `make e2e`"
    log = tmp_path_factory.mktemp("emulator") / "log"
    with emulator(log) as account:
        account.client("securityhub").enable_security_hub()
        signing = account.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
        account.deploy("enforce", DigestKey=signing["KeyMetadata"]["Arn"])
        account.checkpoint()
        yield account
        LACKS.update(account.lacks)
        account.restore()
        granted.check(account, CALLS)


@pytest.fixture
def account(running: Account, request: pytest.FixtureRequest) -> Iterator[Account]:
    """The account as it was deployed, whatever the tests before have done."""
    running.restore()
    calls_before = len(running.calls())
    yield running
    marker = request.node.get_closest_marker("refused")
    calls = running.calls(calls_before)
    refused = {call["action"] for call in calls if by_us(call)}
    assert refused == set(marker.args if marker else ())
    if request.module.__name__.rpartition(".")[2] != "test_denies":  # there roles are widened
        CALLS.extend(calls)


def by_us(call: dict[str, Any]) -> bool:
    """Was it a role of the stack that was refused?"""
    return call["refused"] and ":assumed-role/cordon-" in call["principal"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist passes on what its emulator does not play."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["lacks"] = sorted(LACKS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker has passed on."""
    LACKS.update(getattr(node, "workeroutput", {}).get("lacks", ()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What the emulator does not play is said, not skipped."""
    for lack in sorted(LACKS):
        terminalreporter.write_line(f"not played by the emulator: {lack}")
