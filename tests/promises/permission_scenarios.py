"""The roads on which the functions make every call they can: contained, released, interrupted …

``tests/promises/test_permissions.py`` holds what is used on them against what the roles allow.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from moto.iam.models import AWSManagedPolicy, iam_backends

from console.expected import HANDLED
from console.staging import stage
from cordon import clock, protection
from cordon.actions import Action, NotYet, from_json
from cordon.actions.iam import RevokeRoleSessions
from cordon.actions.s3 import BlockPublicAccess
from cordon.actions.sagemaker import TagSageMaker
from cordon.finding import Place
from cordon.statuses import CLOSED, Status
from embedded.iam_guard import SandboxDied
from embedded.journal import Called
from tests.actions.scenario_iam import DENY_ALL, policy_of
from tests.examples import (
    ESCALATE,
    HEADERS,
    QUARANTINE,
    REVOKE,
    TAG,
    event,
    folder_of,
    function_of,
    plan_beside,
    samples,
    shape,
)
from tests.promises.permission_scenarios_agents import AGENT_ROADS, PAUSE
from tests.promises.permission_scenarios_desk import DESK_ROADS
from tests.promises.permission_scenarios_guardrail import FOLDER, GUARDRAIL_ROADS, NAMED
from tests.promises.permission_scenarios_jobs import JOB_ROADS, JOBS
from tests.promises.permission_scenarios_notebooks import CORRECTED, STOP, alone, stopped_in_time
from tests.promises.permission_scenarios_objects import OBJECT_ROADS, OBJECTS
from tests.promises.permission_scenarios_people import (
    DIGEST_KEY,
    DIGEST_ROADS,
    RECONCILER_ROADS,
    REPORTER_ROADS,
)
from tests.promises.permission_scenarios_rules import RULE_ROADS, RULES
from tests.promises.permission_scenarios_sweep import SWEEP_ROADS
from tests.promises.test_holds_on_one_bucket import bucket_of
from tests.promises.world import HOME, PLAYBOOKS, ROOT, Event, World, chosen, finding_of

RESTORE = HEADERS[folder_of("cloudtrail_key_disabled")]
Road = Callable[[World], None]
MEMBER = "444455556666"
ENDED = (Status.CONTAINED, Status.TAGGED, Status.ESCALATED)
MEMBERS = {"MemberRole": "Member", "ExternalId": "d3adb33f"}  # as the stack is deployed
DEPLOYED = {**MEMBERS, **NAMED, **RULES, "DigestKey": DIGEST_KEY}


def sample(name: str) -> Road:
    """A sample is contained and released."""

    def go(world: World) -> None:
        world.send(event(name))
        world.release(world.case())

    return go


def recorded(name: str) -> Road:
    """A sample that needs nobody: it is kept."""

    def go(world: World) -> None:
        world.send(event(name))

    return go


def died(name: str) -> Road:
    """A sandbox died, so that the next comes upon what it had written."""

    def go(world: World) -> None:
        world.stage(event(name))
        deaths = [SandboxDied()]

        def die(call: Called) -> None:
            if deaths and world.writes_evidence(call):
                raise deaths.pop()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.account.guard, "after_call", [])
            world.account.after_call(die)
            world.account.deliver(event(name))
        assert not deaths
        assert world.case().status in ENDED

    return go


def approved(name: str) -> Road:
    """A sample is approved."""

    def go(world: World) -> None:
        world.set(f"modes.{folder_of(name)}", "approve")
        world.send(event(name))
        world.approve(world.case())
        assert world.case().status in ENDED

    return go


def release_by_custom_action(contains: str, releases: str) -> Road:
    """A reviewer releases in Security Hub."""

    def go(world: World) -> None:
        world.send(event(contains))
        world.account.deliver(event(releases))
        assert world.in_time(world.case()).status is Status.REOPENED

    return go


def release_on_our_finding(world: World) -> None:
    """A reviewer releases on our own finding of the case."""
    world.send(event("guardduty_root_credential_usage"))
    world.account.deliver(chosen("CordonRelease", world.finding(world.case())))
    assert world.case().status is Status.RELEASED


def needs_time(name: str, action: type[Action]) -> Road:
    """The service needs minutes until a change can be verified: a workflow waits for it."""

    def go(world: World) -> None:
        until, verify = world.account.now + timedelta(minutes=9), action.verify

        def not_yet(self: Action, *given: Any) -> None:
            if clock.now() < until:
                raise NotYet(until, "it is being changed")
            verify(self, *given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(action, "verify", not_yet)
            world.send(event(name))
        assert world.case().status in ENDED

    return go


def incident_resolved(name: str) -> Road:
    """What is found is protected, so for a person: they do it, and resolve the incident."""

    def go(world: World) -> None:
        one = event(name)
        resources = finding_of(one).resources
        arns = {r.arn for r in resources if r.arn} | {
            r.place.arn("iam", f"{kind}/{r.name}", region="")
            for r in resources
            for kind in ("role", "user")
            if r.type == f"AWS::IAM::{kind.capitalize()}"
        }
        world.set("protected", arns)
        world.send(one)
        assert world.case().status is Status.ESCALATED
        number = world.reported(world.case()).ops_item
        if not number:
            raise AssertionError("no incident")
        world.account.client("ssm").update_ops_item(OpsItemId=number, Status="Resolved")
        world.account.advance(timedelta(minutes=11))
        assert world.case().status is Status.RELEASED

    return go


def without_policy(world: World) -> None:
    """The bucket has no policy: releasing deletes ours."""
    one = event("guardduty_exfiltration_malicious_ip")
    world.stage(one)
    world.account.client("s3").delete_bucket_policy(Bucket=bucket_of(one))
    world.account.deliver(one)
    world.release(world.case())


def filled(name: str) -> Road:
    """The principal has no room for one more inline policy."""

    def go(world: World) -> None:
        one = event(name)
        world.stage(one)
        know_deny_all(world)
        kind, quota = ("Role", 10_240) if "privilege" in name else ("User", 2_048)
        who = {f"{kind}Name": finding_of(one).resources_of(f"AWS::IAM::{kind}")[0].name}
        put = getattr(world.account.client("iam"), f"put_{kind.lower()}_policy")
        put(**who, PolicyName="own", PolicyDocument=policy_of(quota - 100))
        before = world.state
        world.account.deliver(one)
        assert DENY_ALL in json.dumps(world.state)
        assert world.release(world.case()).status is Status.REOPENED
        assert world.state == before

    return go


def know_deny_all(world: World) -> None:
    """moto does not load AWS managed policies of itself."""
    place = world.account.place
    denied = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    data = {
        "Document": {"Version": "2012-10-17", "Statement": [denied]},
        "DefaultVersionId": "v1",
        "Path": "/",
        "CreateDate": "2019-05-01T22:36:14+00:00",
        "UpdateDate": "2019-05-01T22:36:14+00:00",
    }
    made = AWSManagedPolicy.from_data("AWSDenyAll", place.account, place.region, data)
    iam_backends[place.account][place.partition].managed_policies[DENY_ALL] = made


def elsewhere(name: str) -> Road:
    """The finding is of a member account: our role there is assumed."""

    def go(world: World) -> None:
        one = event(name)
        home = Place(account=HOME[0], region=HOME[1], partition=HOME[2])
        text = json.dumps(one["detail"]).replace(home.account, MEMBER)
        one["detail"] = json.loads(text)
        if finding_of(one).place.account != MEMBER:  # the envelope says it, and forwarding keeps it
            one["account"] = MEMBER
        _let_in(world)
        stage(finding_of(one), world.account.client, home=home)
        world.account.deliver(one)
        case = world.case()
        assert case.finding.place.account == MEMBER
        assert case.status in ENDED
        assert world.release(case).status in CLOSED
        assert {c.principal.split(":")[4] for c in world.account.journal.of(Called)} > {MEMBER}

    return go


def _let_in(world: World) -> None:
    """What the operator makes in a member account: the role, and the policies of docs/members."""
    for file in sorted((ROOT / "docs" / "members").glob("*.json")):
        policy = {"PolicyName": file.stem, "Path": "/cordon/", "PolicyDocument": file.read_text()}
        world.account.client("iam", account=MEMBER).create_policy(**policy)
    trusted = {"AWS": f"arn:aws:iam::{HOME[0]}:root"}
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    known = {"StringEquals": {"sts:ExternalId": MEMBERS["ExternalId"]}}
    trust = {"Effect": "Allow", "Principal": trusted, "Action": actions, "Condition": known}
    may = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    trusting, allowed = (
        json.dumps({"Version": "2012-10-17", "Statement": [one]}) for one in (trust, may)
    )
    iam, name = world.account.client("iam", account=MEMBER), MEMBERS["MemberRole"]
    iam.create_role(RoleName=name, Path="/cordon/", AssumeRolePolicyDocument=trusting)
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=allowed)


def takes_no_tags(world: World) -> None:
    """The resource takes no tags: an incident is opened instead."""
    text = json.dumps(event("securityhub_bedrockagentcore_5"))
    one: Event = json.loads(text.replace("browser-custom/", "browser/"))
    world.send(one)
    assert world.case().status is Status.ESCALATED
    world.release(world.case())


def set_up(world: World) -> None:
    """The stack is new; then a deployment brings a playbook of which the settings know nothing."""
    world.account.client("dynamodb").delete_item(**world.settings_row)
    world.account.custom_resource("Settings", "Create")
    modes = {**world.settings["modes"], "a_new_one": "observe"}
    world.account.custom_resource("Settings", "Update", properties={"Modes": modes})
    assert world.settings["modes"] == modes


def looked_after(world: World) -> None:
    """An update takes the table's protection away; the stack is deleted, and made anew."""
    table = world.account.stack.outputs["CasesTableName"]
    dynamodb = world.account.client("dynamodb")
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    world.account.set_stack_status("UPDATE_COMPLETE")
    world.account.settle()
    world.account.custom_resource("Settings", "Delete")
    world.account.custom_resource("Settings", "Create")
    assert dynamodb.describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"]


