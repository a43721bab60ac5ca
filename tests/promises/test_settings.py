"""What the operator decided is what happens; what nobody understands is refused by itself."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.evidence import verify
from cordon import clients
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from embedded.journal import Invoked
from tests.examples import HEADERS, QUARANTINE, TAG, event, folder_of, function_of
from tests.promises.test_holds_on_one_bucket import bucket_of
from tests.promises.test_samples import RELEASED as EACH_SHAPE
from tests.promises.world import HOME, Event, Refused, World, changed, finding_of, outcomes

NAME = "guardduty_public_access"
OWN = {"securityhub:BatchImportFindings", "events:PutEvents"}  # how people see what is observed
REASON = {"owner": "ana@example.com", "reason": "a public web site"}
IN_THE_HUB = "securityhub_s3_2"


def sent(world: World, name: str = NAME) -> tuple[dict[str, Any], dict[str, str]]:
    """The account before a sample was delivered, and what the function said of it."""
    world.stage(event(name))
    before = world.state
    said = outcomes(world.account.deliver(event(name)))
    return before, said[0] if said else {"outcome": "ignored"}


def observed(world: World, before: dict[str, Any]) -> None:
    """Only our own finding says what would be done."""
    assert world.case().status is Status.OBSERVED
    assert set(world.changes()) <= OWN
    assert world.state == before
    assert world.holds == {}
    assert world.account.snapshot()["ssm"] == {}
    assert world.published == []
    assert world.finding(world.case())["Title"].startswith("Cordon observed")


def exemption(**changes: str) -> dict[str, dict[str, str]]:
    """The setting with one exemption of the sample's bucket."""
    arn = f"arn:aws:s3:::{bucket_of(event(NAME))}"
    one = {"playbook": QUARANTINE.name, "resource": arn, "expires": "2026-12-24T00:00:00Z"}
    return {"site": {**one, **REASON, **changes}}


# ---- safe by default ----


def is_optional(name: str) -> bool:
    """Is it an API call that is heard only where the operator says so?"""
    return finding_of(event(name)).kind in HEADERS[folder_of(name)].optional


@pytest.mark.world("")
def test_a_fresh_deploy_changes_nothing(world: World) -> None:
    names = [name for name in EACH_SHAPE if "custom_action" not in name]
    for name in names:
        world.stage(event(name))
    before = world.account.snapshot()
    for name in names:
        world.account.deliver(event(name))
    heard = [name for name in names if not is_optional(name)]  # the rules of the others are off
    assert len(world.cases) == len(heard) < len(names)
    assert {case.status for case in world.cases} == {Status.OBSERVED}
    assert set(world.changes()) <= OWN
    after = world.account.snapshot()
    ours = {k: v for k, v in after["securityhub"].items() if not k.startswith("cordon/")}
    assert {**after, "securityhub": ours} == before
    # The template's warnings are of rules, not of cases.
    assert not [one for one in world.published if not one.message.startswith('"Cordon: ')]
    assert world.troubles == []
    for case in world.cases:
        assert world.stages(case) == ([] if case.observed else ["decided"])
        assert verify(world.operator.evidence_copy(case)) == []


@pytest.mark.world("")
def test_a_mode_is_changed_without_a_deploy(world: World) -> None:
    before, _ = sent(world)
    observed(world, before)
    world.set(f"modes.{QUARANTINE.name}", "enforce")
    later = changed(event(NAME), "detail.updatedAt", "2026-11-24T11:00:00.000Z")
    world.account.deliver(later)
    assert world.case().status is Status.CONTAINED
    assert world.state != before


@pytest.mark.world("enforce", BreakGlassRoles="")
def test_lock_out_without_break_glass_awaits_approval(world: World) -> None:
    before, said = sent(world, "guardduty_exfiltration_malicious_ip")
    assert said["outcome"] == "awaiting_approval"
    assert world.state == before


# ---- the master switch ----


def test_master_switch_off_handles_nothing(world: World) -> None:
    world.set("master_switch", "off")
    before, said = sent(world)
    assert said["outcome"] == "ignored"
    assert world.changes() == []
    assert world.cases == []
    assert world.state == before


@pytest.mark.parametrize("mode", ["approve", "enforce"])
def test_master_switch_observe_changes_nothing(world: World, mode: str) -> None:
    world.set(f"modes.{QUARANTINE.name}", mode)
    world.set("master_switch", "observe")
    before, said = sent(world)
    observed(world, before)
    assert said["reason"] == "the master switch is at observe"


