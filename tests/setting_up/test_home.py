"""One stack serves an account and Region, and every other one observes (B25, D3)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.errors import RunIncomplete
from cordon.evidence import ChainEnd
from cordon.memory import settings as settings_row
from cordon.memory import setup_found
from cordon.setting_up.home import LOOKS, SETTLES
from cordon.settings import BEING_DELETED, MasterSwitch
from embedded.backends import cloudformation
from tests.setting_up.account import ENTRIES, HERE, Region, Stack, a_region


@pytest.fixture
def region() -> Iterator[Region]:
    with a_region() as one:
        yield one


def serving(region: Region) -> list[str]:
    return [name for name, stack in region.stacks.items() if stack.serves]


def test_the_first_stack_serves_and_a_second_observes_from_its_first_moment(
    region: Region,
) -> None:
    first = region["a"].deploy()
    second = region["b"]
    second.make()
    second.setup.create(ENTRIES)
    assert serving(region) == ["a"]
    assert region.claim == first.id
    assert second.row["version"] == 1
    assert second.settings.not_home == f"the stack {first.id} serves this account and Region"
    assert second.settings.faults == ()


def test_second_stack_serves_once_the_first_is_deleted(region: Region) -> None:
    first, second = region["a"].deploy(), region["b"].deploy()
    first.delete()
    assert (region.claim, serving(region)) == ("", [])
    second.setup.look()
    assert (region.claim, serving(region)) == (second.id, ["b"])
    assert "other_home" not in second.row


def test_a_stack_that_is_being_deleted_has_stopped_before_it_gives_the_claim_up(
    region: Region,
) -> None:
    first, second = region["a"].deploy(), region["b"].deploy()
    seen: list[tuple[str, bool]] = []
    first.hook = lambda operation: seen.append((operation, first.serves))
    first.is_at("DELETE_IN_PROGRESS")
    first.setup.delete()
    assert ("delete_parameter", False) in seen
    assert first.settings.not_home == "this stack is being deleted"
    second.setup.look()  # the first is there yet
    assert (region.claim, serving(region)) == ("", [])


def test_delete_leaves_the_claim_of_another_stack(region: Region) -> None:
    first, second = region["a"].deploy(), region["b"].deploy()
    second.delete()
    assert (region.claim, serving(region)) == (first.id, ["a"])


def test_look_of_a_stack_that_is_being_deleted_claims_nothing(region: Region) -> None:
    first = region["a"].deploy()
    first.is_at("DELETE_IN_PROGRESS")
    first.setup.delete()
    first.setup.look()
    assert (region.claim, first.row["other_home"]) == ("", BEING_DELETED)


def test_look_that_began_before_the_deletion_does_not_take_it_back(region: Region) -> None:
    """It has read the status; then the stack is deleted; then it reads on."""
    first, second = region["a"].deploy(), region["b"].deploy()
    region.claims(second.id)
    first.setup.look()
    region.claims(first.id)
    region.passes(minutes=80)

    def deleted_meanwhile(operation: str) -> None:
        if operation == "update_item":
            first.hook = lambda _: None
            first.is_at("DELETE_IN_PROGRESS")
            first.setup.delete()

    first.hook = deleted_meanwhile
    first.setup.look()
    assert (region.claim, first.row["other_home"]) == ("", BEING_DELETED)


@pytest.mark.parametrize("status", ["DELETE_COMPLETE", ""])
def test_claim_of_a_stack_that_was_deleted_is_taken_over_after_some_time(
    region: Region, status: str
) -> None:
    """Its deletion left it there. "": CloudFormation has forgotten the stack."""
    first, second, third = (region[name].deploy() for name in "abc")
    first.is_at(status)
    second.setup.look()
    assert (region.claim, serving(region)) == (second.id, [])
    assert second.settings.not_home.startswith("this stack takes over from one that was deleted")
    third.setup.look()
    assert third.row["other_home"] == second.id
    region.passes(minutes=60)
    second.setup.look()
    assert serving(region) == []
    region.passes(minutes=60)
    second.setup.look()
    assert serving(region) == ["b"]


def test_two_that_take_over_at_the_same_moment_do_not_both_serve(region: Region) -> None:
    """Both have read that the first is deleted; the later put counts, and the other sees it."""
    first, second, third = (region[name].deploy() for name in "abc")
    first.is_at("DELETE_COMPLETE")
    puts: list[str] = []

    def other_first(operation: str) -> None:
        if operation == "put_parameter" and not puts:
            puts.append(operation)
            third.setup.look()

    second.hook = other_first
    second.setup.look()
    second.hook = lambda _: None
    for _ in range(3):
        assert len(serving(region)) <= 1
        region.passes(minutes=60)
        third.setup.look()
        second.setup.look()
    assert puts and serving(region) == ["b"]
    assert third.row["other_home"] == second.id


def test_a_person_moves_home(region: Region) -> None:
    """The one that serves stops with its next look; the other begins when all have looked."""
    first, second = region["a"].deploy(), region["b"].deploy()
    region.claims(second.id)
    second.setup.look()
    assert serving(region) == ["a"]
    region.passes(minutes=60)
    second.setup.look()
    first.setup.look()
    assert serving(region) == []
    region.passes(minutes=16)
    second.setup.look()
    assert serving(region) == ["b"]


def test_claim_that_a_person_deleted_is_made_again_by_its_stack_alone(region: Region) -> None:
    first, second = region["a"].deploy(), region["b"].deploy()
    region.aws.client("ssm").delete_parameter(Name="/cordon/home")
    second.setup.look()
    assert region.claim == ""
    first.setup.look()
    assert (region.claim, serving(region)) == (first.id, ["a"])


@pytest.mark.parametrize(
    "value", ["x", "arn:aws:cloudformation:eu-west-1:123456789012:stack/cordon/1", "a" * 4000]
)
def test_claim_that_names_no_stack_of_this_place_is_somebodys(region: Region, value: str) -> None:
    first = region["a"].deploy()
    region.claims(value)
    first.setup.look()
    assert not first.serves
    assert value[:60] in first.settings.not_home
    assert region.claim == value


def test_an_update_of_a_stack_that_claimed_nothing_before_claims(region: Region) -> None:
    """A stack of an earlier version, with its row."""
    old = region["a"]
    old.make()
    settings_row.create(old.table, ENTRIES, "an earlier version", ChainEnd())
    old.is_at("UPDATE_IN_PROGRESS")
    old.setup.update({**ENTRIES, "modes": {}}, frozenset())
    assert (region.claim, serving(region)) == (old.id, ["a"])


@pytest.mark.parametrize("value", [7, {"a": "b"}, frozenset({"x"}), "", "x"])
def test_what_nobody_understands_in_the_row_observes_and_is_put_right(
    region: Region, value: Any
) -> None:
    first = region["a"].deploy()
    first.table.put({**first.row, "other_home": value})
    assert not first.serves
    assert any("other_home" in fault for fault in first.settings.faults)
    region.passes(minutes=80)
    first.setup.look()
    assert first.serves


def test_person_who_stops_meanwhile_is_not_overwritten(region: Region) -> None:
    first, second = region["a"].deploy(), region["b"].deploy()
    first.delete()
    stopped: list[str] = []

    def stop(operation: str) -> None:
        if operation == "update_item" and not stopped:
            stopped.append(operation)
            settings_row.stop(second.table, MasterSwitch.OFF, "Ann")
            settings_row.set_entry(second.table, second.row, ("budget",), 3, "Ann")

    second.hook = stop
    second.setup.look()
    assert stopped
    assert (second.row["master_switch"], second.row["budget"]) == ("off", 3)
    # The claim is its own by now, and its row still names the first: as if it had taken it over.
    assert not second.serves
    region.passes(seconds=SETTLES.total_seconds())
    second.setup.look()
    assert second.serves


def test_stack_whose_row_somebody_deleted_stays_without(region: Region) -> None:
    first = region["a"].deploy()
    region.aws.client("dynamodb").delete_item(
        TableName=first.deployment.table, Key={"id": {"S": "settings"}}
    )
    first.setup.look()
    assert first.row == {}
    first.delete()
    assert region.claim == ""


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_claim_that_cannot_be_read_changes_nothing_and_is_said(region: Region, code: str) -> None:
    first, second = region["a"].deploy(), region["b"].deploy()

    def refuse(operation: str) -> None:
        if operation == "get_parameter":
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetParameter")

    for stack in (first, second):
        row = stack.row
        stack.hook = refuse
        with pytest.raises(RunIncomplete, match=f"home: ClientError.*{code}"):
            stack.setup.look()
        assert stack.row == row
        assert setup_found.read(stack.table)["home"].startswith("not known: ")
        assert setup_found.read(stack.table)["deletion_protection"] == "on"


def test_stack_that_cannot_be_described_is_taken_for_one_that_is_there(region: Region) -> None:
    first, second = region["a"].deploy(), region["b"].deploy()
    cloudformation.set_status(HERE, first.id, "")

    def refuse(operation: str) -> None:
        if operation == "describe_stacks":
            said = {"Code": "ValidationError", "Message": "Rate exceeded, or whatever"}
            raise ClientError({"Error": said}, "DescribeStacks")

    with pytest.raises(ClientError):
        look_at_home(second, refuse)
    assert region.claim == first.id


def look_at_home(stack: Stack, hook: Any) -> None:
    stack.hook = hook
    stack.setup.look_who_serves()


def test_row_says_who_changed_it_and_people_see_what_was_found(region: Region) -> None:
    first, second = region["a"].deploy(), region["b"].deploy()
    assert second.row["changed_by"] == f"CloudFormation, {second.id}"
    found = setup_found.read(second.table)
    assert found["home"] == f"the stack {first.id} serves this account and Region"
    assert found["at"] == "2026-11-24T12:00:00Z"
    assert setup_found.read(first.table)["home"] == "this stack serves this account and Region"


def test_every_stack_has_looked_before_a_claim_counts() -> None:
    assert timedelta(hours=1) == LOOKS
    assert SETTLES > LOOKS


def test_evidence_of_the_first_row_comes_once_the_deployment_has_succeeded(region: Region) -> None:
    """What is in that bucket stays: a first deployment that fails must leave it empty."""
    stack, s3 = region["a"], region.aws.client("s3")
    bucket = {"Bucket": stack.deployment.evidence_bucket}
    stack.make()
    stack.setup.create(ENTRIES)
    stack.setup.look()
    assert "Contents" not in s3.list_objects_v2(**bucket)
    stack.is_at("CREATE_COMPLETE")
    for _ in range(2):
        stack.setup.look()
        assert len(s3.list_objects_v2(**bucket)["Contents"]) == 1
        assert settings_row.evidence_end(stack.row).seq == 1


def test_row_that_somebody_wrote_past_the_desk_is_not_proven_by_a_look(region: Region) -> None:
    """It names no evidence, as the first row did; but of that there is evidence."""
    stack, s3 = region["a"].deploy(), region.aws.client("s3")
    bucket = {"Bucket": stack.deployment.evidence_bucket}
    stack.table.put({"id": settings_row.KEY, **ENTRIES, "master_switch": "off", "version": 1})
    stack.setup.look()
    assert len(s3.list_objects_v2(**bucket)["Contents"]) == 1
    assert settings_row.evidence_end(stack.row).seq == 0
    decided = settings_row.entries_hash(stack.row)
    account = stack.deployment.account
    assert not settings_row.is_proven(s3, bucket["Bucket"], account, ChainEnd(), decided)
