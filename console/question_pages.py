"""What an approver reads: of each playbook for its page, and of an attack sequence for its own."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.expected import deployed, home_of
from console.plan_files import SUFFIX
from console.playbooks import playbooks
from cordon.finding import Finding
from cordon.memory.cases import Case
from cordon.playbook import Playbook
from cordon.policy import PolicyInput, Verdict, decide
from cordon.reporting.incident import body, title
from cordon.settings import Mode, Settings
from cordon.sources import read_all
from cordon.statuses import Status

GUARDRAIL = "abc123def456:1"  # as an operator would name one, so that it is in a question
SEQUENCE = "AttackSequence:"  # in the kind of each of GuardDuty's attack sequences
INTRODUCTION = """# An attack sequence

Made by `make playbooks`. GuardDuty joins several signals, actors and resources in one Critical
finding. Each playbook that can contain a part of it has a case of its own, and in *approve* a
question of its own: these are the questions of one sample event. What nobody contains is one more
incident. [What is handled](operating/scope.md#what-is-heard) says more."""


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The page of an attack sequence as it should be."""
    sequences = {path: plan for path, plan in plans(root).items() if _is_sequence(plan)}
    most = max(sequences, key=lambda path: len(sequences[path].get("others", ())))
    parts = [INTRODUCTION, f"`{event_of(most).relative_to(root)}`"]
    for playbook in playbooks(root):
        if text := question(event_of(most), playbook):
            parts += [f"## {playbook.name}", f"```\n{text}\n```"]
    yield root / "docs" / "attack-sequence.md", "\n\n".join(parts) + "\n"


def plans(root: Path) -> Mapping[Path, Mapping[str, Any]]:
    """Every plan beside a sample event, by its path."""
    found = sorted(root.glob(f"events/*/*{SUFFIX}"))
    return {path: json.loads(path.read_text()) for path in found}


def event_of(plan: Path) -> Path:
    """The event that a plan is beside."""
    return plan.with_name(plan.name.removesuffix(SUFFIX) + ".json")


def _is_sequence(plan: Mapping[str, Any]) -> bool:
    return bool(plan["playbook"]) and SEQUENCE in plan["finding"]["kind"]


def question(event: Path, playbook: Playbook) -> str:
    """The incident in *approve*; "" where nobody has to decide."""
    raw = json.loads(event.read_text())
    (finding,) = read_all(raw, deployed(home_of(raw), Mode.APPROVE).home)
    return _question(finding, playbook, raw) if playbook.matches(finding) else ""


def _question(finding: Finding, playbook: Playbook, event: Mapping[str, Any]) -> str:
    stack = deployed(home_of(event), Mode.APPROVE)
    deployment = replace(stack.deployments[playbook.name], enforced_guardrail=GUARDRAIL)
    plan = playbook.plan_for(finding, deployment)
    settings = Settings(modes={playbook.name: Mode.APPROVE}, baseline=deployment.baseline)
    at = finding.last_seen
    decision = decide(PolicyInput(finding, playbook, plan, settings, deployment, at))
    if decision.verdict is not Verdict.ASK:
        return ""
    case = Case(
        id=playbook.case_id(finding),
        playbook=playbook.name,
        finding=finding,
        plan=plan,
        plan_hash=plan.hash,
        status=Status.AWAITING_APPROVAL,
        mode=Mode.APPROVE,
        verdict=decision.verdict,
        reason=decision.reason,
        opened_at=at,
        last_activity=at,
    )
    return f"{title(case)}\n\n{body(case, playbook, deployment)}"