def test_master_switch_keeps_contained_cases(world: World) -> None:
    """Stopping Cordon opens no bucket again; a person can still release."""
    world.stage(event(NAME))
    before = world.state
    world.account.deliver(event(NAME))
    contained = world.state
    world.set("master_switch", "off")
    world.account.deliver(event(NAME))
    assert world.state == contained
    assert world.release(world.case()).status is Status.REOPENED
    assert world.state == before


# ---- what is not there, or cannot be understood ----


def refused(world: World) -> set[str]:
    """The entries that the log names, which a metric filter counts."""
    lines = [line for invoked in world.account.journal.of(Invoked) for line in logged_by(invoked)]
    named = [(line["settings_refused"], line["refused"]) for line in lines if "refused" in line]
    assert all(marked is bool(faults) for marked, faults in named)
    return {fault for _, faults in named for fault in faults}


def logged_by(invoked: Invoked) -> list[dict[str, Any]]:
    """The log lines of an invocation."""
    return [json.loads(line) for line in invoked.log.splitlines()]


def test_settings_that_are_deleted_mean_observe(world: World) -> None:
    """Never the defaults: to delete the row must not start what a person has stopped."""
    world.account.client("dynamodb").delete_item(**world.settings_row)
    before, said = sent(world)
    observed(world, before)
    assert "the settings row is not there" in said["reason"]
    assert said["held_back"]
    assert refused(world) == {said["reason"]}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("value", [{"S": "maybe"}, {"S": "Off"}, {"BOOL": True}, {"NULL": True}])
def test_master_switch_that_is_not_understood_means_observe(
    world: World, value: dict[str, Any]
) -> None:
    world.write_setting("master_switch", value)
    before, said = sent(world)
    observed(world, before)
    assert said["reason"].startswith("the setting master_switch must be on, observe, off")
    assert said["held_back"]


WRONG_MODES = [
    (f"modes.{QUARANTINE.name}", {"S": "Enforce"}, "must be observe, approve, enforce"),
    (f"modes.{QUARANTINE.name}", {"L": [{"S": "enforce"}]}, "must be observe, approve, enforce"),
    (f"modes.{QUARANTINE.name}", {"N": "1.5"}, "must be observe, approve, enforce"),
    ("modes", {"S": "enforce"}, "is not a map"),
    ("modes", {"M": {}}, "is not there"),
]


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(("name", "value", "why"), WRONG_MODES)
def test_wrong_mode_means_observe(world: World, name: str, value: dict[str, Any], why: str) -> None:
    world.write_setting(name, value)
    before, said = sent(world)
    observed(world, before)
    assert said["reason"].startswith("the setting modes")
    assert why in said["reason"]
    assert said["held_back"]


def test_wrong_mode_of_one_playbook_stops_no_other(world: World) -> None:
    world.set(f"modes.{TAG.name}", "Enforce!")
    _, said = sent(world)
    assert said["outcome"] == "contained"
    assert not said["held_back"]
    assert refused(world) == {f"modes.{TAG.name} must be observe, approve, enforce, not 'Enforce!'"}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exemptions", {"S": "[{"}),
        ("exemptions.site.owner", {"S": " "}),
        ("exemptions.site.expires", {"S": "some day"}),
        ("exemptions.site.resource", {"S": "acme-*"}),
        ("exemptions.site", {"L": []}),
    ],
)
def test_wrong_exemption_exempts_nothing(world: World, name: str, value: dict[str, Any]) -> None:
    world.set("exemptions", exemption())
    world.write_setting(name, value)
    _, said = sent(world)
    assert said["outcome"] == "contained"
    assert len(refused(world)) == 1
    assert "exemptions" in refused(world).pop()


def test_wrong_exemption_spoils_no_other(world: World) -> None:
    world.set("exemptions", {**exemption(), "old": {"playbook": "*", "resource": "*"}})
    _, said = sent(world)
    assert said["outcome"] == "ignored"
    assert refused(world) == {"exemptions.old has no owner"}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    "value",
    [
        {"SS": ["arn:aws:s3:::other", "acme-bucket"]},
        {"SS": ["arn:aws:s3::acme-bucket"]},
        {"S": "arn:aws:s3:::acme-bucket"},
        {"L": [{"S": "arn:aws:s3:::acme-bucket"}]},
    ],
)
def test_protection_that_is_not_understood_means_observe(
    world: World, value: dict[str, Any]
) -> None:
    """Nobody knows what it protects: it may be this very target."""
    world.write_setting("protected", value)
    before, said = sent(world)
    observed(world, before)
    assert said["reason"].startswith("the setting protected")
    assert said["held_back"]


