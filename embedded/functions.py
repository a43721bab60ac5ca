"""Runs the real handlers as Lambda does: with their own environment and role, one at a time.

CodeUri and Handler name the file; it is loaded into a module of its own. The environment belongs
to the whole process, so invocations do not overlap. A nested invocation replaces it until it ends.
"""

import functools
import importlib.util
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from embedded.deployed_code import DeployedCode
from embedded.iam_guard import Caller, EmulatorBroken, SandboxDied
from embedded.journal import Invoked, Journal
from embedded.scheduler import Scheduler
from embedded.stack import Code

LAMBDA_SETS = "AWS_"  # prefix of variables of which a function sees only what Lambda sets
CREDENTIALS = {  # moto accepts any; patches.py decides whose they are
    "AWS_ACCESS_KEY_ID": "embedded",
    "AWS_SECRET_ACCESS_KEY": "embedded",
    "AWS_SESSION_TOKEN": "embedded",
}
MOST_AT_ONE_MOMENT = 10_000  # invocations; more means that something goes round and round
SYNC_BYTES = 6 * 1024 * 1024  # Lambda quotas, "Invocation payload"
DEFAULT_TIMEOUT = 3  # seconds, AWS::Lambda::Function Timeout
ERRORS = (sys.stderr, sys.__stderr__)


@dataclass(frozen=True)
class Function:
    """A function of the template."""

    logical: str
    name: str
    arn: str
    role: str  # ARN
    environment: Mapping[str, str]
    timeout: int  # seconds
    memory: int  # MB
    region: str
    code: Code
    dead_letters: str = ""  # ARN, DeadLetterConfig
    retries: int = 2  # MaximumRetryAttempts
    max_age: int = 21600  # seconds, MaximumEventAgeInSeconds
    on_failure: str = ""  # ARN
    on_success: str = ""  # ARN


@dataclass(frozen=True)
class InvocationResult:
    """The outcome of an invocation: the JSON text of its result or of its error."""

    payload: str
    failed: bool
    crashed: bool = False
    text: str = ""  # what it printed
    request_id: str = ""  # of the invocation, as its context had it

    @property
    def error(self) -> str:
        """``ErrorType: message``, or "" if it did not fail."""
        if not self.failed:
            return ""
        body = json.loads(self.payload)
        return f"{body.get('errorType', 'Error')}: {body.get('errorMessage', '')}"


@dataclass
class Context:
    """Lambda's context object (Lambda developer guide, "Using the Lambda context object")."""

    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    aws_request_id: str
    log_group_name: str
    log_stream_name: str
    remaining: Callable[[], int]
    function_version: str = "$LATEST"
    identity: Any = None
    client_context: Any = None
    tenant_id: Any = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds of virtual time until the function's timeout."""
        return self.remaining()


