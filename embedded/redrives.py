"""How an execution goes on that failed or was stopped: moto's interpreter, for RedriveExecution.

An execution goes on with the state that did not end, and with the input that this state had: it
runs anew, so a Wait waits anew. A Map Run goes on with the items that it read before: those alone
that did not succeed, each in the same way. When it is stopped no further item begins.
Sources: Step Functions Developer Guide, "Restarting state machine executions with redrive",
"Redriving Map Runs"; Step Functions API Reference, "DescribeExecution" (why it cannot). What is
not played is in docs/embedded-account.md.
"""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

UnderRole = Callable[[Any], AbstractContextManager[None]]  # of a worker's machine
_API = "moto.stepfunctions.parser.api"
_ASL = "moto.stepfunctions.parser.asl.component"
_MAP = f"{_ASL}.state.exec.state_map.iteration"
PERIOD = timedelta(days=14)  # after its end
MOST_EVENTS = 24_999
_under_role: list[UnderRole] = []


@dataclass(frozen=True)
class Entered:
    """The state that an execution entered last."""

    state: str
    input: Any


@dataclass
class Items:
    """What became of a Map Run's items."""

    of: str = ""  # the Map state
    read: list[Any] | None = None  # None before they were read
    succeeded: dict[int, Any] = field(default_factory=dict)  # outputs
    ended: dict[int, tuple[str, Entered | None]] = field(default_factory=dict)  # the others, how


def install(under_role: UnderRole) -> None:
    """Change the interpreter. The caller does so once per process."""
    _under_role.append(under_role)
    _wrap(f"{_ASL}.state.state", "CommonStateField", "_eval_body", _noted)
    component = f"{_MAP}.distributed_iteration_component", "DistributedIterationComponent"
    _wrap(*component, "_eval_body", _same_run)
    _wrap(*component, "_map_run", _read_once)
    worker = f"{_MAP}.itemprocessor.distributed_item_processor_worker"
    _wrap(worker, "DistributedItemProcessorWorker", "_eval_job", _not_again)
    record = f"{_MAP}.itemprocessor.map_run_record"
    _wrap(record, "MapRunRecord", "describe", _counted)
    _wrap("moto.stepfunctions.responses", "StepFunctionResponse", "describe_execution", _described)


def _wrap(module: str, owner: str, name: str, wrapper: Callable[[Any], Any]) -> None:
    kind = getattr(import_module(module), owner)
    setattr(kind, name, wrapper(getattr(kind, name)))


def restart(execution: Any, at: datetime) -> None:
    """Let an execution go on that failed or was stopped."""
    from embedded import scheduler  # which needs time_machine: the deployed account's env has none

    worker, api = execution.exec_worker, import_module(_API)
    env = worker.env
    env._frames.clear()
    env.stack.clear()
    env.heap.clear()  # the tries that a Retry counts
    env._program_state = None
    execution.exec_status = api.ExecutionStatus.RUNNING
    execution.stop_date = execution.error = execution.cause = None
    runs = [run for run in env.map_run_record_pool_manager.get_all() if _goes_on(run, env)]
    for run in runs[-1:]:
        run.redriven = [*getattr(run, "redriven", ()), at]
    env.map_run_record_pool_manager.goes_on = runs[-1] if runs else None
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=api.HistoryEventType.ExecutionRedriven,
        update_source_event_id=False,
    )
    program = _from(worker._get_evaluation_entrypoint(), env.entered)

    def go_on() -> None:
        program.eval(env)
        worker._execution_communication.terminated()

    with _under_role[-1](worker):
        scheduler.make_thread(target=go_on, daemon=True).start()


def _goes_on(run: Any, env: Any) -> bool:
    """Is it the Map Run of the state that did not end, and did it not end well?"""
    status = import_module(_API).MapRunStatus
    ended = run.status in (status.FAILED, status.ABORTED)
    return bool(ended and run.items.of == env.entered.state)


def is_stopped(env: Any) -> bool:
    """Did somebody stop the execution?"""
    state = import_module("moto.stepfunctions.parser.asl.eval.program_state").ProgramStopped
    return isinstance(env.program_state(), state)