def test_protection_that_is_not_understood_silences_no_incident(world: World) -> None:
    """What only informs people changes no target."""
    world.set("protected", {"acme"})
    _, said = sent(world, "guardduty_prompt_injection_not_blocked")
    assert said["outcome"] == "escalated"


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget", {"S": "many"}),
        ("budget", {"N": "-1"}),
        ("budget", {"BOOL": True}),
        ("budgets", {"M": {QUARANTINE.name: {"N": "2.5"}}}),
        ("budgets", {"S": "{}"}),
    ],
)
def test_wrong_budget_is_no_budget(world: World, name: str, value: dict[str, Any]) -> None:
    """A threat awaits approval then, and nothing is contained without a person."""
    world.write_setting(name, value)
    before, said = sent(world)
    assert world.state == before
    assert world.holds == {}
    assert said["outcome"] == "awaiting_approval"
    assert said["reason"].startswith("the setting budget")
    assert said["held_back"]


def test_wrong_budget_needs_no_budget_to_ask(world: World) -> None:
    world.set(f"modes.{QUARANTINE.name}", "approve")
    world.set("budget", "many")
    _, said = sent(world)
    assert said["outcome"] == "awaiting_approval"


def test_entry_with_a_wrong_name_is_named(world: World) -> None:
    world.set("master_swich", "off")
    sent(world)
    assert refused(world) == {"master_swich is no setting"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (f"modes.{QUARANTINE.name}", "aprove"),
        ("master_switch", "of"),
        ("protected", {"acme"}),
        ("", None),  # no row at all
    ],
)
@pytest.mark.world("approve")
def test_what_is_not_understood_stops_what_a_person_approved(
    world: World, name: str, value: Any
) -> None:
    before, _ = sent(world)
    case = world.case()
    if name:
        world.set(name, value)
    else:
        world.account.client("dynamodb").delete_item(**world.settings_row)
    with pytest.raises(Refused):
        world.approve(case)
    world.decide(case, Verb.APPROVE)
    assert not world.proceed(case).failed
    assert world.case().status is Status.EXPIRED
    assert world.state == before
    assert "it was approved, and not carried out" in world.case().decided_why


FAILING = "securityhub_sagemaker_1"


@pytest.mark.parametrize("name", ["master_switch", ""])
def test_pass_that_comes_without_settings_is_not_lost(world: World, name: str) -> None:
    """It comes once: it waits among the dead letters until the settings are put right."""
    world.send(event(FAILING))
    assert world.case().status is Status.TAGGED
    row = world.account.client("dynamodb").get_item(**world.settings_row)["Item"]
    if name:
        world.set(name, "of")
    else:
        world.account.client("dynamodb").delete_item(**world.settings_row)
    world.account.deliver(event(f"{FAILING}_passed"))
    assert world.case().status is Status.TAGGED
    table = world.settings_row["TableName"]
    world.account.client("dynamodb").put_item(TableName=table, Item=row)
    world.account.redeliver("FailedBulkEvents")
    assert world.case().status is Status.RELEASED


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("name", "value"),
    [(f"modes.{TAG.name}", "x"), ("protected", {"acme"}), ("budget", -1), ("exemptions", "")],
)
def test_pass_needs_no_entry_but_the_master_switch(world: World, name: str, value: Any) -> None:
    world.send(event(FAILING))
    world.set(name, value)
    world.account.deliver(event(f"{FAILING}_passed"))
    assert world.case().status is Status.RELEASED


# ---- what cannot be read for the moment ----


def throttled(world: World, times: int) -> None:
    """The next reads of the table by functions are throttled, as often as this."""
    left = [times]

    def throttle(params: dict[str, Any], **_: Any) -> None:
        keys = [key["id"]["S"] for of in params["RequestItems"].values() for key in of["Keys"]]
        if left[0] > 0 and "settings" in keys:
            left[0] -= 1
            error = {"Code": "ProvisionedThroughputExceededException", "Message": "slow down"}
            raise ClientError({"Error": error}, "BatchGetItem")

    client = clients._own(HOME[1]).client("dynamodb")
    client.meta.events.register("provide-client-params.dynamodb.BatchGetItem", throttle)


