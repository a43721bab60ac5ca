"""What a switch does where an undo does no harm, on a stand-in of a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import pytest
from botocore.exceptions import ClientError

from cordon.actions import NotVerified, ResourceDeleted, Undone
from cordon.actions.detection import EnableDetector, StartTrailLogging
from cordon.actions.grants import Grant
from cordon.actions.keys import RestoreKey
from cordon.actions.switch import Switch
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE

AWS = cast(AwsClients, None)
service: dict[str, str] = {}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Turn")


@dataclass(frozen=True)
class Credential(Switch):
    """One credential of two states."""

    family: ClassVar[str] = "credential"
    grants: ClassVar[tuple[Grant, ...]] = ()
    not_found_errors: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})

    @property
    def target(self) -> str:
        return "credential"

    @property
    def resource(self) -> str:
        return self.place.arn("iam", "user/ada", region="")

    @property
    def wanted(self) -> Mapping[str, str]:
        return {"status": "Inactive"}

    def read(self, aws: AwsClients) -> Mapping[str, str]:
        if not service:
            raise refusal("NoSuchEntity")
        return service

    def turn(self, aws: AwsClients, state: Mapping[str, str]) -> None:
        if not service:
            raise refusal("NoSuchEntity")
        service.update(state)


@pytest.fixture(autouse=True)
def active() -> None:
    service.clear()
    service["status"] = "Active"


def held() -> tuple[Credential, Any, Any]:
    action = Credential(PLACE)
    captured = action.capture(AWS)
    return action, captured, action.apply(AWS, captured, None)


def test_it_is_set_and_put_back() -> None:
    action, captured, written = held()
    action.verify(AWS, captured, written)
    undone = action.undo(AWS, captured, written)
    assert (undone.state, service) == (Undone.RESTORED, {"status": "Active"})
    action.verify_undone(AWS, undone.left or {})
    with pytest.raises(NotVerified):
        action.verify(AWS, captured, written)


def test_what_a_person_set_stays() -> None:
    action, captured, written = held()
    service["status"] = "Expired"
    undone = action.undo(AWS, captured, written)
    assert (undone.state, service) == (Undone.DRIFTED, {"status": "Expired"})
    assert "Expired" in undone.reason
    action.verify_undone(AWS, undone.left or {})


def test_write_that_did_not_come_into_force_is_not_verified() -> None:
    action, captured, written = held()
    undone = action.undo(AWS, captured, written)
    service["status"] = "Inactive"
    with pytest.raises(NotVerified):
        action.verify_undone(AWS, undone.left or {})


def test_deleted_is_deleted() -> None:
    action, captured, written = held()
    service.clear()
    with pytest.raises(ResourceDeleted):
        action.apply(AWS, captured, written)
    assert action.undo(AWS, captured, written).state is Undone.RESOURCE_DELETED


def test_the_same_code_for_another_fault_is_no_deletion(monkeypatch: pytest.MonkeyPatch) -> None:
    """GuardDuty says BadRequestException of an unknown detector, and of much else."""
    action, captured, _ = held()

    def turn(self: Credential, aws: AwsClients, state: Mapping[str, str]) -> None:
        raise refusal("NoSuchEntity")

    monkeypatch.setattr(Credential, "turn", turn)
    with pytest.raises(ClientError):
        action.apply(AWS, captured, None)


@pytest.mark.parametrize("name", ["", "ab", "a/b", "a b", "x" * 129, "../x", "tr\nail", "träil"])
def test_no_name_reaches_a_call_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        StartTrailLogging(PLACE, name)
    with pytest.raises(ValueError, match="not a name"):
        RestoreKey(PLACE, name, enable=False)


@pytest.mark.parametrize(("enable", "features"), [(False, ()), (True, ("FLOW_LOGS",))])
def test_detector_gets_only_what_may_be_set(enable: bool, features: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="features"):
        EnableDetector(PLACE, "abc", enable=enable, features=features)
