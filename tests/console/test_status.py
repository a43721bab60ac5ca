"""How the stack is: what is wrong is said, and what is unknown is not guessed."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from console import cli, status
from console.stack import NotPossible, Stack
from cordon.memory import budget
from cordon.memory.table import encode
from cordon.statuses import Status
from tests.actions.scenario import account
from tests.examples import ESCALATE, HEADERS, QUARANTINE, TAG, path_of
from tests.memory.table import NAME, create
from tests.reporting.cases import a_case

TOPIC = "arn:aws:sns:us-east-1:111122223333:cordon"


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack with an empty table and one empty queue; nothing else is enabled in the account."""
    with account() as aws:
        create(aws.client("dynamodb"))
        url = aws.client("sqs").create_queue(QueueName="cordon-FailedReports")["QueueUrl"]
        outputs = {"CasesTableName": NAME, "AlertsTopic": TOPIC, "DeadLetters": url}
        yield Stack(aws.client, outputs, name="cordon", stack_id="arn:x")


def said(part: status.Part, stack: Stack) -> dict[str, tuple[str, bool]]:
    return {line.part: (line.text, line.wrong) for line in part(stack)}


def put(stack: Stack, **row: Any) -> None:
    item = {name: encode(value) for name, value in row.items()}
    stack.client("dynamodb").put_item(TableName=NAME, Item=item)


def test_cases_are_counted(stack: Stack) -> None:
    statuses = (Status.AWAITING_APPROVAL, Status.CONTAINED, Status.FAILED, Status.ESCALATED)
    for number, one in enumerate(statuses):
        stack.cases(QUARANTINE.name).open(a_case(one, id=f"{number:016}"))
    counts = {part: text.split()[0] for part, (text, _) in said(status.cases, stack).items()}
    assert counts == {
        "waiting": "1",
        "held": "2",
        "failed": "1",
        "escalated": "1",
        "held back": "0",
    }
    assert said(status.cases, stack)["failed"][1] is True


def test_budget_that_is_used_up_is_wrong(stack: Stack) -> None:
    put(stack, id="settings", version=1, master_switch="on", budget=3)
    assert "nothing of it is used" in said(status.budgets, stack)["budget"][0]
    put(stack, id=budget.key(QUARANTINE.name, "111122223333"), spent=3)
    assert said(status.budgets, stack)["budget"] == (
        f"{QUARANTINE.name}: 0 of 3 left this hour",
        True,
    )


def test_settings_that_are_refused_are_wrong(stack: Stack) -> None:
    assert said(status.settings, stack)["master switch"][1] is True  # no row
    put(stack, id="settings", version=1, master_switch="observe", budget=3, modes={"x": "red"})
    found = said(status.settings, stack)
    assert found["master switch"] == ("observe", False)
    assert found["modes"][0].startswith(f"{len(HEADERS)} observe")
    assert found["refused setting"][1] is True


def test_dead_letter_is_wrong(stack: Stack) -> None:
    assert said(status.dead_letters, stack) == {"dead letters": ("cordon-FailedReports: 0", False)}
    stack.client("sqs").send_message(QueueUrl=stack.outputs["DeadLetters"], MessageBody="{}")
    assert said(status.dead_letters, stack) == {"dead letters": ("cordon-FailedReports: 1", True)}


@pytest.mark.parametrize(
    ("part", "code", "says"),
    [
        (status.security_hub, "InvalidAccessException", "NOT enabled"),
        (status.security_hub, "AccessDeniedException", "unknown: missing is"),
        (status.macie, "AccessDeniedException: Macie is not enabled", "NOT enabled"),
        (status.macie, "AccessDeniedException", "unknown: missing is"),
    ],
)
def test_service_that_is_not_enabled_is_no_missing_right(
    monkeypatch: pytest.MonkeyPatch, part: status.Part, code: str, says: str
) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        error, message = [*code.split(": "), ""][:2]
        raise ClientError({"Error": {"Code": error, "Message": message}}, "Call")

    client = SimpleNamespace(describe_hub=refused, get_macie_session=refused)
    monkeypatch.setattr(status, "PARTS", {"it": part})
    (line,) = status.lines(Stack(lambda _: client, {}))
    assert says in line.text


def test_no_detector_is_said() -> None:
    client = SimpleNamespace(list_detectors=lambda: {"DetectorIds": []})
    (line,) = status.guardduty(Stack(lambda _: client, {}))
    assert "NOT enabled" in line.text


def cordon(*words: Any) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def test_command_ends_with_whether_anything_is_wrong(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: stack)
    fine = {"dead letters": status.dead_letters}
    monkeypatch.setattr(status, "PARTS", fine)
    assert cordon("status").exit_code == 0
    monkeypatch.setattr(status, "PARTS", fine | {"settings": status.settings})
    assert cordon("status").exit_code == 1


# ---- playbooks, and where events lead ----


def test_playbooks_are_listed_and_shown() -> None:
    listed = [json.loads(line) for line in cordon("playbooks", "-o", "jsonl").stdout.splitlines()]
    assert {one["playbook"] for one in listed} == set(HEADERS)
    shown = cordon("playbooks", QUARANTINE.name).stdout
    assert QUARANTINE.handles[0] in shown and "Leaves" in shown
    assert isinstance(cordon("playbooks", "x").exception, NotPossible)


@pytest.mark.parametrize(
    ("sample", "playbook", "reason"),
    [
        ("guardduty_public_access", QUARANTINE.name, "mode is enforce"),
        ("guardduty_root_credential_usage", ESCALATE.name, ""),
        ("securityhub_sagemaker_1", TAG.name, ""),
        ("securityhub_s3_5", "nobody", "no playbook handles"),
    ],
)
def test_explain_says_who_handles_an_event_or_why_nobody(
    sample: str, playbook: str, reason: str
) -> None:
    done = cordon("explain", path_of(sample), "-o", "json")
    (row,) = json.loads(done.stdout)
    assert (row["playbook"], done.exit_code) == (playbook, 0)
    assert reason in row["reason"]
    assert bool(row["rules"]) is (playbook != "nobody")


def test_event_that_cannot_be_read_is_a_row_with_the_reason(tmp_path: Any) -> None:
    (tmp_path / "e.json").write_text("no json")
    done = cordon("explain", tmp_path / "e.json", "-o", "json")
    (row,) = json.loads(done.stdout)
    assert (row["outcome"], done.exit_code) == ("unreadable", 1)
    assert "not JSON" in row["reason"] and "not JSON" in done.stderr
