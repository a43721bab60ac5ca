"""A service says once that it has no such resource: it is there, and the reading was an old one.

Nobody may believe it. A case would else be called deleted that goes on, and a release would forget
what it holds and leave it as it is. Real actions on moto, at every call of every scenario.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.memory.cases import ActionStatus
from tests.actions.scenario import Scenario, account
from tests.actions.test_contract import every_scenario
from tests.faults import Breakage, Fault, nothing
from tests.fencing.account import memory_account
from tests.fencing.test_faults_of_actions import RealAccount, Start, broken

CODES = {
    "iam": "NoSuchEntity",
    "s3": "NoSuchBucket",
    "s3control": "NoSuchBucket",
    "sagemaker": "ResourceNotFound",
    "kms": "NotFoundException",
    "cloudtrail": "TrailNotFoundException",
    "config": "NoSuchConfigurationRecorderException",
    "guardduty": "BadRequestException",
    "glue": "EntityNotFoundException",
    "ecr": "ImageNotFoundException",
}
# These say by the same error that a policy is absent, which is no less likely: then ours is the
# only one, and the release deletes it. The last makes another one, which our stand-in does not.
ABSENCE = ("GetRolePolicy", "GetUserPolicy", "GetResourcePolicy", "EnforcedGuardrailConfiguration")
NOT_RESTORED = "-versioned"  # the ids of moto's versions come back as others
NEVER = (ActionStatus.RESOURCE_DELETED, ActionStatus.DRIFTED)
DATE = re.compile(r"20\d\d-\d\d-\d\dT[\d:]+Z")  # of a revocation: each try has its own


def _not_found(service: str, operation: str) -> ClientError:
    said = {"Code": CODES.get(service, "ResourceNotFoundException"), "Message": "an old reading"}
    return ClientError({"Error": said}, operation)


NOT_FOUND = Fault("not found", _not_found)


class ScenarioAccount(RealAccount):
    """Its resources are those of one scenario."""

    scenario: Scenario

    def state(self) -> Any:
        shown = self.scenario.read(self.resources)  # type: ignore[arg-type]
        return DATE.sub("<date>", json.dumps(shown, default=str, sort_keys=True))


@contextmanager
def prepared(scenario: Scenario) -> Iterator[ScenarioAccount]:
    with account() as aws, memory_account({"a": (scenario.action,)}) as start:
        scenario.prepare(aws)
        made = ScenarioAccount(start.clock, start.plans)
        made.scenario, made.breakage = scenario, nothing()
        made.resources, made.known = aws, 0  # type: ignore[assignment]
        made.original = made.state()
        yield made


def comes(account: ScenarioAccount, phase: str, breakage: Breakage) -> Iterator[str]:
    """What is wrong after a phase in which one call found nothing, and after a release."""
    account.breakage = breakage
    with broken(breakage):
        if risen := account.comes(phase):
            yield f"it is not survived: {risen}"
        yield from untrue(account)
        breakage.mend()
        account.comes(phase)
        yield from untrue(account)
        if risen := account.comes("release"):
            yield f"it cannot be released: {risen}"
    if account.state() != account.original and not account.scenario.action.kept_because:
        yield f"it is {account.status('a')}, and not as it was"
    yield from account.left()


def _all(faults: Callable[[], Iterator[str]]) -> list[str]:
    return [*faults()]


def untrue(account: ScenarioAccount, name: str = "a") -> Iterator[str]:
    """What its results say that is not so."""
    case = account.case(name)
    for result in case.results if case is not None else ():
        if result.status in NEVER:
            yield f"{result.status}: {result.reason}"


def calls_of(account: ScenarioAccount, phase: str) -> list[str]:
    with broken(account.breakage):
        assert account.comes(phase) == ""
    return account.breakage.seen


@every_scenario
@pytest.mark.parametrize("phase", ["deliver", "release"])
def test_what_is_not_found_once_is_there(scenario: Scenario, phase: str) -> None:
    if scenario.name.endswith(NOT_RESTORED):
        pytest.skip("moto cannot be restored")
    found = {}
    with prepared(scenario) as account:
        if phase == "release":
            account.deliver("a")
        start = Start(account)
        calls = start.then(partial(calls_of, account, phase))
        for number, name in enumerate(calls):
            once = Breakage(NOT_FOUND, number)
            work = partial(comes, account, phase, once)
            if not name.endswith(ABSENCE) and (faults := start.then(partial(_all, work))):
                found[f"call {number + 1}, {name}"] = faults
    assert found == {}
