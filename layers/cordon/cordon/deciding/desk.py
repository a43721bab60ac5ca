"""What every decision needs: the playbooks' headers, the rows, and who somebody is."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from cordon.clients import error_code
from cordon.clock import now, to_iso
from cordon.deciding.person import IDENTITY_CENTER_PATH, NotAPerson, Person, is_actor, person_of
from cordon.deciding.request import Caller
from cordon.deployment import Deployment
from cordon.finding import Finding
from cordon.memory import parts as parts_row
from cordon.memory.cases import Case, Cases
from cordon.memory.decisions import Decision, Decisions, Witness
from cordon.memory.parts import Parts
from cordon.memory.table import Cancelled, Table
from cordon.playbook import Plan, Playbook
from cordon.policy import PolicyInput, protected_by_pattern
from cordon.settings import Settings
from cordon.sources.text import one_line
from cordon.waking import wake

CARRIED_OUT_LATER = (
    "recorded; its workflow could not be started now, and Cordon tries again in five to ten minutes"
)
RACED = "somebody decided at the same moment: look at the case, then again"


class NotDecided(Exception):
    """The desk refuses, and nothing was written. ``status`` is that of the HTTP response."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass(frozen=True)
class Response:
    """What the desk responds: the HTTP status, and a JSON object."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Desk:
    """One invocation's tools."""

    environment: Deployment  # as far as the environment says it: our own roles are not in it
    playbooks: Mapping[str, Playbook]
    table: Table
    client: Callable[[str], Any]  # of our own account and Region
    logger: Logger

    @cached_property
    def parts(self) -> Parts:
        """This stack's functions, queues and roles, read when first needed. Raises PartsUnknown."""
        return parts_row.read(self.table, self.environment)

    @cached_property
    def deployment(self) -> Deployment:
        """The deployment, with our own roles. Raises PartsUnknown; then nothing is decided."""
        return replace(self.environment, own_roles=self.parts.own_roles)

    @property
    def decisions(self) -> Decisions:
        """The rows of what people decided, which no other function may write."""
        return Decisions(self.table, self.deployment.evidence_days)

    def person(self, caller: Caller) -> Person:
        """Whom the caller counts as. Raises NotDecided (403)."""
        try:
            return person_of(
                caller.arn, caller.access_key, self.deployment, self._is_identity_center
            )
        except NotAPerson as why:
            raise NotDecided(403, str(why)) from None

    def _is_identity_center(self, role: str) -> bool:
        """Is it where only Identity Center may make roles? Ours may look up no other path.

        Source: IAM Identity Center User Guide, "Referencing permission sets in resource policies,
        Amazon EKS Cluster config maps, and AWS KMS key policies".
        """
        try:
            found = self.client("iam").get_role(RoleName=role)["Role"]
        except ClientError as error:
            if error_code(error) in ("AccessDenied", "NoSuchEntity"):
                return False
            raise
        return str(found["Path"]).startswith(IDENTITY_CENTER_PATH)

    def case(self, id: str) -> Case:
        """The case of any playbook. Raises NotDecided (404)."""
        keys = {f"case#{name}#{id}": name for name in self.playbooks}
        there = self.table.get(*keys)
        found = (self.cases(keys[key]).get(id) for key in there)
        known = next((case for case in found if case is not None), None)
        if known is None:
            raise NotDecided(404, f"there is no case {id}")
        return known

    def cases(self, playbook: str) -> Cases:
        """The rows of one playbook's cases, only to be read."""
        return Cases(self.table, playbook, self.deployment.evidence_days)

    def decided(self, playbook: str, case: str) -> Decision | None:
        """What was decided last, in whatever round."""
        return self.decisions.get([(playbook, case)]).get((playbook, case))

    def save(self, playbook: str, case: str, new: Decision, before: Decision | None) -> None:
        """Record a decision. Raises NotDecided (409) where somebody else came first."""
        try:
            self.decisions.save(playbook, case, new, before)
        except Cancelled:
            raise NotDecided(409, RACED) from None

    def wake(
        self, decision: Decision, playbook: str, case: str, function: str, request: str = ""
    ) -> bool:
        """Start the workflow that carries a decision out; False where it cannot be started now.

        The decision is recorded: whatever the error is, ``reconcile_cases`` finds it, where there
        is a case. ``request``: the id of a later request that wakes for the same decision again.
        ``function``: where this stack has none for the playbook. A playbook that was removed and
        is deployed again has another function than its rows name.
        """
        request = request or (decision.witnesses[-1].request if decision.witnesses else "")
        unique = hashlib.sha256(f"{request} {decision.at}".encode()).hexdigest()[:16]
        name = f"{case}-{decision.round}-{decision.verb}-{unique}"
        arn = self.parts.functions.get(playbook, function)
        states = self.client("stepfunctions")
        try:
            wake(
                states,
                self.deployment.workflow,
                name,
                case=case,
                playbook=playbook,
                function=arn,
            )
        except (ClientError, BotoCoreError) as error:
            why = one_line(f"{type(error).__name__}: {error}", 500)
            self.logger.error("workflow not started", extra={"case": case, "reason": why})
            return False
        return True


def witness(caller: Caller, person: str) -> Witness:
    """The request as AWS names it, counted for this person (id)."""
    return Witness(
        by=caller.arn,
        person=person,
        at=to_iso(now()),
        request=caller.request,
        api=caller.api,
        invocation=caller.invocation,
        access_key=caller.access_key,
        source_ip=caller.source_ip,
    )


def not_the_actor(person: Person, finding: Finding) -> None:
    """Raises NotDecided (403) where the finding says that the person's own principal did it."""
    if is_actor(person, finding):
        raise NotDecided(
            403, "the finding names your own user or role as the actor: somebody else must decide"
        )


def facts_today(
    finding: Finding, plan: Plan, playbook: Playbook, settings: Settings, deployment: Deployment
) -> PolicyInput:
    """What today's settings say of a plan.

    Protection is looked at by patterns only. What the resource's own account protects is looked up
    by the playbook, which checks all of it again before anything changes.
    """
    why = {arn: protected_by_pattern([arn], settings, deployment) for arn in plan.resources}
    return PolicyInput(
        finding=finding,
        playbook=playbook,
        plan=plan,
        settings=settings,
        deployment=deployment,
        now=now(),
        protected={arn: reason for arn, reason in why.items() if reason},
    )
