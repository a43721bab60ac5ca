"""What an event must lead to: its playbook and its plan, from the pure half of Cordon alone.

An expectation is beside its event as ``<event>.plan.json``:
``{"finding", "playbook", "outcome", "reason", "plan"}``: first what is read of the event, then
where it leads. ``"dead_letters"`` is of an event that no parser reads and a rule delivers: each
function that gets it, with the queue that keeps it. Two members are written manually: ``"after"``
names events of the same folder that come first (a control must have failed before it can pass), and
``"measured": true`` is beside the event that bench measures its playbook with. The outcome there is
that of a playbook in *enforce*; ``in_mode`` says how the same event ends in another mode.

The template's rules come first: what none of them delivers reaches no playbook.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import botocore.session

from console.account import ROOT, cordon_stack
from console.as_read import as_read
from console.logical_names import calls_parameter, mode_parameter
from console.plan_files import expectation_path as expectation_path
from console.playbooks import playbooks
from console.staging.baseline import LOG_ROLE, baseline_of
from cordon.deployment import Deployment
from cordon.finding import Finding, Malformed
from cordon.finding import Place as PlaceOfFinding
from cordon.gate import not_ours, passes
from cordon.playbook import Plan, Playbook
from cordon.policy import PolicyInput, Verdict, decide, may_release
from cordon.settings import Mode, Settings
from cordon.sources import read_all
from cordon.sources.custom_action import RELEASE_ACTION
from embedded.deploy import functions_of
from embedded.place import Place
from embedded.routes import Routes

KEPT = ("after", "measured")
DESK = "DecideCases"  # the function of what people decide, by its logical id


@cache
def _partitions() -> Mapping[str, str]:
    """The partition of every Region that botocore knows."""
    loader = botocore.session.Session().get_component("data_loader")
    listed = loader.load_data("partitions")["partitions"]
    return {
        region: str(one["id"])
        for one in listed
        for region in one["regions"]
        if not region.endswith("-global")
    }


def partition_of(region: str) -> str:
    """The partition of a Region; "" where there is no such Region."""
    return _partitions().get(region, "")


def home_of(event: Mapping[str, Any]) -> Place:
    """Where the stack that gets this event is deployed: the envelope's account and Region."""
    account, region = str(event["account"]), str(event["region"])
    return Place(account, region, partition_of(region))


def break_glass_role(home: Place) -> str:
    """The role that replay's deployment never locks out."""
    return home.arn("iam", "role/BreakGlass", region="")


@dataclass(frozen=True)
class Deployed:
    """A stack as it is deployed for replay: what each function is, and what reaches it."""

    deployments: Mapping[str, Deployment]  # by playbook
    playbooks: Mapping[str, str]  # by logical id of the function
    routes: Routes
    settings: Settings  # but for the baseline

    def reached_by(self, function: str) -> frozenset[str]:
        """The playbooks that get what a rule brings to a function (its logical id).

        The desk invokes every playbook that handles the finding that a reviewer chose.
        """
        if function in self.playbooks:
            return frozenset({self.playbooks[function]})
        return frozenset(self.playbooks.values() if function == DESK else ())

    @property
    def home(self) -> Deployment:
        """What is the same for every playbook: the account, the Region, whom it serves."""
        return next(iter(self.deployments.values()))


def parameters(mode: Mode, home: Place) -> dict[str, str]:
    """What an operator would give: a mode, all that may be heard, who is never locked out."""
    modes = {mode_parameter(playbook.name): str(mode) for playbook in playbooks(ROOT)}
    calls = {calls_parameter(one.name): "true" for one in playbooks(ROOT) if one.optional}
    given = {"BreakGlassRoles": break_glass_role(home), "InvocationLogRole": LOG_ROLE}
    return modes | calls | given


@lru_cache(maxsize=32)
def deployed(home: Place, mode: Mode) -> Deployed:
    """The stack that gets the events of a place, as the template gives it, with a baseline."""
    stack = cordon_stack(home, parameters(mode, home))
    known = {playbook.name for playbook in playbooks(ROOT)}
    functions = {one: function.environment for one, function in functions_of(stack).items()}
    given = {
        logical: {"AWS_REGION": home.region, **environment}
        for logical, environment in functions.items()
        if environment.get("POWERTOOLS_SERVICE_NAME") in known
    }
    names = {logical: env["POWERTOOLS_SERVICE_NAME"] for logical, env in given.items()}
    taken = baseline_of(PlaceOfFinding(home.partition, home.account, home.region))
    made = {
        names[one]: replace(Deployment.from_environment(env), baseline=taken)
        for one, env in given.items()
    }
    return Deployed(made, names, Routes(stack), Settings(modes=dict.fromkeys(known, mode)))


