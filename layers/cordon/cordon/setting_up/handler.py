"""The handler of ``setup``: CloudFormation's requests, and from then on a look every hour.

For ``Settings``, Create claims the place and writes the settings row, Update adds to it, Delete
stops this stack, takes its claim and its custom actions away, and leaves all else. For ``Parts``,
Create and Update write the row of what CloudFormation named, and Delete does nothing. Whatever
happens, CloudFormation hears of it before the function's time is over, with the reason.

Every other event is a doorbell: the hour, a change of this stack's status, a change of the
parameter by which a stack claims the place. What it says is not looked at.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Timer
from typing import Any, TypeVar

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from cordon.baseline import Baseline
from cordon.clients import clients_for, error_code
from cordon.clock import sleep
from cordon.deployment import Deployment
from cordon.errors import RunIncomplete
from cordon.memory import baseline_seen, parts, setup_found
from cordon.memory import settings as row
from cordon.memory.table import TRIES, Cancelled, Row, Table
from cordon.setting_up import (
    custom_actions,
    deletion_protection,
    first_baseline,
    settings_row,
    stacks,
)
from cordon.setting_up.home import Home
from cordon.setting_up.response import KEPT_SECONDS, Request, Response, is_of_parts
from cordon.settings import BEING_DELETED, TAKING_OVER, Settings
from cordon.sources.text import one_line

T = TypeVar("T")
REASON = 500  # characters, at most 2,000 bytes
PROPAGATION = (1, 2, 4)  # seconds, between the tries of a role that was just made
DENIED = ("AccessDeniedException", "AccessDenied")
ERRORS = (ClientError, BotoCoreError, TimeoutError, RunIncomplete)
NEEDS = (  # what this function must be given, beside what every function is
    "CORDON_EVIDENCE_BUCKET",
    "CORDON_SECURITY_HUB",
)
LATER = "Cordon tries again every hour"
RACED = "somebody changes the settings again and again"
SERVES = "this stack serves this account and Region"

logger = Logger(service="setup")


def handler(event: Request, context: Any) -> None:
    """Carry out one request of CloudFormation, and respond to it; on any other event, look.

    Never logs the ResponseURL. Raises NotResponded, or after a look RunIncomplete.
    """
    if "ResponseURL" not in event:
        return setup().look()
    response = Response(event, logger)
    left = context.get_remaining_time_in_millis() / 1000 - KEPT_SECONDS
    too_late = Timer(left, response.send, ["the function's time is over"])
    too_late.daemon = True
    too_late.start()
    try:
        done = carry_out(event)
    except Exception as error:  # noqa: BLE001 whatever it is, CloudFormation must hear of it
        reason = one_line(f"{type(error).__name__}: {error}", REASON)
        logger.error("failed", extra={"reason": reason})
        response.send(reason)
    else:
        logger.info(done)
        response.send()
    finally:
        too_late.cancel()
    return None


def carry_out(request: Request) -> str:
    """Do what is requested; what was done."""
    kind = request["RequestType"]
    if kind not in ("Create", "Update", "Delete"):
        raise ValueError(f"no such request: {one_line(str(kind), 40)}")
    one = setup()
    if is_of_parts(request):
        return one.keep_parts(kind, request["ResourceProperties"])
    if kind == "Delete":
        return once_allowed(one.delete)
    entries = {**settings_row.entries_of(request["ResourceProperties"]), **one.first_baseline()}
    if kind == "Create":
        done = once_allowed(lambda: one.create(entries))
    else:
        before = frozenset(request["OldResourceProperties"].get("Protected", ()))
        done = once_allowed(lambda: one.update(entries, before))
    one.make_custom_actions()
    one.compare_baseline()
    one.keep_found()
    return f"{done}; {one.found['home']}; custom actions: {one.found['custom_actions']}"


def setup() -> "Setup":
    """By the function's environment."""
    deployment = Deployment.from_environment(needs=NEEDS)
    aws = clients_for(deployment.account, deployment.region)
    return Setup(deployment, aws.client, aws.has_service("bedrock"))


def once_allowed(call: Callable[[], T]) -> T:
    """The role is some seconds old, and what it allows may not be in force everywhere yet.

    Source: IAM User Guide, "Troubleshoot IAM", on changes that are not visible at once.
    """
    for wait in PROPAGATION:
        try:
            return call()
        except ClientError as error:
            if error_code(error) not in DENIED:
                raise
            sleep(wait)
    return call()


