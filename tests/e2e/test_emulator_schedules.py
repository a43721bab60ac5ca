"""A rule with a schedule fires when the test says so, and never by the clock."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.account import ACCOUNT, PYTHON, REGION, ROOT, Account, emulator
from tests.e2e.emulators_page import EMULATOR
from tests.e2e.small_stacks import deploy, function
from tests.e2e.waiting import HANGS

PRINTS = """
import json
def handler(event, context):
    print("EVENT " + json.dumps(event))
"""


def rule(state: str = "ENABLED", **target: Any) -> dict[str, Any]:
    named = {"Id": "t", "Arn": {"Fn::GetAtt": ["Reader", "Arn"]}, **target}
    schedule = "rate(1 minute)" if state == "ENABLED" else "cron(0 3 * * ? *)"
    properties = {"ScheduleExpression": schedule, "State": state, "Targets": [named]}
    return {"Type": "AWS::Events::Rule", "Properties": properties}


def permission(name: str) -> dict[str, Any]:
    properties = {
        "FunctionName": {"Ref": "Reader"},
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": [name, "Arn"]},
    }
    return {"Type": "AWS::Lambda::Permission", "Properties": properties}


STACK: dict[str, Any] = {
    **function(PRINTS),
    "Plain": rule(),
    "WithInput": rule(Input='{"do": "daily"}'),
    "Off": rule("DISABLED"),
    "NotLetIn": rule(),
    "Event": {
        "Type": "AWS::Events::Rule",
        "Properties": {"EventPattern": {"source": ["none"]}},
    },
    **{f"{name}Permission": permission(name) for name in ("Plain", "WithInput", "Off")},
}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Account, dict[str, str]]]:
    assert PYTHON.exists(), f"{PYTHON} is missing: use `make e2e`"
    with emulator(tmp_path_factory.mktemp("emulator") / "log") as account:
        yield account, deploy(account, "schedules", STACK)


def events(account: Account, names: dict[str, str]) -> list[Any]:
    """What the function received."""
    logs = account.client("logs")
    try:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{names['Reader']}")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    texts = [re.search(r"EVENT (.*)", one["message"]) for one in found]
    return [json.loads(text[1]) for text in texts if text]


Deployed = tuple[Account, dict[str, str]]


def test_a_rule_fires_on_command(deployed: Deployed) -> None:
    account, names = deployed
    seen = len(events(account, names))
    account.tick_only(names["Plain"])
    account.settle()
    (event,) = events(account, names)[seen:]
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert (event["account"], event["region"], event["detail"]) == (ACCOUNT, REGION, {})
    assert event["resources"] == [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{names['Plain']}"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])


def test_the_input_of_the_target(deployed: Deployed) -> None:
    account, names = deployed
    seen = len(events(account, names))
    account.tick_only(names["WithInput"])
    account.settle()
    assert events(account, names)[seen:] == [{"do": "daily"}]


def test_a_rule_that_is_off_does_not_fire(deployed: Deployed) -> None:
    account, names = deployed
    with pytest.raises(AssertionError, match=names["Off"]):
        account.tick_only(names["Off"])
    account.client("events").enable_rule(Name=names["Off"])
    account.tick_only(names["Off"])
    account.settle()  # no other test hears of it


def test_the_function_must_let_the_rule_in(deployed: Deployed) -> None:
    account, names = deployed
    seen = len(events(account, names))
    account.tick_only(names["NotLetIn"])
    account.settle()
    assert len(events(account, names)) == seen


BY_THE_CLOCK = """
import sys
sys.path[:0] = {paths}
import schedules
from ministack.services import eventbridge
rule = {{"Name": "r", "State": "ENABLED", "ScheduleExpression": "rate(1 minute)", "CreationTime": 0,
        "Arn": "arn:aws:events:us-east-1:111122223333:rule/r"}}
place = ("111122223333", "us-east-1", "r")
eventbridge._rules._data[place], eventbridge._targets._data[place] = rule, [{{"Id": "t"}}]
fired = []
eventbridge._invoke_target = lambda *given: fired.append(given)
if {mended}:
    schedules.install()
eventbridge._tick_scheduled_rules()
print(len(fired))
"""


@pytest.mark.parametrize("mended", [True, False], ids=["mended", "as ministack has it"])
def test_no_rule_fires_by_the_clock(mended: bool) -> None:
    """A rule whose time came long ago, in a process of its own."""
    paths = [str(ROOT), str(ROOT / "layers" / "cordon"), str(EMULATOR)]
    script = BY_THE_CLOCK.format(paths=paths, mended=mended)
    ran = subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, timeout=HANGS)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["0" if mended else "1"]
