"""moto's Step Functions interpreter on virtual time, under the machine's role, with JSONata.

The interpreter's modules get the scheduler's threads in place of the standard library's. Without
an entered account they behave as before.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache, lru_cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Protocol

from embedded import distributed_maps, redrives, scheduler
from embedded.iam_guard import Caller
from embedded.journal import ExecutionEnded, ExecutionStarted, TokenWaiting
from embedded.stack import Resource, Stack

_PARSER = "moto.stepfunctions.parser"
_ASL = f"{_PARSER}.asl"
_THREADS = (  # modules that use ``threading.Thread`` or ``threading.Event``
    f"{_ASL}.component.program.program",
    f"{_ASL}.component.state.exec.execute_state",
    f"{_ASL}.component.state.exec.state_map.iteration.inline_iteration_component",
    f"{_ASL}.component.state.exec.state_map.iteration.itemprocessor.map_run_record",
    f"{_ASL}.component.state.exec.state_map.iteration.job",
    f"{_ASL}.component.state.exec.state_parallel.branch_worker",
    f"{_ASL}.component.state.exec.state_parallel.branches_decl",
    f"{_ASL}.component.state.exec.state_task.service.state_task_service_callback",
    f"{_ASL}.eval.count_down_latch",
    f"{_ASL}.eval.environment",
)
_THREAD_NAMES = (  # modules that import the names
    f"{_ASL}.component.state.exec.execute_state",
    f"{_PARSER}.backend.execution_worker",
)
_EVENT_NAMES = (f"{_ASL}.eval.callback.callback",)
_SLEEPS = (
    f"{_ASL}.component.common.retry.retrier_decl",
    f"{_ASL}.component.state.exec.state_task.service.state_task_service_callback",
)


@dataclass(frozen=True)
class Machine:
    """A state machine of the template."""

    logical: str
    name: str
    arn: str
    role: str  # ARN
    definition: Mapping[str, Any]


def machines_of(stack: Stack) -> dict[str, Machine]:
    """The state machines of a stack."""
    return {r.logical: _machine(r) for r in stack.of("AWS::StepFunctions::StateMachine")}


def _machine(resource: Resource) -> Machine:
    return Machine(
        logical=resource.logical,
        name=resource.physical.rsplit(":", 1)[-1],
        arn=resource.arn,
        role=resource.properties["RoleArn"],
        definition=json.loads(definition_of(resource.properties)),
    )


class Watcher(Protocol):
    """What the interpreter needs of the account."""

    def machine_caller(self, arn: str, role: str) -> Caller:
        """The role that makes a state machine's calls."""

    def watch(self, record: ExecutionStarted | ExecutionEnded | TokenWaiting) -> None:
        """Something happened to an execution."""


_watchers: list[Watcher] = []


def enter(watcher: Watcher) -> None:
    """Executions report to ``watcher`` until ``leave``."""
    install()
    _watchers.append(watcher)


def leave() -> None:
    """Executions report to nobody."""
    _watchers.pop()


@cache
def install() -> None:
    """Change the interpreter, once per process."""
    from moto.moto_api._internal import mock_random

    threading, time = scheduler.virtual_threading_module(), scheduler.virtual_time_module()
    _replace(_THREADS, "threading", threading)
    _replace(_THREAD_NAMES, "Thread", scheduler.make_thread)
    _replace(_EVENT_NAMES, "Event", scheduler.make_event)
    _replace(_SLEEPS, "time", time)
    _replace([f"{_PARSER}.utils"], "uuid4", mock_random.uuid4)  # tokens
    _replace([f"{_ASL}.component.common.retry.jitter_strategy_decl"], "random", mock_random)
    _install_waits()
    _install_workers()
    _install_tokens()
    _install_clients()
    distributed_maps.install()
    redrives.install(_under_role)
    _install_jsonata()
    _install_parser()


def _replace(modules: Iterable[str], name: str, value: Any) -> None:
    for module in map(import_module, modules):
        if not hasattr(module, name):
            raise RuntimeError(f"moto changed: {module.__name__} has no {name}")
        setattr(module, name, value)


def _wrap(module: str, owner: str, name: str, wrapper: Callable[[Any], Any]) -> None:
    kind = getattr(import_module(module), owner)
    setattr(kind, name, wrapper(getattr(kind, name)))


def _install_waits() -> None:
    """A Wait state is a pause: the account moves the clock over it."""

    def waits(_original: Any) -> Any:
        def wait_interval(_self: Any, env: Any, wait_seconds: float) -> None:
            if wait_seconds > 0:
                env.program_state_event.wait(wait_seconds, kind="pause")

        return wait_interval

    functions = f"{_ASL}.component.state.wait.wait_function"
    _wrap(f"{functions}.wait_function", "WaitFunction", "_wait_interval", waits)
    _replace([f"{functions}.timestamp"], "datetime", SimpleNamespace(datetime=_WholeSeconds))