def not_looked_up(name: str) -> Road:
    """The account allows nobody to look up where logs go: the bucket's own policy is read."""

    def go(world: World) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(protection, "_receivers", lambda *_: None)
            world.send(event(name))
        assert world.case().status in ENDED

    return go


def of_samples(playbook: str) -> tuple[Road, ...]:
    """The roads of a playbook that needs no others, the first one interrupted.

    One sample of each shape: a sample that uses what these do not fails in ``test_samples``.
    """
    plans = {name: plan_beside(name) for name in samples(playbook)}
    alone = {name: plan for name, plan in plans.items() if not plan.get("others")}
    handled = [name for name, plan in alone.items() if plan["outcome"] in HANDLED]
    of_each_shape = {shape(name): name for name in reversed(handled)}.values()
    first = handled[0]
    roads = [*(sample(name) for name in of_each_shape), died(first), incident_resolved(first)]
    made = [from_json(one) for one in plans[first]["plan"]["actions"]]
    if made:
        more = (approved(first), elsewhere(first), needs_time(first, type(made[0])))
        roads += more
    if any(protection.BUCKET in action.resource for action in made):
        roads.append(not_looked_up(first))
    return tuple(roads)


ROADS: dict[str, tuple[Road, ...]] = {
    function_of(QUARANTINE): (
        sample("guardduty_public_access"),
        sample("guardduty_ransomware_delete"),
        sample("macie_replicated_externally"),
        without_policy,
        approved("config_bucket_level_block"),
        release_by_custom_action("ocsf_s3_8", "custom_action_release_s3_8"),
        elsewhere("securityhub_s3_2"),
        died("guardduty_public_access"),
        needs_time("guardduty_public_access", BlockPublicAccess),
        incident_resolved("guardduty_public_access"),
    ),
    function_of(REVOKE): (
        sample("guardduty_privilege_escalation"),
        sample("guardduty_compromised_credentials"),
        filled("guardduty_privilege_escalation"),
        filled("guardduty_compromised_credentials"),
        approved("guardduty_persistence"),
        release_by_custom_action(
            "guardduty_privilege_escalation",
            "custom_action_release_privilege_escalation",
        ),
        elsewhere("securityhub_guardduty_resource_credentials"),
        died("guardduty_persistence"),
        needs_time("guardduty_privilege_escalation", RevokeRoleSessions),
        incident_resolved("guardduty_privilege_escalation"),
    ),
    function_of(TAG): (
        sample("securityhub_sagemaker_1"),
        sample("securityhub_bedrock_1"),
        sample("securityhub_bedrockagentcore_1"),
        sample("config_bedrock_inference_profile_elsewhere"),
        takes_no_tags,
        approved("securityhub_sagemaker_2"),
        release_by_custom_action(
            "securityhub_sagemaker_2",
            "custom_action_release_sagemaker_2",
        ),
        elsewhere("securityhub_sagemaker_1"),
        died("securityhub_sagemaker_1"),
        needs_time("securityhub_sagemaker_1", TagSageMaker),
        incident_resolved("securityhub_sagemaker_1"),
    ),
    function_of(ESCALATE): (
        sample("guardduty_root_credential_usage"),
        sample("securityhub_iam_6"),
        recorded("securityhub_macie_1"),
        release_on_our_finding,
        died("guardduty_root_credential_usage"),
        incident_resolved("guardduty_root_credential_usage"),
    ),
    PLAYBOOKS[FOLDER]: GUARDRAIL_ROADS,
    function_of(PAUSE): (
        *of_samples(PAUSE.name),
        sample("cloudtrail_gateway_updated"),
        sample("cloudtrail_memory_shared"),
        *AGENT_ROADS,
    ),
    function_of(RESTORE): (
        *of_samples(RESTORE.name),
        sample("cloudtrail_key_disabled"),
        sample("cloudtrail_invocation_logging_deleted"),
        approved("cloudtrail_enforced_guardrail_replaced"),
    ),
    function_of(STOP): (
        *of_samples(STOP.name),
        stopped_in_time,
        *(alone(road(CORRECTED)) for road in (died, approved, elsewhere)),
    ),
    "AssessResources": RULE_ROADS,
    "Setup": (set_up, looked_after),
    "DecideCases": DESK_ROADS,
    "ReportCases": REPORTER_ROADS,
    "ReconcileCases": RECONCILER_ROADS,
    "DigestEvidence": DIGEST_ROADS,
    "SweepFindings": SWEEP_ROADS,
}
ROADS |= {logical: of_samples(name) for name, logical in PLAYBOOKS.items() if logical not in ROADS}
ROADS[OBJECTS] += OBJECT_ROADS
ROADS[JOBS] += JOB_ROADS
