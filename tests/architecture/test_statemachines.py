"""The workflows: every step is retried, caught and timed; no road to contain but an approval."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonata import Jsonata

from cordon.entry import MARGIN
from cordon.workflow import STEPS
from embedded.template import load
from tests.architecture import stack as seen
from tests.architecture.stack import stack

MACHINES = ("contain", "release")
FIELDS = {  # what cordon.workflow reads of each command, beside do and case
    "ask": {"token"},
    "contain": set(),
    "continue": set(),
    "end_question": set(),
    "report": set(),
    "release": set(),
}


def definition(machine: str) -> Mapping[str, Any]:
    """The machine as the stack has it, substitutions made."""
    properties = stack().resources[f"{machine.capitalize()}Workflow"].properties
    found: Mapping[str, Any] = load(properties["DefinitionString"])
    return found


def states(machine: str) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = definition(machine)["States"]
    return found


def tasks() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for machine in MACHINES:
        for name, state in states(machine).items():
            if state["Type"] == "Task":
                yield machine, name, state


TASKS = {f"{machine}.{name}": state for machine, name, state in tasks()}


def command(state: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = state["Arguments"]["Payload"]["cordon"]
    return found


def follows(state: Mapping[str, Any]) -> set[str]:
    """Every state that may come next."""
    found = {state["Next"]} if "Next" in state else set()
    found |= {state["Default"]} if "Default" in state else set()
    for branch in (*state.get("Choices", ()), *state.get("Catch", ())):
        found.add(branch["Next"])
    return found


def reachable(machine: str, *, without: str = "") -> set[str]:
    """The states on some road from the start, where ``without`` is closed."""
    known = states(machine)
    found: set[str] = set()
    waiting = {definition(machine)["StartAt"]} - {without}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= follows(known[name]) - found - {without}
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


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_retried_caught_and_timed(name: str) -> None:
    state = TASKS[name]
    assert {e for c in state["Catch"] for e in c["ErrorEquals"]} >= {"States.ALL"}
    assert "TimeoutSeconds" in state
    retried = {e for r in state["Retry"] for e in r["ErrorEquals"] if r["MaxAttempts"] > 0}
    assert {"Lambda.ServiceException", "Lambda.TooManyRequestsException"} <= retried
    for retrier in state["Retry"]:
        waits = retrier["ErrorEquals"] == ["ContainInProgress"]  # as long as a lease lasts
        assert waits or retrier["MaxAttempts"] == 0 or retrier["JitterStrategy"] == "FULL"
    assert not retried & {"States.ALL", "States.Timeout"}  # a time-out to approve is a decision


@pytest.mark.parametrize("name", TASKS)
def test_every_task_calls_the_playbook_of_the_case(name: str) -> None:
    state = TASKS[name]
    context = {"Execution": {"Input": {"case": "0a1b", "function": "arn:f"}}}
    known = {"context": context, "input": {}}
    assert evaluated(state["Arguments"]["FunctionName"], known) == "arn:f"
    assert evaluated(command(state)["case"], known) == "0a1b"
    assert state["Resource"].startswith("arn:aws:states:::lambda:invoke")


@pytest.mark.parametrize("name", TASKS)
def test_every_task_gives_a_command_without_authority(name: str) -> None:
    given = command(TASKS[name])
    assert given["do"] in STEPS
    optional = {"failed"} if given["do"] == "report" else set()
    fields = given.keys() - {"do", "case", "execution"}
    in_contain = name.startswith("contain.")
    # A case that needed time has no question any more.
    assert ("execution" in given) == (
        in_contain and given["do"] != "continue"
    )  # an old execution decides nothing in a new round
    assert FIELDS[given["do"]] <= fields <= FIELDS[given["do"]] | optional


def test_every_command_is_given_by_some_task() -> None:
    assert {command(state)["do"] for state in TASKS.values()} == STEPS.keys() == FIELDS.keys()


@pytest.mark.parametrize("name", TASKS)
def test_a_task_outlasts_the_function_it_waits_for(name: str) -> None:
    limit = TASKS[name]["TimeoutSeconds"]
    longest = max(f.properties["Timeout"] for f in stack().of("AWS::Lambda::Function"))
    assert (evaluated(limit, {}) if isinstance(limit, str) else limit) > longest


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_is_reachable_and_every_road_ends(machine: str) -> None:
    known = states(machine)
    assert reachable(machine) == known.keys()
    ends = {name for name, state in known.items() if not follows(state)}
    assert {known[name]["Type"] for name in ends} == {"Succeed", "Fail"}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_expression_is_jsonata(machine: str) -> None:
    assert definition(machine)["QueryLanguage"] == "JSONata"
    expressions = [t for t in text(states(machine)) if "{%" in t]
    assert expressions
    for expression in expressions:
        inner = re.fullmatch(r"\{%\s*(.*?)\s*%\}", expression, re.S)
        assert inner, expression
        Jsonata.jsonata(inner[1])


def test_nothing_is_contained_without_the_word_approve() -> None:
    assert "Contain" in reachable("contain")
    assert "Contain" not in reachable("contain", without="Decide")
    (choice,) = states("contain")["Decide"]["Choices"]
    assert choice["Next"] == "Contain"
    said = [
        {"decision": "approve"},
        {"decision": "Approve"},
        {"decision": "reject"},
        {"decision": ""},
        {},
    ]
    chosen = [evaluated(choice["Condition"], {"input": s}) for s in said]
    assert chosen == [True, False, False, False, False]
    assert (
        command(states("contain")[states("contain")["Decide"]["Default"]])["do"] == "end_question"
    )


def test_refusal_is_final_and_live_attempt_is_retried() -> None:
    refused = {e for r in states("contain")["Contain"]["Retry"] for e in r["ErrorEquals"]}
    assert {"NotApproved", "NotAllowedNow"} <= refused
    assert states("contain")["Contain"]["Retry"][0]["MaxAttempts"] == 0
    live = states("contain")["Contain"]["Retry"][1]
    assert live["ErrorEquals"] == ["ContainInProgress"]
    longest = max(f.properties["Timeout"] for f in stack().of("AWS::Lambda::Function"))
    assert live["IntervalSeconds"] * live["MaxAttempts"] > longest + MARGIN.seconds


def test_expired_question_does_nothing() -> None:
    ask = states("contain")["Ask"]
    assert ask["Resource"].endswith(":lambda:invoke.waitForTaskToken")
    assert evaluated(ask["TimeoutSeconds"], {}) == 4 * 3600
    first = ask["Catch"][0]
    assert first["ErrorEquals"] == ["States.Timeout"]
    assert command(states("contain")[first["Next"]])["do"] == "end_question"
    after = states("contain")[first["Next"]]["Next"]
    assert command(states("contain")[after])["do"] == "report"


def test_failure_is_reported_before_the_execution_fails() -> None:
    for machine in MACHINES:
        known = states(machine)
        for name, state in known.items():
            if state["Type"] == "Task" and command(state)["do"] != "report":
                (general,) = (c for c in state["Catch"] if c["ErrorEquals"] == ["States.ALL"])
                assert "failed" in command(known[general["Next"]]), f"{machine}.{name}"
        reporting = known["ReportFailed"]
        assert known[reporting["Next"]]["Type"] == "Fail"
        assert [known[c["Next"]]["Type"] for c in reporting["Catch"]] == ["Fail"]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ({"Error": "NotApproved", "Cause": "x" * 2000}, "x" * 500),
        ({"Error": "States.Timeout"}, "States.Timeout"),
    ],
)
def test_failure_is_reported_with_its_cause(error: Mapping[str, str], cause: str) -> None:
    for machine in MACHINES:
        failed = command(states(machine)["ReportFailed"])["failed"]
        assert evaluated(failed["error"], {"input": error}) == error["Error"]
        assert evaluated(failed["cause"], {"input": error}) == cause


def test_change_that_needs_time_is_waited_for() -> None:
    known = states("contain")
    begun = {"context": {"Execution": {"Input": {"case": "0a1b", "until": "2026-11-24T18:00:00Z"}}}}
    question = {"context": {"Execution": {"Input": {"case": "0a1b"}}}}
    (begin,) = known["Begin"]["Choices"]
    assert [evaluated(begin["Condition"], one) for one in (begun, question)] == [True, False]
    assert known["Begin"]["Default"] == "Ask"
    assert evaluated(known[begin["Next"]]["Timestamp"], begun) == "2026-11-24T18:00:00Z"
    (more,) = known["Ended"]["Choices"]
    waits = {"state": "containing", "until": "2026-11-24T18:00:00Z"}
    ends = [evaluated(more["Condition"], {"input": s}) for s in (waits, {"state": "contained"})]
    assert ends == [True, False]
    assert evaluated(known[more["Next"]]["Timestamp"], {"input": waits}) == waits["until"]
    for wait in (begin["Next"], more["Next"]):
        assert command(known[known[wait]["Next"]])["do"] == "continue"
    for task in ("Contain", "Continue"):
        assert evaluated(known[task]["Output"], {"result": {"Payload": waits}}) == waits
        assert known[task]["Next"] == "Ended"


def test_release_waits_until_harmless_and_retries() -> None:
    known = states("release")
    response = {"result": {"Payload": {"state": "waiting", "until": "2026-11-24T18:00:00Z"}}}
    waiting = evaluated(known["Release"]["Output"], response)
    (choice,) = known["Decide"]["Choices"]
    assert evaluated(choice["Condition"], {"input": waiting}) is True
    assert evaluated(choice["Condition"], {"input": {"state": "released"}}) is False
    assert evaluated(known[choice["Next"]]["Timestamp"], {"input": waiting}) == waiting["until"]
    assert known[choice["Next"]]["Next"] == "Release"


def test_execution_times_out_after_its_steps() -> None:
    ask = seen.raw()["Parameters"]["ApprovalHours"]
    assert definition("contain")["TimeoutSeconds"] > ask["MaxValue"] * 3600
    assert definition("release")["TimeoutSeconds"] > 36 * 3600  # the longest a session may live


def test_task_tokens_stay_out_of_the_logs() -> None:
    for machine in stack().of("AWS::StepFunctions::StateMachine"):
        logging = machine.properties["LoggingConfiguration"]
        assert logging["IncludeExecutionData"] is False
        assert logging["Level"] == "ERROR"