@dataclass
class Runtime:
    """The functions of one embedded account."""

    scheduler: Scheduler
    journal: Journal
    functions: Mapping[str, Function]  # by logical id
    code: DeployedCode
    _handlers: dict[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    _warm: tuple[str, Any] = ("", None)
    _count: int = 0
    _at_this_moment: tuple[Any, int] = (None, 0)  # the moment, and the invocations in it

    def begin(self) -> None:
        """As if nothing had been invoked yet."""
        self._count, self._at_this_moment = 0, (None, 0)
        self.forget()

    def find(self, name: str) -> Function | None:
        """By logical id, name, ARN, or ARN with a qualifier."""
        for function in self.functions.values():
            known = (function.logical, function.name, function.arn)
            if name in known or name.startswith(f"{function.arn}:"):
                return function
        return None

    def invoke(self, function: Function, event: Any, *, attempt: int = 1) -> InvocationResult:
        """Run the handler once, under its role, and journal the outcome."""
        self._must_move_on(function)
        self._cool_down(function)
        event = json.loads(json.dumps(event))
        outcome = self._run(function, event)
        result = None if outcome.failed else json.loads(outcome.payload)
        self.journal.write(
            Invoked(
                function.logical,
                event,
                attempt,
                result,
                outcome.error,
                outcome.crashed,
                outcome.text,
            )
        )
        return outcome

    def _must_move_on(self, function: Function) -> None:
        moment, count = self._at_this_moment
        now = self.scheduler.clock.now
        self._at_this_moment = (now, count + 1 if moment == now else 1)
        if self._at_this_moment[1] > MOST_AT_ONE_MOMENT:
            times = f"invoked {self._at_this_moment[1]} times, {function.logical} last"
            raise EmulatorBroken(f"{times}, and no time went by: {now.isoformat()}")

    def _cool_down(self, function: Function) -> None:
        """Another function or another second means another sandbox, with empty caches."""
        now = (function.logical, self.scheduler.clock.now.replace(microsecond=0))
        if now != self._warm:
            self.forget()
            self._warm = now

    def forget(self) -> None:
        """Empty every cache of the deployed code, as in a new sandbox."""
        self._warm = ("", None)
        for module, names in _caches_of((*self.code.packages, LOADED)):
            for name in names:
                value = vars(module)[name]  # a test may have put something else there
                cached = isinstance(value, functools._lru_cache_wrapper)
                if cached and f"{module.__name__}.{name}" not in self.code.client_caches:
                    value.cache_clear()

    def _run(self, function: Function, event: Any) -> InvocationResult:
        caller = Caller(function.logical, function.role)
        before, self.scheduler.owner = self.scheduler.owner, caller
        printed, context = io.StringIO(), self._context(function)
        request = context.aws_request_id
        try:
            with _environment(function, self.code.settings), _captured(printed):
                result = self._handler(function)(event, context)
            return replace(_returned(result, printed.getvalue()), request_id=request)
        except SandboxDied:
            caller.crashed = True
            self.forget()
            return _dead(request, printed.getvalue())
        except Exception as error:  # noqa: BLE001 the runtime reports whatever a handler raises
            return _raised(error, printed.getvalue())
        finally:
            self.scheduler.owner = before

    def _handler(self, function: Function) -> Callable[[Any, Any], Any]:
        if function.logical not in self._handlers:
            self._handlers[function.logical] = load(function.code)
        return self._handlers[function.logical]

    def _request_id(self) -> str:
        return f"00000000-0000-4000-8000-{self._count:012x}"

    def _context(self, function: Function) -> Context:
        self._count += 1
        clock = self.scheduler.clock
        started = clock.now
        return Context(
            function_name=function.name,
            invoked_function_arn=function.arn,
            memory_limit_in_mb=str(function.memory),
            aws_request_id=self._request_id(),
            log_group_name=f"/aws/lambda/{function.name}",
            log_stream_name="embedded",
            remaining=lambda: max(
                0, function.timeout * 1000 - int((clock.now - started).total_seconds() * 1000)
            ),
        )


LOADED = "embedded.loaded"  # the package of the handlers' modules


@dataclass(frozen=True)
class _Caches:
    """The cached functions of packages, and what they were found in."""

    modules: tuple[int, str]  # how many modules the process had, and the last one
    seen: tuple[tuple[str, ModuleType, int], ...]  # the packages' own, with their names' number
    found: tuple[tuple[ModuleType, tuple[str, ...]], ...]  # modules with the names of theirs

    @property
    def is_up_to_date(self) -> bool:
        """No module came or was loaded anew, and none has another number of names."""
        return self.modules == _modules() and all(
            sys.modules.get(name) is module and len(vars(module)) == names
            for name, module, names in self.seen
        )


_known: dict[tuple[str, ...], _Caches] = {}  # by packages


def _modules() -> tuple[int, str]:
    return len(sys.modules), next(reversed(sys.modules))


def _caches_of(packages: tuple[str, ...]) -> tuple[tuple[ModuleType, tuple[str, ...]], ...]:
    """A process has thousands of modules: they are looked through when one comes or changes."""
    if packages not in _known or not _known[packages].is_up_to_date:
        kind = functools._lru_cache_wrapper
        own = [(name, sys.modules[name]) for name in tuple(sys.modules) if _belongs(name, packages)]
        each = [
            (module, tuple(n for n, one in vars(module).items() if isinstance(one, kind)))
            for _, module in own
        ]
        _known[packages] = _Caches(
            _modules(),
            tuple((name, module, len(vars(module))) for name, module in own),
            tuple((module, names) for module, names in each if names),
        )
    return _known[packages].found


def _belongs(module: str, packages: tuple[str, ...]) -> bool:
    return module.startswith(tuple(f"{package}." for package in packages)) or module in packages


def load(code: Code) -> Callable[[Any, Any], Any]:
    """The handler of a function, from its file: ``playbook.handler`` in ``functions/<name>``."""
    module_name, attribute = code.handler.rsplit(".", 1)
    path = code.folder / f"{module_name.replace('.', '/')}.py"
    name = f"{LOADED}.{code.folder.name}.{module_name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    handler: Callable[[Any, Any], Any] = getattr(module, attribute)
    return handler


@contextmanager
def _environment(function: Function, settings: tuple[str, ...]) -> Iterator[None]:
    """Give os.environ the variables of the function's sandbox."""
    before = dict(os.environ)
    kept = {k: v for k, v in before.items() if not k.startswith((LAMBDA_SETS, *settings))}
    inside = {
        **kept,
        **CREDENTIALS,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        **function.environment,
    }
    _become(inside)
    try:
        yield
    finally:
        _become(before)


def _become(wanted: Mapping[str, str]) -> None:
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


@contextmanager
def _captured(into: io.StringIO) -> Iterator[None]:
    """Collect what the sandbox prints and logs; none of it reaches our standard output."""
    outside = sys.stdout
    for handler in _handlers():
        # Whatever was the standard output when the logger was made, which may be long ago.
        if type(handler) is logging.StreamHandler and handler.stream not in ERRORS:
            handler.stream = into
    try:
        with redirect_stdout(into):
            yield
    finally:
        for handler in [h for h in _handlers() if getattr(h, "stream", None) is into]:
            handler.stream = outside


def _handlers() -> list[Any]:
    known = logging.root.manager.loggerDict.values()
    loggers = [logging.root, *(one for one in known if isinstance(one, logging.Logger))]
    return [handler for logger in loggers for handler in logger.handlers]


def _returned(result: Any, printed: str) -> InvocationResult:
    try:
        payload = json.dumps(result)
    except TypeError as error:
        return _failure("Runtime.MarshalError", f"Unable to marshal response: {error}", printed)
    if len(payload) > SYNC_BYTES:
        return _failure("Function.ResponseSizeTooLarge", f"{len(payload)} bytes", printed)
    return InvocationResult(payload, failed=False, text=printed)


def _raised(error: Exception, printed: str) -> InvocationResult:
    return _failure(type(error).__name__, str(error), printed)


def _failure(kind: str, message: str, printed: str) -> InvocationResult:
    body = {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": []}
    return InvocationResult(json.dumps(body), failed=True, text=printed)


def _dead(request: str, printed: str) -> InvocationResult:
    """Lambda's response for a sandbox that ended (Lambda developer guide, runtime errors)."""
    body = {
        "errorMessage": f"RequestId: {request} Error: Runtime exited without providing a reason",
        "errorType": "Runtime.ExitError",
    }
    return InvocationResult(json.dumps(body), failed=True, crashed=True, text=printed)