@pytest.mark.parametrize("denied", [False, True])
def test_settings_that_cannot_be_read_are_read_again(world: World, denied: bool) -> None:
    """B6: the delivery fails and comes back. It is never acknowledged as observed."""
    one = event(NAME)
    world.stage(one)
    if denied:
        with world.denied(function_of(QUARANTINE), "dynamodb:BatchGetItem"):
            world.account.invoke(function_of(QUARANTINE), one)
    else:
        throttled(world, 2)
        world.account.invoke(function_of(QUARANTINE), one)
    invoked, function = world.account.journal.of(Invoked), function_of(QUARANTINE)
    (failed,) = [one for one in invoked if one.function == function]
    assert failed.error
    assert world.cases == []
    world.account.deliver(one)
    assert world.case().status is Status.CONTAINED


@pytest.mark.world("approve")
def test_settings_that_cannot_be_read_let_an_approval_be_tried_again(world: World) -> None:
    sent(world)
    case = world.case()
    world.decide(case, Verb.APPROVE)
    throttled(world, 1)
    assert world.proceed(case).failed
    assert not world.proceed(case).failed
    assert world.case().status is Status.CONTAINED


def test_protection_that_cannot_be_looked_up_means_observe(world: World) -> None:
    with world.denied(function_of(QUARANTINE), "cloudtrail:DescribeTrails", "s3:GetBucketPolicy"):
        before, said = sent(world)
        observed(world, before)
    assert said["reason"].startswith("protection cannot be looked up")


@pytest.mark.parametrize(
    "denied",
    [
        "bedrock:GetModelInvocationLoggingConfiguration",
        "cloudtrail:DescribeTrails",
        "config:DescribeDeliveryChannels",
    ],
)
def test_one_look_up_that_nobody_may_make_stops_no_containment(world: World, denied: str) -> None:
    """An account that has forbidden Bedrock, say: the bucket's own policy names no delivery."""
    with world.denied(function_of(QUARANTINE), denied):
        sent(world)
        assert world.case().status is Status.CONTAINED


MEMBER = "444455556666"


@pytest.mark.world("enforce", MemberRole="Member", ExternalId="d3adb33f")
@pytest.mark.parametrize("mode", ["enforce", "approve"])
def test_missing_member_role_is_a_fault(world: World, mode: str) -> None:
    """It is no opinion about protection: it is tried again, kept, and the role is named (B30)."""
    world.set(f"modes.{QUARANTINE.name}", mode)
    one: Event = json.loads(json.dumps(event(NAME)).replace(HOME[0], MEMBER))
    one["account"] = HOME[0]
    delivery = world.account.deliver(one)
    assert world.cases == []
    errors = [i.error for i in delivery.invocations if i.error]
    assert len(errors) == 3
    role = f"arn:aws:iam::{MEMBER}:role/cordon/Member"
    assert all(e.startswith(f"MemberRoleRefused: cannot assume {role}: ") for e in errors)
    assert len(world.account.messages("FailedInvocations")) == 1


@pytest.mark.world("observe", MemberRole="Member", ExternalId="d3adb33f")
def test_observing_needs_no_member_role(world: World) -> None:
    one: Event = json.loads(json.dumps(event(NAME)).replace(HOME[0], MEMBER))
    one["account"] = HOME[0]
    world.account.deliver(one)
    assert world.case().reason == "mode is observe"
    assert world.troubles == [t for t in world.troubles if "AssumeRole" in t]


# ---- persons decide ----


def _later(one: Event) -> Event:
    one = changed(one, "detail.updatedAt", "2026-11-24T12:30:00.000Z")
    return changed(one, "detail.service.eventLastSeen", "2026-11-24T12:30:00.000Z")


def test_released_case_awaits_approval_again(world: World) -> None:
    sent(world)
    world.release(world.case())
    before = world.state
    world.account.deliver(event(NAME))
    assert world.case().status is Status.REOPENED
    world.account.advance(timedelta(hours=1), schedules="last")
    world.account.deliver(_later(event(NAME)))
    assert world.case().status is Status.AWAITING_APPROVAL
    assert world.case().round == 2
    assert "released before by" in world.case().reason
    assert world.state == before
    world.approve(world.case())
    assert world.case().status is Status.CONTAINED
    assert world.state != before


@pytest.mark.world("", home=HOME)
def test_custom_action_while_observing_awaits_approval(world: World) -> None:
    name = "custom_action_contain_s3_8"
    before, said = sent(world, name)
    assert said["outcome"] == "awaiting_approval"
    assert world.state == before
    world.approve(world.case())
    assert world.case().status is Status.CONTAINED
