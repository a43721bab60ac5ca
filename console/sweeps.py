"""The sweeps of a deployed stack: started, followed and redriven with the operator's credentials.

Step Functions API Reference, "StartExecution", "DescribeExecution", "ListMapRuns",
"DescribeMapRun", "RedriveExecution".
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from console.stack import NotPossible, Stack
from console.tables import Row
from cordon.clients import error_code
from cordon.clock import now
from cordon.errors import Malformed
from cordon.sweeping.pages import Pages
from cordon.sweeping.wanted import Wanted

RUNNING, SUCCEEDED, REDRIVABLE = "RUNNING", "SUCCEEDED", "REDRIVABLE"
COUNTS = {  # of pages, as DescribeMapRun has them, and as people read them
    "succeeded": "pages sent",
    "running": "pages being sent",
    "pending": "pages that wait",
    "failed": "pages that failed",
}


@dataclass(frozen=True)
class Sweeps:
    """The workflow ``Sweep`` of one stack."""

    states: Any  # a client
    machine: str  # ARN

    @classmethod
    def of(cls, stack: Stack) -> "Sweeps":
        """Those of a stack that is deployed. Raises NotPossible."""
        if stack.deleted:
            raise NotPossible("the stack is deleted: nothing sweeps")
        if "Sweep" not in stack.outputs:
            raise NotPossible("the stack has no output Sweep: it was deployed by another version")
        return cls(stack.client("stepfunctions"), stack.outputs["Sweep"])

    def start(self, source: str, control: str, since: str) -> str:
        """Start one; its name. Raises NotPossible where nothing such can be swept."""
        limits = {"source": source, "control": control, "since": since}
        given = {name: value for name, value in limits.items() if value}
        try:
            Wanted.of(given)
        except Malformed as wrong:
            raise NotPossible(str(wrong)) from None
        name = f"{now():%Y%m%dT%H%M%SZ}"
        self.states.start_execution(
            stateMachineArn=self.machine, name=name, input=json.dumps(given)
        )
        return name

    def redrive(self, name: str) -> None:
        """Go on with one that failed: only what was not sent is sent again."""
        with _of(name):
            self.states.redrive_execution(executionArn=self._execution(name))

    def show(self, name: str) -> "Sweep":
        """How one is."""
        with _of(name):
            found = self.states.describe_execution(executionArn=self._execution(name))
        runs = self.states.list_map_runs(executionArn=self._execution(name))["mapRuns"]
        described = (self.states.describe_map_run(mapRunArn=run["mapRunArn"]) for run in runs)
        return Sweep(found, next((run["itemCounts"] for run in described), {}))

    def _execution(self, name: str) -> str:
        try:
            Pages(None, "", name)
        except Malformed as wrong:
            raise NotPossible(str(wrong)) from None
        return f"{self.machine.replace(':stateMachine:', ':execution:', 1)}:{name}"


@contextmanager
def _of(name: str) -> Iterator[None]:
    """Raises NotPossible where there is no sweep of this name."""
    try:
        yield
    except ClientError as error:
        if error_code(error) != "ExecutionDoesNotExist":
            raise
        raise NotPossible(f"there is no sweep {name}") from None


@dataclass(frozen=True)
class Sweep:
    """One sweep as AWS has it."""

    execution: Mapping[str, Any]
    pages: Mapping[str, int]  # by how they are; {} while Security Hub is read

    @property
    def summary(self) -> Mapping[str, Any]:
        """What became of the findings; {} before it has ended well."""
        ended = self.execution["status"] == SUCCEEDED
        return dict(json.loads(self.execution["output"])) if ended else {}

    @property
    def is_wrong(self) -> bool:
        """Did it end, and not with every page sent?"""
        status = self.execution["status"]
        return status not in (RUNNING, SUCCEEDED) or bool(self.summary.get("pages_not_sent"))

    def rows(self) -> Iterator[Row]:
        """What of it is how, as a list."""
        yield {"what": "status", "is": self.execution["status"]}
        if why := ": ".join(filter(None, map(self.execution.get, ("error", "cause")))):
            yield {"what": "why", "is": why}
        if self.execution.get("redriveStatus") == REDRIVABLE:
            yield {"what": "to go on", "is": f"cordon sweep --redrive {self.execution['name']}"}
        for count, said in COUNTS.items():
            if count in self.pages:
                yield {"what": said, "is": self.pages[count]}
        if self.summary:
            yield {"what": "pages not sent", "is": self.summary["pages_not_sent"]}
            yield {"what": "findings read", "is": self.summary["findings_read"]}
        counts = dict(self.summary.get("counts", {}))
        if counts:
            yield {"what": "findings looked at", "is": counts.pop("findings", 0)}
        for name, count in counts.items():
            yield {"what": name, "is": count}
