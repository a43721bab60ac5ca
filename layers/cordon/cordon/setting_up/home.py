"""Which stack serves an account and Region: the one whose id is in the parameter ``/cordon/home``.

Two stacks that respond to the same finding undo each other's changes. So the first to put its id
there serves the place, and every other one observes: ``other_home`` of its settings row says why.
A stack begins to serve at once only where its put, without overwrite, has made the parameter: of
two that put, AWS takes one. Every other way into the parameter (taken over from a stack that was
deleted, or written by a person) counts only ``SETTLES`` later, when every stack that served until
then has looked, and observes. A stack stops serving before its id is taken away.

What this cannot know: a person who deletes the parameter while its stack is there, and deploys
another before the first looks again, has two for so long; so has one whose first stack cannot look.

Sources: Systems Manager API Reference, "PutParameter" (ParameterAlreadyExists), "GetParameter",
"DeleteParameter" (ParameterNotFound).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from cordon.clients import error_code
from cordon.clock import now
from cordon.deployment import Deployment
from cordon.errors import RunIncomplete
from cordon.setting_up.stacks import DELETED, status_of
from cordon.settings import BEING_DELETED, TAKING_OVER

PARAMETER = "/cordon/home"
DESCRIPTION = "The stack of Cordon that serves this account and Region. Every other one observes."
LOOKS = timedelta(hours=1)  # every stack looks so often, and sooner where an event arrives
SETTLES = LOOKS + timedelta(minutes=15)  # with Lambda's retries of a look
SERVING = ("", None, BEING_DELETED)  # who served, or is new, need not wait for itself


@dataclass(frozen=True)
class Claim:
    """What the parameter says: a stack's id, and since when."""

    stack: str
    since: datetime


@dataclass(frozen=True)
class Home:
    """The parameter, with the eyes of one stack. ``ssm`` and ``cloudformation`` are clients."""

    deployment: Deployment
    ssm: Any
    cloudformation: Any

    def look(self, before: str | None) -> str:
        """Claim the place if that may be; what ``other_home`` is then: "" where we serve it.

        ``before``: what it was; None where there is no settings row, so that nothing changes
        anything. Raises ClientError, or RunIncomplete where others are at it at this moment.
        """
        claim = self._read()
        if claim is None:
            if self._is_another(before) and not self._is_deleted(before or ""):
                return before or ""  # on its way out, and may not have stopped yet
            if self._put():
                return TAKING_OVER if before == TAKING_OVER else ""
            claim = self._read()
        if claim is None:
            raise RunIncomplete(f"{PARAMETER} comes and goes: another stack is at it")
        if claim.stack == self.deployment.stack:
            return self._ours(before, claim)
        if self._is_deleted(claim.stack):
            self._take_over()
            return TAKING_OVER
        return claim.stack

    def leave(self) -> None:
        """Delete the parameter where it is ours. This stack must observe before."""
        claim = self._read()
        if claim is None or claim.stack != self.deployment.stack:
            return
        try:
            self.ssm.delete_parameter(Name=PARAMETER)
        except ClientError as error:
            if error_code(error) != "ParameterNotFound":
                raise

    def _ours(self, before: str | None, claim: Claim) -> str:
        if before in SERVING or now() - claim.since >= SETTLES:
            return ""
        if before is not None and self._is_another(before) and not self._is_deleted(before):
            return before
        return TAKING_OVER

    def _is_another(self, stack: str | None) -> bool:
        return stack not in (*SERVING, TAKING_OVER)

    def _is_deleted(self, stack: str) -> bool:
        """Only of a stack of this account and Region that can be known."""
        at = self.deployment
        here = f"arn:{at.partition}:cloudformation:{at.region}:{at.account}:stack/"
        return stack.startswith(here) and status_of(self.cloudformation, stack) == DELETED

    def _read(self) -> Claim | None:
        try:
            found = self.ssm.get_parameter(Name=PARAMETER)["Parameter"]
        except ClientError as error:
            if error_code(error) == "ParameterNotFound":
                return None
            raise
        return Claim(str(found["Value"]), found["LastModifiedDate"])

    def _put(self) -> bool:
        """Make the parameter; False where another came first."""
        try:
            self.ssm.put_parameter(**self._parameter())
        except ClientError as error:
            if error_code(error) == "ParameterAlreadyExists":
                return False
            raise
        return True

    def _take_over(self) -> None:
        self.ssm.put_parameter(**self._parameter(), Overwrite=True)

    def _parameter(self) -> dict[str, str]:
        value = {"Name": PARAMETER, "Value": self.deployment.stack, "Type": "String"}
        return {**value, "Description": DESCRIPTION}
