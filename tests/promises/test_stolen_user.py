"""A user's stolen session: what could issue the next one is stopped too, or named (B2, A11)."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cordon.statuses import Status
from tests.actions.scenario_iam import DENY_ALL
from tests.examples import event
from tests.promises.permission_scenarios import know_deny_all
from tests.promises.world import World, finding_of

SAMPLES = (
    "guardduty_compromised_credentials",  # names a key
    "guardduty_console_login",  # a session that a password started
)


def staged(world: World, name: str) -> tuple[Any, dict[str, str]]:
    """The sample's user, with two active keys."""
    one = event(name)
    world.stage(one)
    know_deny_all(world)
    who = {"UserName": finding_of(one).resources_of("AWS::IAM::User")[0].name}
    iam = world.account.client("iam")
    for key in iam.list_access_keys(**who)["AccessKeyMetadata"]:
        iam.update_access_key(**who, AccessKeyId=key["AccessKeyId"], Status="Active")
    while len(iam.list_access_keys(**who)["AccessKeyMetadata"]) < 2:
        iam.create_access_key(**who)
    return iam, who


def statuses(iam: Any, who: dict[str, str]) -> list[str]:
    return [key["Status"] for key in iam.list_access_keys(**who)["AccessKeyMetadata"]]


def denied(iam: Any, who: dict[str, str]) -> bool:
    attached = iam.list_attached_user_policies(**who)["AttachedPolicies"]
    return DENY_ALL in [policy["PolicyArn"] for policy in attached]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("password", [True, False], ids=["password", "no password"])
def test_everything_that_issues_a_session_is_stopped(
    world: World, name: str, password: bool
) -> None:
    iam, who = staged(world, name)
    if password:
        iam.create_login_profile(**who, Password="correct horse 1!")
    before = world.state
    world.account.deliver(event(name))
    case = world.case()
    assert case.status is Status.CONTAINED
    assert statuses(iam, who) == ["Inactive"] * 2
    assert denied(iam, who) is password
    assert "AWSDenyAll" in world.published[-1].message
    began = world.account.now
    assert world.release(case).status is Status.REOPENED
    assert timedelta(hours=36) <= world.account.now - began < timedelta(hours=36, minutes=10)
    assert statuses(iam, who) == ["Active"] * 2
    assert world.state == before


def test_what_cannot_be_stopped_is_named(world: World) -> None:
    """The quota for managed policies is reached: sessions end, the password remains."""
    iam, who = staged(world, SAMPLES[0])
    iam.create_login_profile(**who, Password="correct horse 1!")
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    arns = [
        iam.create_policy(PolicyName=f"own-{n}", PolicyDocument=document)["Policy"]["Arn"]
        for n in range(10)
    ]
    for arn in arns:
        iam.attach_user_policy(**who, PolicyArn=arn)
    world.account.deliver(event(SAMPLES[0]))
    case = world.case()
    assert case.status is Status.PARTLY_CONTAINED
    assert statuses(iam, who) == ["Inactive"] * 2
    (trouble,) = case.failed
    assert "console password" in trouble.reason
    assert "console password" in world.published[-1].message

    iam.detach_user_policy(**who, PolicyArn=arns[0])  # a person makes room
    world.account.deliver(event(SAMPLES[0]))
    assert world.case().status is Status.CONTAINED
    assert denied(iam, who)