def _from(program: Any, entered: Entered | None) -> Any:
    """A program that begins with this state and with its input, or where it always does."""
    if entered is None:
        return program
    begins = copy.copy(program)
    begins.start_at = SimpleNamespace(start_at_name=entered.state)

    def evaluate(env: Any) -> None:
        env.states.reset(input_value=entered.input)
        begins.eval(env)

    return SimpleNamespace(eval=evaluate)


def _noted(original: Any) -> Any:
    """Note which state is entered, with which input."""

    def eval_body(self: Any, env: Any) -> None:
        env.entered = Entered(self.name, env.states.get_input())
        original(self, env)

    return eval_body


def _same_run(original: Any) -> Any:
    """A Map state that goes on has the Map Run that it had, and reads no item again."""

    def eval_body(self: Any, env: Any) -> None:
        given, pool = env.stack[-1], env.map_run_record_pool_manager
        run = getattr(pool, "goes_on", None)
        if run is None:
            given.map_run_record.items = Items(of=given.state_name)
        else:
            pool.goes_on = None
            del pool._pool[given.map_run_record.map_run_arn]
            given.map_run_record = run
            run.status, run.stop_date = import_module(_API).MapRunStatus.RUNNING, None
            if run.items.read is not None:
                given.item_reader, given.input_items = None, run.items.read
        original(self, env)
        if is_stopped(env):
            given.map_run_record.set_stop(import_module(_API).MapRunStatus.ABORTED)

    return eval_body


def _read_once(original: Any) -> Any:
    """Keep the items that were read."""

    def map_run(self: Any, env: Any, eval_input: Any) -> None:
        eval_input.map_run_record.items.read = list(env.stack[-1])
        original(self, env, eval_input)

    return map_run


def _not_again(original: Any) -> Any:
    """An item that succeeded is not processed again; one that failed goes on where it failed."""
    ended = import_module("moto.stepfunctions.parser.asl.eval.program_state").ProgramEnded

    def eval_job(self: Any, env: Any, job: Any) -> None:
        run, item = self._map_run_record, job.job_index
        if item in run.items.succeeded:
            job.job_output = run.items.succeeded[item]
            return
        if is_stopped(self._env):
            return
        if item in run.items.ended:
            how, entered = run.items.ended.pop(item)
            for counter in (run.item_counter, run.execution_counter):
                getattr(counter, how).offset(-1)
                counter.total.offset(-1)
            job.job_program = _from(job.job_program, entered)
        original(self, env, job)
        if isinstance(env.program_state(), ended):
            run.items.succeeded[item] = job.job_output
        else:
            how = "aborted" if is_stopped(env) else "failed"
            run.items.ended[item] = how, getattr(env, "entered", None)

    return eval_job


def _counted(original: Any) -> Any:
    def describe(self: Any) -> Any:
        redriven = getattr(self, "redriven", ())
        last = {"redriveDate": redriven[-1]} if redriven else {}
        return {**original(self), "redriveCount": len(redriven), **last}

    return describe


def _described(original: Any) -> Any:
    """DescribeExecution says whether the execution can be redriven, and how often it was."""
    from moto.core.responses import ActionResult

    def describe_execution(self: Any) -> Any:
        arn = self._get_param("executionArn")
        execution = self.stepfunction_backend.describe_execution(arn)
        redriven = getattr(execution, "redriven", ())
        why = not_redrivable(execution, datetime.now(UTC))
        said = {
            "redriveCount": len(redriven),
            **({"redriveDate": redriven[-1]} if redriven else {}),
            **({"redriveStatusReason": why} if why else {}),
            "redriveStatus": "NOT_REDRIVABLE" if why else "REDRIVABLE",
        }
        return ActionResult({**original(self).result, **said})

    return describe_execution


def not_redrivable(execution: Any, at: datetime) -> str:
    """Why it cannot be redriven now; "" where it can."""
    if execution.status in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {execution.status} and cannot be redriven"
    if at - execution.stop_date > PERIOD:
        return "Execution redrivable period exceeded"
    if len(execution.to_history_output()["events"]) >= MOST_EVENTS:
        return "Execution history event limit exceeded"
    return ""
