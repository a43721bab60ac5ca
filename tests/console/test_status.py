"""How the stack is: what is wrong is said, and what is unknown is not guessed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from console import cli, explained_case, status
from console.options import ROOT
from console.stack import NotPossible, Stack
from cordon.deciding.failed_records import KEPT, REDELIVERED
from cordon.deciding.redeliver import PLACES, RECORDS
from cordon.memory import budget
from cordon.memory.table import encode
from cordon.statuses import Status
from embedded.template import load
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
    assert "enforce" not in found
    assert found["refused setting"][1] is True


def test_playbooks_that_may_change_anything_are_named(stack: Stack) -> None:
    modes = {QUARANTINE.name: "approve", TAG.name: "enforce"}
    put(stack, id="settings", version=1, master_switch="on", budget=3, modes=modes)
    found = said(status.settings, stack)
    assert (found["approve"][0], found["enforce"][0]) == (QUARANTINE.name, TAG.name)
    assert found["modes"][0].startswith(f"1 approve, 1 enforce, {len(HEADERS) - 2} observe")


def test_dead_letter_is_wrong(stack: Stack) -> None:
    assert said(status.dead_letters, stack) == {"dead letters": ("cordon-FailedReports: 0", False)}
    stack.client("sqs").send_message(QueueUrl=stack.outputs["DeadLetters"], MessageBody="{}")
    assert said(status.dead_letters, stack) == {"dead letters": ("cordon-FailedReports: 1", True)}


def test_records_that_were_given_up_are_wrong_until_they_are_redelivered(stack: Stack) -> None:
    s3, bucket = stack.client("s3"), "cordon-failedrecords-1"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="sweeps/a-page")
    deployed = replace(stack, outputs={**stack.outputs, "FailedRecords": bucket})
    counted = []
    for key in ("", f"{KEPT}mapping/one", f"{KEPT}mapping/two", f"{REDELIVERED}{KEPT}mapping/one"):
        if key:
            s3.put_object(Bucket=bucket, Key=key)
        ((text, wrong),) = said(status.failed_records, deployed).values()
        counted.append((int(text.split()[1]), wrong))
    assert counted == [(0, False), (1, True), (2, True), (1, True)]
    assert "cordon redeliver FailedRecords" in text


def test_stack_that_does_not_name_its_failed_records_is_unknown(stack: Stack) -> None:
    (line,) = status.failed_records(stack)
    assert (line.wrong, line.unknown) == (False, True)


def test_each_place_that_is_redelivered_is_counted() -> None:
    """The queues by one output of the template, the bucket by another."""
    outputs = load((ROOT / "template.yaml").read_text())["Outputs"]
    for place in PLACES:
        output = place if place == RECORDS else "DeadLetters"
        assert f"'{place}'" in str(outputs[output]["Value"])


@pytest.mark.parametrize(
    ("part", "code", "says"),
    [
        ("Security Hub", "InvalidAccessException", "NOT enabled: its findings do not come"),
        ("Security Hub", "AccessDeniedException", "unknown: missing is securityhub:DescribeHub"),
        ("Macie", "AccessDeniedException: Macie is not enabled", "NOT enabled"),
        ("Macie", "AccessDeniedException", "unknown: missing is macie2:GetMacieSession"),
        ("Macie", "ThrottlingException", "unknown: ThrottlingException of macie2:GetMacieSession"),
        ("CloudTrail", "AccessDeniedException", "unknown: missing is cloudtrail:DescribeTrails"),
    ],
)
def test_service_that_is_not_enabled_is_no_missing_right(part: str, code: str, says: str) -> None:
    calls = {
        "Security Hub": "DescribeHub",
        "Macie": "GetMacieSession",
        "CloudTrail": "DescribeTrails",
    }

    def refused(*_: Any, **__: Any) -> Any:
        error, message = [*code.split(": "), ""][:2]
        raise ClientError({"Error": {"Code": error, "Message": message}}, calls[part])

    client = SimpleNamespace(
        describe_hub=refused, get_macie_session=refused, describe_trails=refused
    )
    (line,) = status.PARTS[part](Stack(lambda _: client, {}))
    assert line.text.startswith(says)
    assert (line.wrong, line.unknown) == (False, says.startswith("unknown"))


SUSPENDED = {"Status": "DISABLED"}


@pytest.mark.parametrize(
    ("part", "responses", "says"),
    [
        ("GuardDuty", {"list_detectors": {"DetectorIds": []}}, "NOT enabled"),
        (
            "GuardDuty",
            {"list_detectors": {"DetectorIds": ["d"]}, "get_detector": SUSPENDED},
            "NOT enabled",
        ),
        (
            "GuardDuty",
            {"list_detectors": {"DetectorIds": ["d"]}, "get_detector": {"Status": "ENABLED"}},
            "enabled",
        ),
        (
            "Config",
            {"describe_configuration_recorder_status": {"ConfigurationRecordersStatus": []}},
            "NO recorder records",
        ),
        ("CloudTrail", {"describe_trails": {"trailList": []}}, "NO trail logs"),
    ],
)
def test_what_is_off_is_said(part: str, responses: dict[str, Any], says: str) -> None:
    calls = {name: Mock(return_value=said) for name, said in responses.items()}
    (line,) = status.PARTS[part](Stack(lambda _: SimpleNamespace(**calls), {}))
    assert line.text.startswith(says)


def cordon(*words: Any) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def test_command_ends_with_whether_anything_is_wrong(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: stack)
    fine = {"dead letters": status.dead_letters}
    monkeypatch.setattr(status, "PARTS", fine)
    assert cordon("status").exit_code == 0
    monkeypatch.setattr(status, "PARTS", fine | {"failed records": status.failed_records})
    assert cordon("status").exit_code == 3  # nobody knows how many there are
    monkeypatch.setattr(status, "PARTS", fine | {"settings": status.settings})
    assert cordon("status").exit_code == 1
    both = {"settings": status.settings, "failed records": status.failed_records}
    monkeypatch.setattr(status, "PARTS", both)
    assert cordon("status").exit_code == 1


URL = "https://sqs"
BROKEN = {"Error": {"Code": "InternalFailure"}, "ResponseMetadata": {"HTTPStatusCode": 503}}


@pytest.mark.parametrize(
    "error",
    [
        boto.ReadTimeoutError(endpoint_url=URL),
        boto.ConnectTimeoutError(endpoint_url=URL),
        boto.EndpointConnectionError(endpoint_url=URL),
        boto.ConnectionClosedError(endpoint_url=URL),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "GetQueueAttributes"),
        ClientError(BROKEN, "GetQueueAttributes"),
    ],
    ids=repr,
)
def test_a_service_that_does_not_respond_makes_its_part_unknown_and_no_other(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: stack)
    broken = Mock(side_effect=error)
    monkeypatch.setattr(status, "PARTS", {"dead letters": broken, "cases": status.cases})
    said = cordon("status", "-o", "jsonl")
    first, *others = map(json.loads, said.stdout.splitlines())
    assert said.exit_code == 3
    assert first["unknown"] and first["is"].startswith("unknown: ")
    assert [one["part"] for one in others][:1] == ["waiting"]


@pytest.mark.parametrize(
    "error",
    [
        boto.NoCredentialsError(),
        boto.UnauthorizedSSOTokenError(),
        ClientError({"Error": {"Code": "ExpiredToken"}}, "Query"),
    ],
    ids=repr,
)
def test_whose_credentials_are_none_is_shown_no_part(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(status, "PARTS", {"cases": Mock(side_effect=error)})
    with pytest.raises(type(error)):
        status.lines(stack)


def test_a_check_of_a_service_that_times_out_is_unknown() -> None:
    timeout = Mock(side_effect=boto.ReadTimeoutError(endpoint_url="https://macie2"))
    client = SimpleNamespace(get_macie_session=timeout)
    (line,) = status.PARTS["Macie"](Stack(lambda _: client, {}))
    assert line.unknown and "cannot be reached" in line.text


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


def test_explain_says_of_a_case_what_was_decided_and_what_is_so_now(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: stack)
    case = a_case()
    stack.cases(QUARANTINE.name).open(case)
    put(stack, id="settings", version=1, master_switch="observe", budget=3)
    done = cordon("explain", case.id[:5], "-o", "json")
    (row,) = json.loads(done.stdout)
    assert (row["event"], row["playbook"]) == (f"case {case.id}", QUARANTINE.name)
    assert row["outcome"] == "contained"
    assert row["reason"] == (
        "contain: mode is enforce; its mode was enforce; now it is observe, the master switch is at"
        " observe"
    )


@pytest.mark.parametrize("has_case", [True, False])
def test_explain_names_the_other_playbooks_of_a_case(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, has_case: bool
) -> None:
    monkeypatch.setattr(Stack, "named", lambda *_: stack)
    case = a_case()
    stack.cases(QUARANTINE.name).open(case)
    other = replace(HEADERS[TAG.name], handles=("guardduty:*",), targets=lambda one: one.resources)
    monkeypatch.setattr(explained_case, "headers", lambda: {TAG.name: other})
    if has_case:
        its = a_case(id=other.case_id(case.finding), verdict="observe", reason="why")
        stack.cases(TAG.name).open(replace(its, playbook=TAG.name))
    found = json.loads(cordon("explain", case.id, "-o", "json").stdout)[1]
    assert found["playbook"] == TAG.name
    assert found["outcome"] == ("contained" if has_case else "no case")
    assert ("observe: why" in found["reason"]) is has_case


def test_explain_needs_no_stack_for_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Any:
        raise AssertionError("a stack was looked for")

    monkeypatch.setattr(Stack, "named", refused)
    assert cordon("explain", path_of("securityhub_s3_5")).exit_code == 0
