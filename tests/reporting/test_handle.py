"""The function as Lambda calls it: a stream's batch, and the queue's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from cordon.memory.cases import Case
from cordon.memory.reported import ReportedRows
from report_cases.report import handler
from tests.actions.scenario import PLACE, stub
from tests.make import DEPLOYMENT, NOON
from tests.memory.table import NAME
from tests.reporting.cases import a_case
from tests.reporting.people import TOPIC, People


class Context:
    """Of an invocation that has two minutes."""

    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


@pytest.fixture
def queue(seen: People, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of the reports' queue, and the function's environment."""
    url = seen.aws.client("sqs").create_queue(QueueName="reports")["QueueUrl"]
    environment = {
        "AWS_REGION": PLACE.region,
        "CORDON_ACCOUNT": PLACE.account,
        "CORDON_PARTITION": "aws",
        "CORDON_TABLE": NAME,
        "CORDON_TOPIC": TOPIC,
        "CORDON_REPORTS_QUEUE": url,
        "CORDON_SECURITY_HUB": "true",
        "CORDON_EVIDENCE_BUCKET": "evidence",
        "CORDON_EVIDENCE_DAYS": "365",
        "CORDON_APPROVAL_HOURS": "4",
        "CORDON_TWO_APPROVERS": "false",
        "CORDON_DETECTIVE": "false",
        "CORDON_STACK": DEPLOYMENT.stack,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("cordon.reporting.handle.clients_for", lambda *_: seen.aws)
    yield url


def rung(*cases: Case, **more: Any) -> dict[str, Any]:
    """The stream's batch that these cases ring."""
    ids = [f"case#{case.playbook}#{case.id}" for case in cases]
    return {"Records": [record(id, str(n)) for n, id in enumerate([*ids, *more.get("ids", ())])]}


def record(id: str, number: str) -> dict[str, Any]:
    return {
        "eventSource": "aws:dynamodb",
        "eventName": "MODIFY",
        "dynamodb": {"Keys": {"id": {"S": id}}, "SequenceNumber": number},
    }


def queued(*bodies: Any) -> dict[str, Any]:
    """The queue's batch of these messages."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {
        "Records": [
            {"eventSource": "aws:sqs", "messageId": f"m{n}", "body": text}
            for n, text in enumerate(texts)
        ]
    }


def wanted(case: Case, projection: str = "all", **more: Any) -> dict[str, Any]:
    return {"playbook": case.playbook, "case": case.id, "projection": projection, **more}


def failures(response: dict[str, Any]) -> list[str]:
    return [one["itemIdentifier"] for one in response["batchItemFailures"]]


def waiting(seen: People, queue: str) -> list[dict[str, Any]]:
    """The messages in the queue."""
    sqs = seen.aws.client("sqs")
    found = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
    return found


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in lines if "_aws" in line]


# ---- the stream ----


def test_doorbell_reports_the_case(seen: People, queue: str) -> None:
    case = seen.save(a_case())
    assert failures(handler(rung(case, case), Context())) == []
    assert seen.shown(case).version == 1
    assert len(seen.own()) == 1
    assert waiting(seen, queue) == []


def test_failed_projection_goes_to_the_queue(seen: People, queue: str) -> None:
    stub(seen.aws, "ssm", "CreateOpsItem", lambda _: "OpsItemLimitExceededException")
    cases = [seen.save(a_case(id=f"{n:016x}")) for n in range(12)]
    assert failures(handler(rung(*cases), Context())) == []
    assert waiting(seen, queue) == [wanted(case, "incident") for case in cases]


def test_what_the_queue_does_not_take_the_stream_brings_again(seen: People, queue: str) -> None:
    stub(seen.aws, "ssm", "CreateOpsItem", lambda _: "OpsItemLimitExceededException")
    first = {"Failed": [{"Id": "1", "Code": "x", "SenderFault": False}], "Successful": []}
    responses: list[Any] = [first, "AccessDenied"]
    stub(seen.aws, "sqs", "SendMessageBatch", lambda _: responses.pop(0))
    cases = [seen.save(a_case(id=f"{n:016x}")) for n in range(12)]
    assert failures(handler(rung(*cases), Context())) == ["1", "10", "11"]


def test_every_record_of_an_unsent_case_fails(seen: People, queue: str) -> None:
    stub(seen.aws, "ssm", "CreateOpsItem", lambda _: "OpsItemLimitExceededException")
    stub(seen.aws, "sqs", "SendMessageBatch", lambda _: "AccessDenied")
    case = seen.save(a_case())
    assert failures(handler(rung(case, case), Context())) == ["0", "1"]


@pytest.mark.parametrize("id", ["case#", "case#x", "hold#bucket#b", "case#x#"])
def test_other_keys_are_no_case(seen: People, queue: str, id: str) -> None:
    assert failures(handler(rung(ids=[id]), Context())) == []
    assert waiting(seen, queue) == []


def test_deleted_row_is_no_failure(seen: People, queue: str) -> None:
    assert failures(handler(rung(a_case()), Context())) == []


def test_heartbeat_is_kept_and_shown_nowhere(
    seen: People, queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seen.table.put({"id": "case#self_test#heartbeat", "version": 7})
    assert failures(handler(rung(ids=["case#self_test#heartbeat"]), Context())) == []
    name = ("self_test", "heartbeat")
    assert ReportedRows(seen.table).get([name])[name].version == 7
    assert seen.calls == []
    assert [said["Heartbeat"] for said in metrics(capsys)] == [[1.0]]


def test_log_and_metrics_say_what_failed(
    seen: People,
    queue: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    stub(seen.aws, "sns", "PublishBatch", lambda _: "AuthorizationError")
    case = seen.save(a_case())
    handler(rung(case), Context())
    (said,) = [vars(line) for line in caplog.records if line.message == "not reported"]
    assert (said["case"], said["projection"], said["levelname"]) == (case.id, "message", "WARNING")
    assert "AuthorizationError" in said["error"]
    found = metrics(capsys)
    (count,) = [line for line in found if "NotReported" in line]
    assert (count["NotReported"], count["projection"]) == ([1.0], "message")
    (seconds,) = [line["SecondsToReported"] for line in found if "SecondsToReported" in line]
    assert 0 <= seconds[0] < 60


# ---- the queue ----


def test_message_is_about_its_projection_only(seen: People, queue: str) -> None:
    case = seen.save(a_case())
    assert failures(handler(queued(wanted(case, "incident")), Context())) == []
    assert (len(seen.items()), seen.own(), seen.events) == (1, [], [])
    assert seen.shown(case).version == -1, "the others were not shown"


def test_message_of_all_is_about_all(seen: People, queue: str) -> None:
    case = seen.save(a_case())
    both = queued(wanted(case, "incident"), wanted(case))
    assert failures(handler(both, Context())) == []
    assert seen.shown(case).version == 1


def test_daily_message_looks_at_what_there_is(seen: People, queue: str) -> None:
    case = seen.save(a_case())
    handler(rung(case), Context())
    number = seen.shown(case).ops_item
    seen.aws.client("ssm").update_ops_item(OpsItemId=number, Title="nothing happened")
    handler(queued(wanted(case)), Context())
    assert seen.items()[0]["Title"] == "nothing happened"
    assert failures(handler(queued(wanted(case, anew=True)), Context())) == []
    assert seen.items()[0]["Title"].startswith("HIGH: Cordon contained")


def test_only_the_failing_message_comes_back(seen: People, queue: str) -> None:
    """By itself: it is not sent a second time, or it would double with each try."""
    stub(seen.aws, "ssm", "CreateOpsItem", lambda _: "OpsItemLimitExceededException")
    case = seen.save(a_case())
    batch = queued(wanted(case, "incident"), wanted(case, "event"))
    assert failures(handler(batch, Context())) == ["m0"]
    assert len(seen.events) == 1
    assert failures(handler(queued(wanted(case)), Context())) == ["m0"]
    assert waiting(seen, queue) == []


def test_message_of_an_unreadable_case_comes_back(seen: People, queue: str) -> None:
    case = seen.save(a_case())
    row = dict(seen.table.get(id := f"case#{case.playbook}#{case.id}")[id])
    seen.table.put({**row, "status": "nonsense"})
    assert failures(handler(queued(wanted(case, "event")), Context())) == ["m0"]


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "{}", '{"playbook":1,"case":2}', "null"])
def test_unreadable_message_comes_back_alone(seen: People, queue: str, body: str) -> None:
    case = seen.save(a_case())
    assert failures(handler(queued(body, wanted(case)), Context())) == ["m0"]
    assert len(seen.own()) == 1


def throttled(seen: People, times: int, error: str = "ThrottlingException") -> list[str]:
    """OpsCenter refuses so many calls; the list has one entry for each call."""
    calls: list[str] = []

    def respond(_: Any) -> str | None:
        calls.append(error)
        return error if len(calls) <= times else None

    stub(seen.aws, "ssm", "CreateOpsItem", respond)
    return calls


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the code waited for; nobody waits here."""
    waited: list[float] = []
    monkeypatch.setattr("cordon.clock.sleep", waited.append)
    return waited


def test_queue_is_patient_with_throttles(seen: People, queue: str, waits: list[float]) -> None:
    """What fails here comes back twelve minutes later: in a storm, people would wait for that."""
    case = seen.save(a_case())
    calls = throttled(seen, 11)
    assert failures(handler(queued(wanted(case, "incident")), Context())) == []
    assert (len(calls), len(waits)) == (12, 11)
    assert len(seen.items()) == 1
    assert all(0 <= seconds <= 5 for seconds in waits)


def test_patience_has_an_end(seen: People, queue: str, waits: list[float]) -> None:
    case = seen.save(a_case())
    calls = throttled(seen, 99)
    assert failures(handler(queued(wanted(case, "incident")), Context())) == ["m0"]
    assert len(calls) == 12


def test_patience_is_for_throttles(seen: People, queue: str, waits: list[float]) -> None:
    case = seen.save(a_case())
    calls = throttled(seen, 99, "AccessDeniedException")
    assert failures(handler(queued(wanted(case, "incident")), Context())) == ["m0"]
    assert (len(calls), waits) == (1, [])


def test_stream_waits_for_no_throttle(seen: People, queue: str, waits: list[float]) -> None:
    """Other cases wait behind its batch."""
    case = seen.save(a_case())
    calls = throttled(seen, 99)
    assert failures(handler(rung(case), Context())) == []
    assert (len(calls), waits) == (1, [])
    assert waiting(seen, queue) == [wanted(case, "incident")]


def test_patience_ends_with_the_time(
    seen: People, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = seen.save(a_case())
    calls = throttled(seen, 99)
    with time_machine.travel(NOON, tick=False) as clock:
        monkeypatch.setattr("cordon.clock.sleep", lambda _: clock.shift(25))
        assert failures(handler(queued(wanted(case, "incident")), Context())) == ["m0"]
    assert len(calls) == 3  # after 0, 25 and 50 seconds; it has a minute


def test_other_events_are_refused(seen: People, queue: str) -> None:
    with pytest.raises(ValueError, match="neither a stream's batch nor a queue's"):
        handler({"Records": [{"eventSource": "aws:s3"}]}, Context())
    with pytest.raises(KeyError):
        handler({"cordon": {"do": "report"}}, Context())


def test_function_stops_before_its_time_is_over(seen: People, queue: str) -> None:
    """Saving, and the queue, still need some."""

    class Late(Context):
        def get_remaining_time_in_millis(self) -> int:
            return 59_000

    case = seen.save(a_case())
    assert failures(handler(rung(case), Late())) == []
    assert seen.calls == []
    assert {message["projection"] for message in waiting(seen, queue)} == {
        "finding",
        "original",
        "incident",
        "message",
        "event",
    }


def test_settings_go_to_the_queue_whole(seen: People, queue: str) -> None:
    assert failures(handler(rung(ids=["settings"]), Context())) == []
    (message,) = waiting(seen, queue)
    assert message["settings"]["changed_by"] == "deleted"


def test_settings_that_the_queue_does_not_take_ring_again(seen: People, queue: str) -> None:
    stub(seen.aws, "sqs", "SendMessageBatch", lambda _: "AccessDenied")
    assert failures(handler(rung(ids=["settings"]), Context())) == ["0"]


@pytest.mark.parametrize(
    "body", ["1", "null", '"settings"', '{"settings": 1}', '{"settings": {"decided": 1}}']
)
def test_message_that_is_none_comes_back(seen: People, queue: str, body: str) -> None:
    event = {"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": body}]}
    assert failures(handler(event, Context())) == ["m"]
