"""The settings row is made with the stack; no deployment changes what people made of it (D2)."""

import shlex
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cordon import clients
from cordon.statuses import Status
from embedded.custom_resources import Failed
from embedded.journal import Called, Invoked
from tests.examples import HEADERS, QUARANTINE, REVOKE, TAG, event
from tests.promises.test_settings import NAME, sent
from tests.promises.world import HOME, PLAYBOOKS, World


def deploy_again(world: World, **changes: Any) -> None:
    """The request of a deployment whose template or parameters differ so."""
    world.account.custom_resource("Settings", "Update", properties=changes)


def by_a_person(world: World) -> dict[str, Any]:
    """A person changes every kind of entry, none of them as the template has it."""
    world.set("master_switch", "off")
    world.set(f"modes.{QUARANTINE.name}", "approve")
    world.set(f"modes.{TAG.name}", "nonsense")
    world.set("budget", 3)
    world.set("budgets", {REVOKE.name: 4})
    world.set("protected", {"arn:aws:s3:::only-this"})
    exemption = {"playbook": "*", "resource": "arn:aws:s3:::www", "owner": "Ann", "reason": "web"}
    world.set("exemptions", {"www": {**exemption, "expires": "2027-01-31T00:00:00Z"}})
    return world.settings


@pytest.mark.world("enforce", MasterSwitch="observe", BudgetPerHour="7")
def test_row_of_a_new_stack_has_the_parameters(world: World) -> None:
    row = world.settings
    assert row["master_switch"] == "observe"
    assert row["modes"] == dict.fromkeys(PLAYBOOKS, "enforce")
    assert row["budget"] == 7
    own = {name: one.budget for name, one in HEADERS.items() if one.budget is not None}
    assert row["budgets"] == own
    assert own[TAG.name] == 1000
    assert row["exemptions"] == {}
    assert row["version"] == 1
    assert row["changed_by"].startswith("CloudFormation, arn:aws:cloudformation:")


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_no_deployment_resets_what_people_set(world: World, kind: str) -> None:
    row = by_a_person(world)
    world.account.custom_resource("Settings", kind)
    assert world.settings == row


def test_changed_parameters_change_nothing_that_is_there(world: World) -> None:
    row = by_a_person(world)
    modes = dict.fromkeys(PLAYBOOKS, "enforce")
    deploy_again(world, Modes=modes, MasterSwitch="on", Budget="99", Budgets={REVOKE.name: 9})
    assert world.settings == row


def test_deployment_adds_what_is_new(world: World) -> None:
    row = by_a_person(world)
    modes = {**dict.fromkeys(PLAYBOOKS, "observe"), "brand_new": "approve"}
    known = list(world.account.stack.resources["Settings"].properties["Protected"])
    named = [*known, "arn:aws:s3:::payroll", ""]
    deploy_again(world, Modes=modes, Budgets={"brand_new": "5"}, Protected=named)
    after = world.settings
    assert after["modes"] == {**row["modes"], "brand_new": "approve"}
    assert after["budgets"] == {**row["budgets"], "brand_new": 5}
    assert after["protected"] == row["protected"] | {"arn:aws:s3:::payroll"}
    others = ("master_switch", "budget", "exemptions")
    assert {k: after[k] for k in others} == {k: row[k] for k in others}
    assert after["version"] > row["version"]


def test_deployment_makes_no_row_that_a_person_deleted(world: World) -> None:
    """Else a deployment would start what somebody stopped."""
    world.account.client("dynamodb").delete_item(**world.settings_row)
    deploy_again(world, Modes={"brand_new": "enforce"})
    assert world.settings == {}


@pytest.mark.parametrize("name", ["modes", "budgets", "protected"])
def test_entry_of_a_wrong_type_fails_no_deployment(world: World, name: str) -> None:
    world.write_setting(name, {"S": "?"})
    deploy_again(world, Modes={"brand_new": "observe"}, Protected=["arn:aws:s3:::payroll"])
    assert world.settings[name] == "?"


