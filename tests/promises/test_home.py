"""Two stacks in one account and Region do not undo each other: the second one observes (B25)."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from console import cli
from console.stack import Stack
from cordon.memory import setup_found
from cordon.memory.decisions import Verb
from cordon.setting_up.home import PARAMETER
from cordon.statuses import Status
from embedded.custom_resources import Failed
from embedded.journal import Called
from tests.examples import QUARANTINE, event
from tests.promises.test_settings import NAME, sent
from tests.promises.world import Refused, World, chosen

OTHER = (
    "arn:aws:cloudformation:us-east-1:111122223333:stack/cordon-first/"
    "11111111-2222-3333-4444-555555555555"
)
BY_ARN = {"playbook": QUARANTINE.name, "resource": "arn:aws:s3:::acme", "why": "a test"}


def is_second(world: World) -> None:
    """As it would be, had the other stack been there first: its claim is there, and it was seen."""
    world.account.set_stack_status("CREATE_COMPLETE", OTHER)
    ssm = world.account.client("ssm")
    ssm.put_parameter(Name=PARAMETER, Value=OTHER, Type="String", Overwrite=True)
    world.account.settle()
    assert world.settings["other_home"] == OTHER


def other_is_deleted(world: World) -> None:
    """By CloudFormation, with its ``setup``, which takes the claim away first."""
    world.account.set_stack_status("DELETE_IN_PROGRESS", OTHER)
    world.account.client("ssm").delete_parameter(Name=PARAMETER)
    world.account.settle()
    assert world.settings["other_home"] == OTHER
    world.account.set_stack_status("DELETE_COMPLETE", OTHER)


def looks(world: World) -> None:
    """The schedule of an hour."""
    world.account.advance(timedelta(minutes=61), schedules="last")


def custom_actions(world: World) -> list[str]:
    hub = world.account.client("securityhub")
    found = hub.describe_action_targets()["ActionTargets"]
    return sorted(one["ActionTargetArn"].rpartition("/")[2] for one in found)


def protected(world: World) -> bool:
    table = world.account.stack.outputs["CasesTableName"]
    described = world.account.client("dynamodb").describe_table(TableName=table)["Table"]
    return bool(described.get("DeletionProtectionEnabled"))


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        "guardduty_privilege_escalation",
        "securityhub_bedrock_1",
    ],
)
def test_second_stack_observes_and_says_why(world: World, name: str) -> None:
    is_second(world)
    world.stage(event(name))
    before = world.state
    world.account.deliver(event(name))
    assert world.state == before
    assert world.cases
    for case in world.cases:
        assert case.status is Status.OBSERVED
        assert case.reason == f"the stack {OTHER} serves this account and Region"
        assert not case.held_back


def test_second_stack_does_not_replace_the_finding_of_the_first(world: World) -> None:
    """The id of our finding is the same for both."""
    is_second(world)
    sent(world)
    case = world.case()
    assert case.status is Status.OBSERVED
    hub = world.account.client("securityhub")
    ours = [f for f in hub.get_findings()["Findings"] if f["Id"].startswith("cordon/")]
    assert ours == []


def test_second_stack_refuses_no_person_a_release(world: World) -> None:
    """It served the place before, and what it holds is its own."""
    before, _ = sent(world)
    case = world.case()
    assert case.status is Status.CONTAINED
    is_second(world)
    assert world.release(case).status is Status.REOPENED
    assert world.state == before


@pytest.mark.world("approve")
def test_second_stack_contains_nothing_that_a_person_approves(world: World) -> None:
    sent(world)
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    before = world.state
    is_second(world)
    with pytest.raises(Refused, match="serves this account and Region"):
        world.approve(case)
    assert world.state == before
    world.reject(case)
    assert world.case().status is Status.REJECTED


def test_second_stack_contains_nothing_by_arn(world: World) -> None:
    world.stage(event(NAME))
    is_second(world)
    with pytest.raises(Refused, match="serves this account and Region"):
        world.operator.request(Verb.CONTAIN, BY_ARN)


def test_second_stack_serves_once_the_first_is_deleted(world: World) -> None:
    is_second(world)
    other_is_deleted(world)
    looks(world)
    assert "other_home" not in world.settings
    sent(world)
    assert world.case().status is Status.CONTAINED
    found = world.account.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]
    assert found["Value"] == world.account.stack.id


def test_new_stack_where_another_serves_observes_from_its_first_moment(world: World) -> None:
    is_second(world)
    world.account.client("dynamodb").delete_item(**world.settings_row)
    world.account.custom_resource("Settings", "Create")
    assert world.settings["other_home"] == OTHER
    assert world.settings["version"] == 1


def test_operator_who_sets_a_mode_reads_that_the_stack_only_observes(world: World) -> None:
    is_second(world)
    change = {"do": "mode", "playbook": QUARANTINE.name, "mode": "approve"}
    for done in ("changed", "recorded; the settings were so before"):
        said = world.operator.request("settings", {"change": change})
        assert said["says"].startswith(f"{done}; but this stack only observes: the stack arn:")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "named", lambda *_: world.operator)
        shown = CliRunner().invoke(cli.app, ["settings"]).output
    assert shown.startswith(f"THIS STACK ONLY OBSERVES, whatever its modes are: the stack {OTHER}")
    assert "custom actions: there, with the ids Containcb092c04 and Releasecb092c04" in shown
    assert "deletion protection: on" in shown


def test_no_person_sets_at_the_desk_who_serves(world: World) -> None:
    for do in ("other_home", "home", "serve"):
        with pytest.raises(Refused):
            world.operator.request("settings", {"change": {"do": do, "other_home": OTHER}})
    assert "other_home" not in world.settings


# ---- custom actions ----


def test_custom_action_of_another_stack_is_not_ours(world: World) -> None:
    one = chosen("CordonContain", event("custom_action_contain_s3_8"))
    for id in ("Contain11111111", "CordonContain"):
        arn = f"arn:aws:securityhub:us-east-1:111122223333:action/custom/{id}"
        delivery = world.account.deliver({**one, "resources": [arn]})
        assert delivery.rules == ()


@pytest.mark.world("enforce", hub=False)
def test_custom_actions_are_made_once_security_hub_is_enabled(world: World) -> None:
    """Its absence is said, and is no failure."""
    assert found(world)["custom_actions"] == "not made: Security Hub is not enabled here"
    world.account.client("securityhub").enable_security_hub()
    looks(world)
    assert custom_actions(world) == ["Containcb092c04", "Releasecb092c04"]


@pytest.mark.world("enforce", ReportToSecurityHub="false")
def test_custom_actions_are_not_made_where_nothing_is_reported(world: World) -> None:
    looks(world)
    assert custom_actions(world) == []


def test_custom_action_that_somebody_deleted_is_made_again(world: World) -> None:
    arn = "arn:aws:securityhub:us-east-1:111122223333:action/custom/Releasecb092c04"
    world.account.client("securityhub").delete_action_target(ActionTargetArn=arn)
    looks(world)
    assert custom_actions(world) == ["Containcb092c04", "Releasecb092c04"]


# ---- deletion protection, and deletion ----


def test_table_is_protected_after_a_deployment_and_not_before(world: World) -> None:
    """An update whose template no longer has the property may have set it to its default."""
    assert protected(world)
    table = world.account.stack.outputs["CasesTableName"]
    dynamodb = world.account.client("dynamodb")
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    world.account.set_stack_status("UPDATE_IN_PROGRESS")
    looks(world)
    assert not protected(world)
    world.account.set_stack_status("UPDATE_COMPLETE")
    world.account.settle()
    assert protected(world)


@pytest.mark.parametrize("status", ["ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_FAILED"])
def test_nothing_is_made_for_a_stack_that_is_on_its_way_out(world: World, status: str) -> None:
    world.account.custom_resource("Settings", "Delete")
    table = world.account.stack.outputs["CasesTableName"]
    dynamodb = world.account.client("dynamodb")
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    world.account.set_stack_status(status)
    looks(world)
    assert not protected(world)
    assert custom_actions(world) == []
    assert world.account.client("ssm").get_parameters(Names=[PARAMETER])["Parameters"] == []


def test_delete_takes_away_what_is_ours_and_leaves_all_else(world: World) -> None:
    hub, before = world.account.client("securityhub"), world.settings
    hub.create_action_target(Id="Contain11111111", Name="CordonContain-111111", Description="x")
    world.account.custom_resource("Settings", "Delete")
    assert custom_actions(world) == ["Contain11111111"]
    assert world.account.client("ssm").get_parameters(Names=[PARAMETER])["Parameters"] == []
    assert without_stamps(world.settings) == {
        **without_stamps(before),
        "other_home": "being deleted",
    }
    sent(world)
    assert world.case().reason == "this stack is being deleted"
    world.account.custom_resource("Settings", "Delete")  # once more: nothing is left to do


def without_stamps(row: dict[str, Any]) -> dict[str, Any]:
    stamps = ("version", "changed_at", "changed_by")
    return {name: value for name, value in row.items() if name not in stamps}


@pytest.mark.world("enforce", hub=False)
def test_delete_without_security_hub_is_no_failure(world: World) -> None:
    world.account.custom_resource("Settings", "Delete")


def test_delete_leaves_the_claim_of_another_stack(world: World) -> None:
    is_second(world)
    world.account.custom_resource("Settings", "Delete")
    found = world.account.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]
    assert found["Value"] == OTHER


def deny(world: World, action: str) -> None:
    """As a policy of the organisation would."""
    world.account.client("iam").put_role_policy(
        RoleName=world.account.functions["Setup"].role.rpartition("/")[2],
        PolicyName="no",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}],
            }
        ),
    )


def test_what_cannot_be_deleted_fails_the_deletion_with_its_reason(world: World) -> None:
    """Else an action stays in Security Hub to which nobody listens."""
    deny(world, "securityhub:DeleteActionTarget")
    with pytest.raises(Failed, match="DeleteActionTarget"):
        world.account.custom_resource("Settings", "Delete")
    assert world.settings["other_home"] == "being deleted"


def test_deployment_does_not_fail_for_want_of_custom_actions(world: World) -> None:
    """It is said, and tried again every hour."""
    deny(world, "securityhub:CreateActionTarget")
    world.account.custom_resource("Settings", "Update")
    assert found(world)["custom_actions"].startswith("not made: An error occurred (AccessDenied")
    result = world.account.invoke("Setup", {})
    assert result.failed and "RunIncomplete: custom_actions" in result.error


def found(world: World) -> Mapping[str, Any]:
    """What setup found last."""
    return setup_found.read(world.operator.table)


def test_look_without_anything_to_do_writes_what_it_saw(world: World) -> None:
    calls: list[Called] = []
    world.account.after_call(calls.append)
    looks(world)
    written = [c.operation for c in calls if c.caller == "Setup" and "Put" in c.operation]
    assert written == ["PutItem", "PutItem"]  # of the account, and of what setup found
