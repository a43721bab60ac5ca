"""What an event must lead to: its playbook and its plan, from the pure half of Cordon alone.

An expectation is beside its event as ``<event>.plan.json``:
``{"playbook", "outcome", "reason", "plan"}``, and ``"after"``, written manually, names events of
the same folder that come first (a control must have failed before it can pass). The outcome is
that of a playbook in *enforce*.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from console.account import ROOT, cordon_stack
from console.playbooks import playbooks
from cordon.finding import Finding, Malformed
from cordon.playbook import Playbook
from cordon.policy import (
    RELEASE_ACTION,
    PolicyInput,
    Verdict,
    decide,
    may_release,
    not_ours,
    passes,
)
from cordon.settings import Deployment, Mode, Settings
from cordon.sources import read
from embedded.deploy import functions_of
from embedded.place import Place

SUFFIX = ".plan.json"


def partition_of(region: str) -> str:
    """The partition of a Region by its name (botocore's endpoint data says the same)."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
    return next((p for prefix, p in prefixes.items() if region.startswith(prefix)), "aws")


def home_of(event: Mapping[str, Any]) -> Place:
    """Where the stack that gets this event is deployed: the envelope's account and Region."""
    account, region = str(event["account"]), str(event["region"])
    return Place(account, region, partition_of(region))


def break_glass_role(home: Place) -> str:
    """The role that replay's deployment never locks out."""
    return home.arn("iam", "role/BreakGlass", region="")


@cache
def deployments(place: Place) -> Mapping[str, Deployment]:
    """The deployment of each playbook, as the template's function environment gives it."""
    parameters = {"BreakGlassRoles": break_glass_role(place)}
    stack = cordon_stack(place, parameters)
    functions = functions_of(stack).values()
    given = [{"AWS_REGION": place.region, **function.environment} for function in functions]
    return {env["POWERTOOLS_SERVICE_NAME"]: Deployment.from_environment(env) for env in given}


def expectation_path(event: Path) -> Path:
    """Where the expectation of an event is."""
    return event.with_name(event.name.removesuffix(".json") + SUFFIX)


def expectation(path: Path) -> dict[str, Any]:
    """The expectation of an event file, made anew; ``after`` is kept from the one that is there."""
    event = json.loads(path.read_text())
    made = _expected(event)
    there = expectation_path(path)
    before = json.loads(there.read_text()) if there.exists() else {}
    return made | ({"after": before["after"]} if "after" in before else {})


def write(path: Path, expected: Mapping[str, Any]) -> None:
    """Put an expectation beside its event."""
    expectation_path(path).write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n")


def _expected(event: Mapping[str, Any]) -> dict[str, Any]:
    home = home_of(event)
    deployment = next(iter(deployments(home).values()))
    try:
        finding = read(event, deployment)
    except Malformed as malformed:
        return _nobody(f"cannot be read: {malformed}")
    reasons: list[str] = []
    for playbook, facts in policy_inputs(finding, home):
        outcome, reason = _outcome(playbook, facts)
        if outcome != "ignored":
            plan = facts.plan.to_json()
            return {"playbook": playbook.name, "outcome": outcome, "reason": reason, "plan": plan}
        reasons.append(f"{playbook.name}: {reason}")
    gates = (not_ours(finding, playbook, deployment) for playbook in playbooks(ROOT))
    unhandled = next(filter(None, gates), f"no playbook handles {finding.kind}")
    return _nobody("; ".join(reasons) or unhandled)


def _nobody(reason: str) -> dict[str, Any]:
    return {
        "playbook": None,
        "outcome": "ignored",
        "reason": reason,
        "plan": {"actions": [], "manual_step": ""},
    }


def policy_inputs(finding: Finding, home: Place) -> Iterator[tuple[Playbook, PolicyInput]]:
    """The playbooks whose exact gate the finding passes, each with the decision's inputs."""
    for playbook in playbooks(ROOT):
        deployment = deployments(home)[playbook.name]
        if playbook.matches(finding):
            plan = playbook.plan_for(finding, deployment)
            settings = Settings(modes={playbook.name: Mode.ENFORCE})
            now = finding.last_seen + timedelta(minutes=5)
            yield playbook, PolicyInput(finding, playbook, plan, settings, deployment, now)


def _outcome(playbook: Playbook, policy_input: PolicyInput) -> tuple[str, str]:
    """How it ends where every change is verified; the order is that of ``respond``."""
    finding = policy_input.finding
    if finding.custom_action == RELEASE_ACTION:
        return "releasing", "custom action CordonRelease in Security Hub"
    if reason := not_ours(finding, playbook, policy_input.deployment):
        return "ignored", reason
    if passes(finding, playbook):
        decision = may_release(policy_input)
        released = decision.verdict is Verdict.RELEASE
        return ("released" if released else "ignored"), decision.reason
    decision = decide(policy_input)
    if decision.verdict is Verdict.ESCALATE:
        return "escalated", decision.reason
    if decision.verdict is not Verdict.CONTAIN:
        return "ignored", decision.reason
    contains = any(action.contains for action in policy_input.plan.actions)
    return ("contained" if contains else "tagged"), decision.reason
