"""The row of this stack's functions, queues and roles: who writes it, and what is so without."""

from typing import Any

import pytest

from cordon.memory import heartbeat, parts
from cordon.memory.table import Row, Table
from cordon.statuses import Status
from embedded.custom_resources import Failed
from embedded.journal import DeadLettered
from tests.examples import TAG, event
from tests.promises.policies import user
from tests.promises.test_desk import approval, sends, waiting
from tests.promises.test_owners import WRITES, is_refused, read, refuses
from tests.promises.test_settings import NAME
from tests.promises.world import PLAYBOOKS, World

pytestmark = pytest.mark.world("approve")


def table(world: World) -> Table:
    """As a person reaches it."""
    name = world.account.stack.outputs["CasesTableName"]
    return Table(world.account.client("dynamodb"), name)


def row(world: World) -> Row:
    return table(world).get(parts.KEY).get(parts.KEY, {})


def lost(world: World) -> None:
    """Somebody deletes it; or it is not there yet."""
    table(world).delete(parts.KEY, "")


def written_anew(world: World) -> None:
    """A deployment with another value of LogDays."""
    world.account.custom_resource("Parts", "Update", properties={"LogDays": "400"})


def test_a_new_stack_has_it(world: World) -> None:
    assert row(world)["functions"].keys() == PLAYBOOKS.keys()


def test_a_deployment_writes_it_anew_and_leaves_the_settings(world: World) -> None:
    before = world.settings
    table(world).put({"id": parts.KEY, "functions": "?"})
    written_anew(world)
    assert row(world)["functions"].keys() == PLAYBOOKS.keys()
    functions = {TAG.name: row(world)["functions"][TAG.name]}
    world.account.custom_resource("Parts", "Update", properties={"Functions": functions})
    assert row(world)["functions"] == functions
    assert world.settings == before


def test_the_end_of_the_parts_is_not_the_end_of_the_stack(world: World) -> None:
    before = (world.settings, row(world))
    world.account.custom_resource("Parts", "Delete", physical="cordon-parts")
    assert (world.settings, row(world)) == before


def test_both_custom_resources_keep_their_own_id(world: World) -> None:
    """One id for both, or another one each time, would be a replacement to CloudFormation."""
    ids = {name: world.account.custom_resource(name, "Update") for name in ("Parts", "Settings")}
    assert ids == {"Parts": "cordon-parts", "Settings": "cordon-settings"}


def test_wrong_names_fail_the_deployment_and_change_nothing(world: World) -> None:
    before = row(world)
    with pytest.raises(Failed, match="own_roles is not what this stack can have"):
        world.account.custom_resource("Parts", "Update", properties={"OwnRoles": []})
    assert row(world) == before


# ---- who may ----


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_no_playbook_reaches_it(world: World, playbook: str) -> None:
    for call in (*WRITES, read):
        assert is_refused(world, playbook, call, parts.KEY), call.__name__


@pytest.mark.parametrize(
    "function", ["DecideCases", "ReconcileCases", "ReportCases", "SweepFindings"]
)
def test_no_function_for_people_writes_it(world: World, function: str) -> None:
    role = world.account.functions[function].role
    for call in WRITES:
        assert refuses(world, role, call, parts.KEY), call.__name__
    assert refuses(world, role, read, parts.KEY) == (function == "ReportCases")


# ---- without it ----


def test_the_desk_decides_nothing_without_it(world: World) -> None:
    case, ada = waiting(world), user(world, "ada", "approver")
    lost(world)
    before = (world.state, world.settings, world.case())
    refused = sends(world, ada, "approve", approval(case))
    assert refused.status == 503 and "is not there" in refused.body["refused"]
    assert (world.state, world.settings, world.case()) == before
    written_anew(world)
    assert sends(world, ada, "approve", approval(case)).status == 200
    assert world.case().status is Status.CONTAINED


def test_to_stop_needs_no_parts(world: World) -> None:
    ada = user(world, "ada", "operator")
    lost(world)
    stopped = sends(world, ada, "stop", {})
    assert stopped.status == 200 and stopped.body["says"].endswith("it is written who did it")
    assert world.settings["master_switch"] == "off"


def test_a_custom_action_is_kept_until_it_is_there(world: World) -> None:
    one = event("custom_action_contain_s3_8")
    world.stage(one)
    lost(world)
    delivery = world.account.deliver(one)
    assert [r for r in delivery.records if isinstance(r, DeadLettered)]
    assert world.cases == [] and len(world.account.messages("FailedInvocations")) == 1
    written_anew(world)
    world.account.redeliver("FailedInvocations")
    assert world.case().status is Status.AWAITING_APPROVAL


def test_the_reconciler_says_so_and_its_self_test_goes_on(world: World) -> None:
    lost(world)
    outcome: Any = world.account.invoke("ReconcileCases", {})
    assert outcome.error.startswith("RunIncomplete") and "open cases: PartsUnknown" in outcome.error
    assert heartbeat.KEY in table(world).get(heartbeat.KEY)
    written_anew(world)
    assert not world.account.invoke("ReconcileCases", {}).error


@pytest.mark.world("enforce")
def test_a_playbook_needs_no_row(world: World) -> None:
    lost(world)
    world.send(event(NAME))
    assert world.case().status is Status.CONTAINED
