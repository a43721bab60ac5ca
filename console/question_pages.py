"""Generates docs/questions.md: what an approver reads of each playbook, in its incident's words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.expected import SUFFIX, deployed, home_of
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
INTRODUCTION = """# Questions

Made by `make playbooks`: what the incident and the message say while a case awaits approval. Of
each playbook one sample event, then an attack sequence: each playbook that can contain a part of it
has a case of its own. `cordon show CASE` has the same of a case of yours. Accounts and names are
those of the samples; the operator has named a guardrail (EnforcedGuardrail)."""


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The page as it should be."""
    plans = {
        path: json.loads(path.read_text()) for path in sorted(root.glob(f"events/*/*{SUFFIX}"))
    }
    parts = [INTRODUCTION]
    for playbook in playbooks(root):
        own = (path for path, plan in plans.items() if plan["playbook"] == playbook.name)
        in_order = sorted(own, key=lambda path: not plans[path].get("measured"))
        found = filter(None, (_questions(path, (playbook,)) for path in in_order))
        for first in next(found, ()):
            parts += [f"## {playbook.name}", first]
    sequences = [path for path, plan in plans.items() if _is_sequence(plan)]
    most = max(sequences, key=lambda path: len(plans[path].get("others", ())))
    parts += ["## An attack sequence", *_questions(most, playbooks(root))]
    yield root / "docs" / "questions.md", "\n\n".join(parts) + "\n"


def _is_sequence(plan: Mapping[str, Any]) -> bool:
    return bool(plan["playbook"]) and SEQUENCE in plan["finding"]["kind"]


def _questions(plan: Path, of: tuple[Playbook, ...]) -> list[str]:
    """The incident of each case of the event that awaits approval."""
    path = plan.with_name(plan.name.removesuffix(SUFFIX) + ".json")
    event = json.loads(path.read_text())
    home = home_of(event)
    (finding,) = read_all(event, deployed(home, Mode.APPROVE).home)
    texts = (_question(finding, playbook, event) for playbook in of if playbook.matches(finding))
    name = f"`{path.parent.name}/{path.name}`"
    return [f"{name}\n\n```\n{text}\n```" for text in texts if text]


def _question(finding: Finding, playbook: Playbook, event: Mapping[str, Any]) -> str:
    """The incident in *approve*; "" where nobody has to decide."""
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