def test_person_who_writes_meanwhile_is_not_overwritten(world: World) -> None:
    """Between what setup reads and what it writes, somebody stops Cordon by the plain command."""
    done: list[bool] = []

    def stop(call: Called) -> None:
        if call.operation == "BatchGetItem" and not done:
            done.append(True)
            world.set("master_switch", "off")
            world.set("modes.brand_new", "observe")

    world.account.after_call(stop)
    deploy_again(world, Modes={"brand_new": "enforce"})
    assert done
    assert world.settings["master_switch"] == "off"
    assert world.settings["modes"]["brand_new"] == "observe"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Modes": {QUARANTINE.name: "enforced"}}, f"modes.{QUARANTINE.name} must be observe"),
        ({"MasterSwitch": "maybe"}, "master_switch must be on, observe, off"),
        ({"Budget": "many"}, "budget must be a number"),
        ({"Protected": ["acme"]}, "protected.acme is not an ARN"),
        ({"Modes": "enforce"}, "Error"),
    ],
)
@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_wrong_value_fails_with_its_reason(
    world: World, kind: str, changes: dict[str, Any], why: str
) -> None:
    row = world.settings
    with pytest.raises(Failed, match=why):
        world.account.custom_resource("Settings", kind, properties=changes)
    assert world.settings == row


@pytest.mark.parametrize("times", [1, 3])
def test_new_role_may_need_some_seconds(world: World, times: int) -> None:
    """What IAM allows is not in force at once everywhere."""
    world.account.client("dynamodb").delete_item(**world.settings_row)
    refuse(world, times, "AccessDeniedException")
    world.account.custom_resource("Settings", "Create")
    assert world.settings["version"] == 1


@pytest.mark.parametrize(
    ("times", "code"), [(4, "AccessDeniedException"), (1, "ResourceNotFoundException")]
)
def test_refused_write_fails_with_its_reason(world: World, times: int, code: str) -> None:
    world.account.client("dynamodb").delete_item(**world.settings_row)
    refuse(world, times, code)
    with pytest.raises(Failed, match=code):
        world.account.custom_resource("Settings", "Create")
    assert world.settings == {}


def refuse(world: World, times: int, code: str) -> None:
    """The next writes of setup are refused so, as often as this."""
    left = [times]

    def refused(**_: Any) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "PutItem")

    client = clients._own(HOME[1]).client("dynamodb")
    client.meta.events.register("provide-client-params.dynamodb.PutItem", refused)


def test_deployment_leaves_no_trace_in_the_journal(world: World) -> None:
    assert not world.account.journal.of(Invoked)
    assert not world.account.journal.of(Called)


def test_stop_stops_whatever_the_row_is(world: World) -> None:
    """The output has the one command; what it says is done here by the API that it calls."""
    command = shlex.split(world.account.stack.outputs["Stop"])
    assert command[:3] == ["aws", "lambda", "invoke"]
    options = dict(zip(command[3:-1:2], command[4:-1:2], strict=True))
    assert options.pop("--region") == world.account.place.region
    assert options.pop("--cli-binary-format") == "raw-in-base64-out"
    function, payload = options.pop("--function-name"), options.pop("--payload")
    assert options == {}
    for name, value in (("version", {"S": "three"}), ("master_switch", {"L": []}), ("modes", {})):
        world.write_setting(name, value or {"NULL": True})
        lambda_ = boto3.client("lambda", region_name=world.account.place.region)
        stopped = lambda_.invoke(FunctionName=function, Payload=payload)
        assert "FunctionError" not in stopped
        assert world.settings["master_switch"] == "off"
    before, said = sent(world)
    assert said["outcome"] == "ignored"
    assert world.state == before
    assert world.cases == []
    world.set("master_switch", "on")
    world.set("modes", {QUARANTINE.name: "enforce"})
    world.account.deliver(event(NAME))
    assert world.case().status is Status.CONTAINED