class _WholeSeconds(datetime):
    """What Wait states with a Timestamp count from. moto cuts a wait down to whole seconds: from
    a moment with a fraction it would come back too early, and a workflow that then waits again
    would do so for ever, since no time goes by."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "_WholeSeconds":
        return super().now(tz).replace(microsecond=0)


def _install_workers() -> None:
    """Executions start under the machine's role, and report how they end."""

    def starts(original: Any) -> Any:
        def start(worker: Any) -> None:
            if scheduler.active() is None or not _watchers:
                original(worker)
                return
            worker.env = worker._get_evaluation_environment()  # a token may be needed already
            details = worker._evaluation_details
            machine = details.state_machine_details.arn
            _watchers[-1].watch(
                ExecutionStarted(
                    machine,
                    details.execution_details.name,
                    _value(details.execution_details.inpt),
                )
            )
            with _under_role(worker):
                original(worker)

        return start

    def ends(original: Any) -> Any:
        def terminated(communication: Any) -> None:
            original(communication)
            if _watchers:
                _watchers[-1].watch(_ended(communication.execution))

        return terminated

    _wrap(f"{_PARSER}.backend.execution_worker", "ExecutionWorker", "start", starts)
    _wrap(f"{_PARSER}.backend.execution", "BaseExecutionWorkerCommunication", "terminated", ends)


@contextmanager
def _under_role(worker: Any) -> Iterator[None]:
    """What starts meanwhile makes its calls as the worker's machine."""
    details, current = worker._evaluation_details, scheduler.active()
    if current is None or not _watchers:
        yield
        return
    before = current.owner
    current.owner = _watchers[-1].machine_caller(
        details.state_machine_details.arn, details.aws_execution_details.role_arn
    )
    try:
        yield
    finally:
        current.owner = before


def _value(text: Any) -> Any:
    """The interpreter passes inputs as text or as values."""
    return json.loads(text) if isinstance(text, str) else text


def _ended(execution: Any) -> ExecutionEnded:
    return ExecutionEnded(
        machine=execution.state_machine.arn,
        name=execution.name,
        status=str(getattr(execution.exec_status, "value", execution.exec_status)),
        output=getattr(execution, "output", None),
        error=getattr(execution, "error", None) or "",
        cause=getattr(execution, "cause", None) or "",
    )


def _install_tokens() -> None:
    """Journal each execution that waits for its token."""

    def waits(original: Any) -> Any:
        def wait_for_token(
            task: Any,
            env: Any,
            timeout_seconds: Any,
            callback_endpoint: Any,
            heartbeat_endpoint: Any,
        ) -> Any:
            if _watchers:
                context = env.states.context_object.context_object_data
                _watchers[-1].watch(
                    TokenWaiting(
                        machine=context["StateMachine"]["Id"],
                        execution=context["Execution"]["Name"],
                        token=callback_endpoint.callback_id,
                    )
                )
            return original(task, env, timeout_seconds, callback_endpoint, heartbeat_endpoint)

        return wait_for_token

    module = f"{_ASL}.component.state.exec.state_task.service.state_task_service_callback"
    _wrap(module, "StateTaskServiceCallback", "_eval_wait_for_task_token", waits)


def _install_clients() -> None:
    """The interpreter makes a client for every task; one per service and Region will do."""
    original = import_module(f"{_ASL}.utils.boto_client").boto_client_for

    @lru_cache(maxsize=64)
    def client(service: str, region: str) -> Any:
        return original(region=region, service=service)

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ARG001
        return client(service, region)

    services = f"{_ASL}.component.state.exec.state_task"
    for name in ("aws_sdk", "dynamodb", "events", "sfn", "sns", "sqs"):
        _replace(
            [f"{services}.service.state_task_service_{name}"], "boto_client_for", boto_client_for
        )
    _replace([f"{services}.lambda_eval_utils"], "boto_client_for", boto_client_for)


def _install_jsonata() -> None:
    """moto parses JSONata but has no evaluator, and quotes strings without escaping them."""
    module = import_module(f"{_ASL}.jsonata.jsonata")
    evaluate = _evaluator(module.JSONataException)
    _replace([f"{_ASL}.jsonata.jsonata"], "_eval_jsonata", evaluate)
    _replace(_DECLARE, "encode_jsonata_variable_declarations", declare)


_DECLARE = (
    f"{_ASL}.jsonata.jsonata",
    f"{_ASL}.eval.states",
    f"{_ASL}.eval.variable_store",
)


def declare(bindings: Mapping[str, Any]) -> str:
    """JSONata assignments of variables. A string's text cannot end its quotes."""
    return "".join(
        f"{name}:={json.dumps(value, ensure_ascii=False, default=str)};"
        for name, value in bindings.items()
    )


def _evaluator(failure: type[Exception]) -> Callable[[str], Any]:
    from jsonata import Jsonata
    from jsonata.jexception import JException

    def evaluate(expression: str) -> Any:
        try:
            return _plain(Jsonata(expression).evaluate(None))
        except JException as error:
            raise failure(str(error.error), str(error)) from None

    return evaluate


def _plain(value: Any) -> Any:
    """Plain JSON values: the evaluator has its own types for lists, numbers and null."""
    from jsonata.utils import Utils

    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _install_parser() -> None:
    """Each definition is parsed once; a parsed program has no state of an execution."""
    module = import_module(f"{_ASL}.parse.asl_parser")
    original = module.AmazonStateLanguageParser.parse

    @lru_cache(maxsize=64)
    def parse(definition: str) -> Any:
        return original(definition)

    module.AmazonStateLanguageParser.parse = staticmethod(parse)


def definition_of(resource: Mapping[str, Any]) -> str:
    """The definition of a state machine resource as JSON text."""
    text = (
        resource["DefinitionString"] if "DefinitionString" in resource else resource["Definition"]
    )
    return text if isinstance(text, str) else json.dumps(text)