def expectation(path: Path) -> dict[str, Any]:
    """The expectation of an event file, made anew; with what is ``kept``."""
    (made,) = lead_to(json.loads(path.read_text()))
    return made.to_json() | kept(path)


def kept(path: Path) -> dict[str, Any]:
    """What a person wrote into the expectation beside an event."""
    before = beside(path) or {}
    return {name: before[name] for name in KEPT if name in before}


def beside(path: Path) -> dict[str, Any] | None:
    """The expectation in the file beside an event; None where there is no such file."""
    there = expectation_path(path)
    return json.loads(there.read_text()) if there.exists() else None


def write(path: Path, expected: Mapping[str, Any]) -> bool:
    """Put an expectation beside its event. Returns whether it is another than before."""
    beside, text = expectation_path(path), json.dumps(expected, indent=2, ensure_ascii=False) + "\n"
    is_new = not beside.exists() or beside.read_bytes() != text.encode()
    beside.write_text(text)
    return is_new


@dataclass(frozen=True)
class Expectation:
    """Where an event leads. ``outcome``: a status, or one of the words below."""

    outcome: str
    reason: str
    playbook: str | None = None
    plan: Mapping[str, Any] = field(default_factory=lambda: {"actions": [], "manual_step": ""})
    rules: tuple[str, ...] = ()  # those that deliver it, by logical id
    finding: Mapping[str, Any] | None = None  # as it is read; None where no parser reads it
    others: tuple["Expectation", ...] = ()  # of the other playbooks: an attack sequence has several
    dead_letters: Mapping[str, str] = field(default_factory=dict)  # the queue, by function

    def to_json(self) -> dict[str, Any]:
        """As it is beside an event."""
        return {
            "finding": dict(self.finding) if self.finding else None,
            "playbook": self.playbook,
            "outcome": self.outcome,
            "reason": self.reason,
            "plan": dict(self.plan),
            **({"others": [one.to_json() for one in self.others]} if self.others else {}),
            **({"dead_letters": dict(self.dead_letters)} if self.dead_letters else {}),
        }


IGNORED = "ignored"  # no playbook handles it
UNREADABLE = "unreadable"  # no parser reads it
UNREAD = "cannot be read: "  # and then why
NOT_DELIVERED = "not_delivered"  # a playbook would handle it, but no rule brings it there
UNCHANGED = "unchanged"  # there is nothing to do for its case
HANDLED = ("contained", "tagged", "escalated")
UNHANDLED = (IGNORED, UNREADABLE, NOT_DELIVERED, UNCHANGED)
CHOSEN = "Security Hub Findings - Custom Action"  # the detail-type
# How what ends so in enforce ends in another mode. A question stays until somebody approves.
OTHER_MODES: Mapping[Mode, Mapping[str, str]] = {
    Mode.OBSERVE: {
        "contained": "observed",
        "tagged": "observed",
        "escalated": "observed",
        "awaiting_approval": "observed",
        "releasing": UNCHANGED,
    },
    Mode.APPROVE: {
        "contained": "awaiting_approval",
        "tagged": "awaiting_approval",
        "releasing": UNCHANGED,
    },
}


def lead_to(
    event: Mapping[str, Any], mode: Mode = Mode.ENFORCE, stack: Deployed | None = None
) -> list[Expectation]:
    """Where each finding of an event leads, and there is no case yet.

    ``stack``: one that is deployed, with its settings; else that of replay, with every playbook in
    this mode.
    """
    stack = stack or deployed(home_of(event), mode)
    routes = stack.routes.of(event)
    rules = tuple(routes)
    try:
        findings = read_all(event, stack.home)
    except Malformed as malformed:
        return [_unreadable(str(malformed), event, stack)]
    if len(findings) > 1 and event["detail-type"] != CHOSEN:  # the functions take them singly
        several = f"detail.findings: has {len(findings)} findings, expected one"
        return [_unreadable(several, event, stack)]
    delivered = {
        name for reached in routes.values() for one in reached for name in stack.reached_by(one)
    }
    return [
        replace(_of_finding(finding, stack, delivered), rules=rules, finding=as_read(finding))
        for finding in findings
    ]


