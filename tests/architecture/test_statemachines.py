"""The workflow: its one step is retried, caught and timed, and its input carries no authority."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonata import Jsonata

from cordon.entry import MARGIN
from cordon.waking import LONGEST_WAIT
from embedded.template import load
from tests.architecture.stack import stack

UNTIL = "2026-11-24T18:00:00Z"


def definition() -> Mapping[str, Any]:
    """The machine as the stack has it, substitutions made."""
    found: Mapping[str, Any] = load(stack().resources["Workflow"].properties["DefinitionString"])
    return found


STATES: Mapping[str, Mapping[str, Any]] = definition()["States"]
TASK = STATES["Proceed"]


def follows(state: Mapping[str, Any]) -> set[str]:
    """Every state that may come next."""
    found = {state["Next"]} if "Next" in state else set()
    found |= {state["Default"]} if "Default" in state else set()
    for branch in (*state.get("Choices", ()), *state.get("Catch", ())):
        found.add(branch["Next"])
    return found


def text(value: Any) -> Iterator[str]:
    """Every string in a value."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else ():
        yield from text(inner)
    for inner in value if isinstance(value, list) else ():
        yield from text(inner)


def evaluated(expression: str, states: Mapping[str, Any]) -> Any:
    """A JSONata string of the definition, with ``$states`` given."""
    inner = re.fullmatch(r"\{%\s*(.*?)\s*%\}", expression, re.S)
    assert inner, expression
    program = Jsonata.jsonata(inner[1])
    program.assign("states", states)
    return program.evaluate(None)


def test_only_task_is_retried_caught_and_timed() -> None:
    assert [name for name, state in STATES.items() if state["Type"] == "Task"] == ["Proceed"]
    assert [c["Next"] for c in TASK["Catch"] if c["ErrorEquals"] == ["States.ALL"]] == ["Failed"]
    retried = {e for r in TASK["Retry"] for e in r["ErrorEquals"]}
    assert {"Lambda.ServiceException", "Lambda.TooManyRequestsException"} <= retried
    for retrier in TASK["Retry"]:
        waits = retrier["ErrorEquals"] == ["ContainInProgress"]  # as long as a lease lasts
        assert waits or retrier["JitterStrategy"] == "FULL"


def test_task_calls_the_playbook_of_the_case_and_carries_no_authority() -> None:
    given = TASK["Arguments"]["Payload"]["cordon"]
    context = {"Execution": {"Input": {"case": "0a1b", "function": "arn:f", "by": "the boss"}}}
    known = {"context": context, "input": {}}
    assert evaluated(TASK["Arguments"]["FunctionName"], known) == "arn:f"
    assert (given["do"], evaluated(given["case"], known)) == ("proceed", "0a1b")
    assert given.keys() == {"do", "case"}
    assert TASK["Resource"] == "arn:aws:states:::lambda:invoke"


def test_task_outlasts_the_function_and_a_live_attempt() -> None:
    playbooks = [f for f in stack().of("AWS::Lambda::Function") if "playbook" in str(f.properties)]
    longest = max(f.properties["Timeout"] for f in playbooks)
    assert TASK["TimeoutSeconds"] > longest
    (live,) = (r for r in TASK["Retry"] if r["ErrorEquals"] == ["ContainInProgress"])
    assert live["IntervalSeconds"] * live["MaxAttempts"] > longest + MARGIN.seconds


def test_every_state_is_reachable_and_every_road_ends() -> None:
    found: set[str] = set()
    waiting = {definition()["StartAt"]}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= follows(STATES[name]) - found
    assert found == STATES.keys()
    ends = {state["Type"] for state in STATES.values() if not follows(state)}
    assert ends == {"Succeed", "Fail"}


def test_every_expression_is_jsonata() -> None:
    assert definition()["QueryLanguage"] == "JSONata"
    expressions = [t for t in text(STATES) if "{%" in t]
    assert expressions
    for expression in expressions:
        inner = re.fullmatch(r"\{%\s*(.*?)\s*%\}", expression, re.S)
        assert inner, expression
        Jsonata.jsonata(inner[1])


def test_change_that_needs_time_is_waited_for() -> None:
    begun = {"context": {"Execution": {"Input": {"case": "0a1b", "until": UNTIL}}}}
    decided = {"context": {"Execution": {"Input": {"case": "0a1b"}}}}
    (begin,) = STATES["Begin"]["Choices"]
    assert [evaluated(begin["Condition"], one) for one in (begun, decided)] == [True, False]
    assert STATES["Begin"]["Default"] == "Proceed"
    assert evaluated(STATES[begin["Next"]]["Timestamp"], begun) == UNTIL
    (more,) = STATES["Ended"]["Choices"]
    waits = {"status": "containing", "until": UNTIL}
    ends = [evaluated(more["Condition"], {"input": s}) for s in (waits, {"status": "contained"})]
    assert ends == [True, False]
    assert evaluated(STATES[more["Next"]]["Timestamp"], {"input": waits}) == UNTIL
    assert {STATES[one["Next"]]["Next"] for one in (begin, more)} == {"Proceed"}
    assert evaluated(TASK["Output"], {"result": {"Payload": waits}}) == waits


def test_execution_lives_longer_than_its_waits() -> None:
    assert definition()["TimeoutSeconds"] > 10 * LONGEST_WAIT.total_seconds()


def test_failure_is_an_alarm() -> None:
    assert STATES["Failed"]["Type"] == "Fail"
    (alarm,) = (one for one in stack().unbuilt if one.logical == "WorkflowsFailed")
    seen = [m["MetricStat"]["Metric"] for m in alarm.properties["Metrics"] if "MetricStat" in m]
    machines = {d["Value"] for metric in seen for d in metric["Dimensions"]}
    assert machines == {one.arn for one in stack().of("AWS::StepFunctions::StateMachine")}
    metrics = {metric["MetricName"] for metric in seen}
    assert metrics == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}


def test_inputs_and_outputs_stay_out_of_the_logs() -> None:
    for machine in stack().of("AWS::StepFunctions::StateMachine"):
        logging = machine.properties["LoggingConfiguration"]
        assert logging["IncludeExecutionData"] is False
        assert logging["Level"] == "ERROR"
