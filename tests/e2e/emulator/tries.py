"""What a function does in its time, and when what failed is tried again: by ministack after so many
milliseconds, whatever still runs. On a slow machine that is another order than AWS's."""

import functools
import queue
import threading
import time
from typing import Any

import ministack.core.lambda_runtime as runtime
import under_way
from ministack.core.concurrency import esm_wake
from ministack.services import lambda_svc, sqs, stepfunctions

END_OF_LOG = "\x1e"
SLOWER = 10  # than Lambda this machine may be


def install() -> None:
    """All repairs of this file."""
    names_of_exceptions()
    whole_logs()
    time_limits()
    tried_again_after_a_minute()
    failed_messages()
    workflows_that_wait()


def names_of_exceptions() -> None:
    """An error's type is always "Exception"; state machines catch ours by name."""
    said = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
    named = said.replace("str(e)", 'type(e).__name__ + "\\n" + str(e)')
    assert said in runtime._PYTHON_WORKER_SCRIPT
    runtime._PYTHON_WORKER_SCRIPT = runtime._PYTHON_WORKER_SCRIPT.replace(said, named)
    original = lambda_svc._execute_function_warm

    @functools.wraps(original)
    def execute(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        body = result.get("body") if isinstance(result, dict) else None
        if isinstance(body, dict) and "\n" in str(body.get("errorMessage", "")):
            name, message = body["errorMessage"].split("\n", 1)
            body.update(errorType=name, errorMessage=message)
        return result

    lambda_svc._execute_function_warm = execute


def whole_logs() -> None:
    """What a function prints is waited for 50 milliseconds, and is lost to its invocation where
    the machine is slower. The worker says where the log of an invocation ends."""
    before, invoked, after = runtime._PYTHON_WORKER_SCRIPT.partition("handler_fn(event, context)")
    output, write = "        _real_stdout.flush()\n\nrun()", "_real_stdout.write(json.dumps("
    assert (after.count(output), after.count(write)) == (1, 2)
    ends = f"        sys.stderr.write({END_OF_LOG + chr(10)!r})\n        sys.stderr.flush()\n"
    # The log first: a worker that failed is ended as soon as its response is there.
    responds = "        _real_stdout.write(said)\n"
    after = after.replace(write, "said = (json.dumps(").replace(output, ends + responds + output)
    runtime._PYTHON_WORKER_SCRIPT = before + invoked + after
    runtime.Worker._drain_stderr_bounded = _log_of_one


def _log_of_one(worker: Any, **_: Any) -> str:
    """Until the worker says so, or is dead and all that it printed was read."""
    lines: list[str] = []
    while True:
        read_all = not worker._stderr_thread.is_alive()
        try:
            line = worker._stderr_queue.get(timeout=0.05)
        except queue.Empty:
            if read_all:
                break
            continue
        if line == END_OF_LOG:
            break
        lines.append(line)
    return "\n".join(lines)


def time_limits() -> None:
    """A function is ended after its timeout in this machine's seconds, its start among them. Here
    it has ten times as long: how long a function takes is not shown."""
    original = runtime.Worker.__init__

    @functools.wraps(original)
    def made(worker: Any, name: str, config: dict[str, Any], code: bytes) -> None:
        original(worker, name, {**config, "Timeout": SLOWER * config.get("Timeout", 3)}, code)

    runtime.Worker.__init__ = made


_THREAD = threading.local()  # the tries of the asynchronous invocation that it is for


class _Threads:
    """``threading`` for ministack's Lambda: an asynchronous invocation is under way from the
    moment it is accepted, through its retries, until it has ended or lies in its queue."""

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)

    def Thread(self, *args: Any, **kwargs: Any) -> threading.Thread:
        inner = (kwargs.get("args") or ((),))[0]
        if not getattr(inner, "__qualname__", "").startswith("invoke_async_with_retry"):
            return threading.Thread(*args, **kwargs)
        invoke = kwargs.pop("target")

        def run(*inputs: Any) -> None:
            _THREAD.tries = 0
            invoke(*inputs)

        return threading.Thread(*args, target=under_way.from_now_on(run), **kwargs)


def tried_again_after_a_minute() -> None:
    """A failed asynchronous invocation is tried again after parts of a second, and runs into the
    attempt that it ran into before. On AWS a minute passes (How Lambda handles errors and
    retries with asynchronous invocation, Lambda developer guide), after which that attempt has
    ended. Here its end is waited for."""
    original = lambda_svc._execute_function

    @functools.wraps(original)
    def execute(*args: Any, **kwargs: Any) -> Any:
        if getattr(_THREAD, "invoking", False):  # ministack calls it again, in another Region
            return original(*args, **kwargs)
        tries = getattr(_THREAD, "tries", None)  # None where the invocation is synchronous
        if tries:
            under_way.until_functions_end()
        _THREAD.invoking = True
        try:
            with under_way.counted(functions=1):
                return original(*args, **kwargs)
        finally:
            _THREAD.invoking = False
            if tries is not None:
                _THREAD.tries = tries + 1

    lambda_svc._execute_function = execute
    lambda_svc.threading = _Threads()


def failed_messages() -> None:
    """A message that failed stays invisible for the queue's 400 seconds. Here until no function
    runs: what it ran into has ended by then, as on AWS."""
    original = lambda_svc._run_sqs_batch

    @functools.wraps(original)
    def run(esm: Any, function: Any, event: Any, batch: Any, url: str, name: str) -> None:
        original(esm, function, event, batch, url, name)
        kept = (sqs._queues.get(url) or {"messages": []})["messages"]
        handles = [one["receipt_handle"] for one in list(kept)]
        failed = [one for one in batch if one["receipt_handle"] in handles]
        if failed:
            under_way.until_functions_end()
        for message in failed:
            message["visible_at"] = time.time()
        lambda_svc._esm_backoff_until.pop(esm["UUID"], None)
        esm_wake.set()

    lambda_svc._run_sqs_batch = run


def workflows_that_wait() -> None:
    """A wait of a state machine, also before it tries again, is a thousandth here, and a function
    that it waits for would run for the whole of it. It lasts until no function runs."""
    original = stepfunctions._scaled_sleep

    @functools.wraps(original)
    def sleep(seconds: float) -> None:
        original(seconds)
        under_way.until_functions_end()

    stepfunctions._scaled_sleep = sleep