@dataclass
class Setup:
    """One invocation: what it works with, and what it found."""

    deployment: Deployment
    client: Callable[[str], Any]  # of our own account and Region
    has_bedrock: bool = True  # does this Region have it?
    found: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    seen: Baseline | None = None  # what a baseline is of, as the account has it

    def __post_init__(self) -> None:
        self.table = Table(self.client("dynamodb"), self.deployment.table)
        self.home = Home(self.deployment, self.client("ssm"), self.client("cloudformation"))
        self.by = f"CloudFormation, {self.deployment.stack}"
        self.found["deletion_protection"] = deletion_protection.WAITS

    # ---- CloudFormation's requests ----

    def create(self, entries: Row) -> str:
        """Claim the place, then write the row, which says from its first moment who serves it."""
        if row.read(self.table) is None:
            other = self._looked(self.home.look(None))
            served = {"other_home": other} if other else {}
            if settings_row.create(self._writing, {**entries, **served}):
                return "the settings are written"
        self.look_who_serves()
        return "the settings were there, and stay"

    def update(self, entries: Row, protected_before: frozenset[str]) -> str:
        """Add what is new in the template."""
        self.look_who_serves()
        return settings_row.add(self._writing, entries, protected_before)

    def delete(self) -> str:
        """Stop first: what another stack may claim from then on, this one changes no more."""
        for _ in range(TRIES):
            known = row.read(self.table)
            if known is None or known.get("other_home") == BEING_DELETED:
                break
            try:
                row.serve_instead(self.table, BEING_DELETED, known, self.by)
            except Cancelled:
                continue  # somebody changed the row meanwhile
            break
        else:
            raise TimeoutError(RACED)
        self.home.leave()
        custom_actions.remove(self.client("securityhub"), self.deployment)
        return "this stack observes; its claim and its custom actions are deleted; all else stays"

    def first_baseline(self) -> Row:
        """The baseline's entry for a row without one. No deployment fails for want of it."""
        self._see_baseline(once_allowed)
        return dict(first_baseline.first(self.seen)) if self.seen else {}

    def keep_parts(self, kind: str, properties: Mapping[str, Any]) -> str:
        """Write the row over the one before: it is the template's, and no person's."""
        if kind == "Delete":
            return "the parts are left as they are: so is the table"
        names = parts.names_of(properties)
        once_allowed(lambda: parts.save(self.table, names))
        return f"the parts of {len(names['functions'])} playbooks are written"

    # ---- every hour, and on events ----

    def look(self) -> None:
        """Make sure of everything. A part that fails stops no other. Raises RunIncomplete."""
        status = self._status()
        if stacks.is_leaving(status):
            logger.info("nothing is done", extra={"stack_status": status})
            return
        self._try("home", self.look_who_serves)
        self._try("custom_actions", self._ensure_custom_actions)
        if status in stacks.COMPLETE:
            self._try("deletion_protection", self._ensure_deletion_protection)
            self._try("evidence", lambda: settings_row.prove_first(self._writing))
        self._see_baseline(lambda call: call())
        self.compare_baseline()
        self.keep_found()
        if self.failed:
            raise RunIncomplete("; ".join(self.failed))

    def look_who_serves(self) -> None:
        """Claim the place if that may be, and keep in the row who serves it."""
        for _ in range(TRIES):
            known = row.read(self.table)
            before = _other_home(known)
            if before == BEING_DELETED and stacks.is_leaving(self._status()):
                self._looked(before)
                return
            other = self._looked(self.home.look(before))
            if known is None or other == before:
                return
            try:
                row.serve_instead(self.table, other, known, self.by)
            except Cancelled:
                continue  # somebody changed the row meanwhile
            logger.warning("home changed", extra={"before": before, "now": other or SERVES})
            return
        raise TimeoutError(RACED)

    def make_custom_actions(self) -> None:
        """With a deployment, which does not fail for want of them: the next look tries again."""
        try:
            once_allowed(self._ensure_custom_actions)
        except ERRORS as error:
            why = one_line(f"not made: {error}; {LATER}", REASON)
            self.found["custom_actions"] = why
            logger.error("custom actions", extra={"reason": why})

    def keep_found(self) -> None:
        """For people to see. Nothing depends on it."""
        logger.info("looked", extra=dict(self.found))
        self._try("found", lambda: setup_found.save(self.table, self.found))

    def compare_baseline(self) -> None:
        """Say what differs from the baseline, and keep what was seen for people to take."""
        if self.seen is not None:
            self._try("baseline", self._compare_baseline)

    def _compare_baseline(self) -> None:
        seen = self.seen
        if seen is not None:
            baseline_seen.save(self.table, seen)
            self.found["baseline"] = first_baseline.compared(row.read(self.table), seen)

    def _see_baseline(self, trying: Callable[[Callable[[], Baseline]], Baseline]) -> None:
        """An account may forbid it by a policy of its own: that is said, and is no failure."""
        if not self.has_bedrock:
            self.found["baseline"] = first_baseline.NO_BEDROCK
            return
        try:
            self.seen = trying(lambda: first_baseline.look(self.client, self.by))
        except ERRORS as error:
            why = one_line(f"{type(error).__name__}: {error}", REASON)
            self.found["baseline"] = f"it is not known how the account is: {why}"

    @property
    def _writing(self) -> settings_row.Writing:
        return settings_row.Writing(self.table, self.client("s3"), self.deployment, self.by)

    def _status(self) -> str:
        return stacks.status_of(self.client("cloudformation"), self.deployment.stack)

    def _looked(self, other: str) -> str:
        self.found["home"] = Settings(other_home=other).not_home or SERVES
        return other

    def _ensure_custom_actions(self) -> None:
        hub, home = self.client("securityhub"), self.found.get("home") == SERVES
        if not self.deployment.security_hub:
            custom_actions.remove(hub, self.deployment)
        self.found["custom_actions"] = custom_actions.ensure(hub, self.deployment, home=home)

    def _ensure_deletion_protection(self) -> None:
        on = deletion_protection.ensure(self.client("dynamodb"), self.deployment.table)
        self.found["deletion_protection"] = on

    def _try(self, part: str, do: Callable[[], None]) -> None:
        try:
            do()
        except ERRORS as error:
            why = one_line(f"{type(error).__name__}: {error}", REASON)
            self.failed.append(f"{part}: {why}")
            self.found[part] = f"not known: {why}"


def _other_home(known: Row | None) -> str | None:
    """What the row says; what is no text is taken for the claim of somebody unknown."""
    if known is None:
        return None
    if "other_home" not in known:
        return ""
    other = known["other_home"]
    return other if isinstance(other, str) and other else TAKING_OVER