def _unreadable(why: str, event: Mapping[str, Any], stack: Deployed) -> Expectation:
    """Every function that gets it fails, and a dead-letter queue keeps it."""
    routes = stack.routes
    kept_in = routes.dead_letters_of(event)
    return Expectation(
        UNREADABLE, UNREAD + why, rules=tuple(routes.of(event)), dead_letters=kept_in
    )


def _of_finding(finding: Finding, stack: Deployed, delivered: set[str]) -> Expectation:
    reasons, made = [], []
    for playbook, facts in _policy_inputs(finding, stack):
        outcome, reason = _outcome(playbook, facts)
        if outcome == IGNORED:
            reasons.append(f"{playbook.name}: {reason}")
        elif playbook.name in delivered:
            if finding.matches(*playbook.optional):
                reason += f"; heard only where {calls_parameter(playbook.name)} is true"
            made.append(Expectation(outcome, reason, playbook.name, facts.plan.to_json()))
        else:
            reason = f"not delivered by any rule to {playbook.name}, which would handle it"
            return Expectation(NOT_DELIVERED, reason)
    if made:
        first, *others = made
        return replace(first, others=tuple(others))
    gates = (not_ours(finding, playbook, stack.home) for playbook in playbooks(ROOT))
    stopped = next(filter(None, gates), "")
    return Expectation(IGNORED, "; ".join(reasons) or stopped or _unhandled(finding))


def _unhandled(finding: Finding) -> str:
    """Who handles the kind, and nothing in this one; else that nobody handles the kind."""
    heard = [one for one in playbooks(ROOT) if one.hears(finding) and not one.takes_over]
    said = "; ".join(playbook.unhandled(finding) for playbook in heard)
    return said or f"no playbook handles {finding.kind}"


def in_mode(outcome: str, event: Mapping[str, Any], mode: Mode, *, approved: bool = False) -> str:
    """How an event ends in a mode that ends so in enforce.

    ``approved``: the questions of the events before it were approved.
    """
    ended = OTHER_MODES.get(mode, {}).get(outcome, outcome)
    if ended == "observed" and outcome != "escalated" and event["detail-type"] == CHOSEN:
        return "awaiting_approval"  # a person may choose it in every mode
    if ended == UNCHANGED and approved and mode is Mode.APPROVE:
        return outcome  # what was contained before is released
    return ended


def _policy_inputs(finding: Finding, stack: Deployed) -> Iterator[tuple[Playbook, PolicyInput]]:
    """The playbooks whose exact gate the finding passes, each with the decision's inputs."""
    for playbook in playbooks(ROOT):
        deployment = stack.deployments[playbook.name]
        if playbook.matches(finding):
            stopped = not_ours(finding, playbook, deployment)  # as in ``respond``: no plan is made
            plan = Plan(()) if stopped else playbook.plan_for(finding, deployment)
            settings = replace(stack.settings, baseline=deployment.baseline)
            now = finding.last_seen + timedelta(minutes=5)
            yield playbook, PolicyInput(finding, playbook, plan, settings, deployment, now)


def _outcome(playbook: Playbook, policy_input: PolicyInput) -> tuple[str, str]:
    """How it ends where every change is verified; the order is that of ``respond``."""
    finding = policy_input.finding
    if finding.custom_action == RELEASE_ACTION:
        return "releasing", "custom action CordonRelease in Security Hub"
    if reason := not_ours(finding, playbook, policy_input.deployment):
        return IGNORED, reason
    if passes(finding, playbook):
        decision = may_release(policy_input)
        released = decision.verdict is Verdict.RELEASE
        return ("released" if released else IGNORED), decision.reason
    decision = decide(policy_input)
    contains = any(action.contains for action in policy_input.plan.actions)
    ended = {
        Verdict.CONTAIN: "contained" if contains else "tagged",
        Verdict.ASK: "awaiting_approval",
        Verdict.ESCALATE: "escalated",
        Verdict.OBSERVE: "observed",
    }
    return ended.get(decision.verdict, IGNORED), decision.reason
