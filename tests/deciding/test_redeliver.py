"""Dead letters go back to where they came from, once each; what names nobody of ours stays."""

import json
from typing import Any

import pytest

from cordon.deciding.desk import NotDecided
from cordon.deciding.redeliver import MOST_LETTERS, RESERVED_MS, redeliver
from cordon.deciding.request import BadRequest, Redeliver
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from tests.deciding.stand_ins import ADA, CASE, FUNCTIONS_OF, Office, caller
from tests.deciding.test_custom_actions import chosen, our_finding
from tests.examples import QUARANTINE, REVOKE, function_of
from tests.make import ACCOUNT
from tests.reporting.cases import a_case

EVENT = {"source": "aws.guardduty", "detail": {"id": "x"}}
FUNCTION = FUNCTIONS_OF[REVOKE.name]
BULK = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:Bulk"


def sends(office: Office, queue: str, left: int = 60_000) -> dict[str, Any]:
    response = redeliver(Redeliver(queue), caller(), office.desk, lambda: left)
    assert response.status == 200
    return dict(response.body)


def target(arn: str) -> dict[str, Any]:
    return {"MessageAttributes": {"TARGET_ARN": {"StringValue": arn, "DataType": "String"}}}


def test_reports_go_back_to_their_queue(office: Office) -> None:
    for number in range(25):
        office.queues.put("FailedReports", {"case": number})
    assert sends(office, "FailedReports") == {
        "queue": "FailedReports",
        "by": ADA,
        "person": ADA,
        "redelivered": 25,
        "left": 0,
        "why": [],
        "more": False,
    }
    assert [json.loads(body)["case"] for _, body in office.queues.sent] == list(range(25))
    assert {queue for queue, _ in office.queues.sent} == {"Reports"}
    assert office.queues.letters["FailedReports"] == []


def test_bulk_events_go_to_the_queue_that_sqs_names(office: Office) -> None:
    office.queues.put("FailedBulkEvents", EVENT, Attributes={"DeadLetterQueueSourceArn": BULK})
    office.queues.put("FailedBulkEvents", EVENT)
    office.queues.put(
        "FailedBulkEvents", EVENT, Attributes={"DeadLetterQueueSourceArn": BULK.replace("B", "X")}
    )
    done = sends(office, "FailedBulkEvents")
    assert (done["redelivered"], done["left"]) == (1, 2)
    assert office.queues.sent == [("Bulk", json.dumps(EVENT))]
    assert len(office.queues.letters["FailedBulkEvents"]) == 2


def test_undelivered_events_go_to_their_target(office: Office) -> None:
    office.queues.put("UndeliveredEvents", EVENT, **target(FUNCTION))
    office.queues.put("UndeliveredEvents", EVENT, **target(BULK))
    done = sends(office, "UndeliveredEvents")
    assert done["redelivered"] == 2
    (invoked,) = office.calls.invoked
    assert invoked == {"FunctionName": FUNCTION, "InvocationType": "Event", "Payload": EVENT}
    assert office.queues.sent == [("Bulk", json.dumps(EVENT))]


def test_failed_invocations_are_invoked_again(office: Office) -> None:
    context = {"functionArn": f"{FUNCTION}:$LATEST"}
    office.queues.put(
        "FailedInvocations", {"requestContext": context, "requestPayload": EVENT, "version": "1.0"}
    )
    assert sends(office, "FailedInvocations")["redelivered"] == 1
    assert office.calls.invoked[0]["FunctionName"] == FUNCTION


def test_the_desks_own_event_is_handled_at_once(office: Office) -> None:
    case = office.having(a_case(Status.CONTAINED))
    event = chosen("CordonRelease", our_finding(case))
    office.queues.put("UndeliveredEvents", event, **target("arn:aws:lambda:x:1:function:desk"))
    assert sends(office, "UndeliveredEvents")["redelivered"] == 1
    made = office.decision(CASE)
    assert made is not None and made.verb is Verb.RELEASE


@pytest.mark.parametrize(
    ("queue", "body", "more"),
    [
        ("UndeliveredEvents", EVENT, {}),
        ("UndeliveredEvents", EVENT, target("")),
        ("UndeliveredEvents", EVENT, target("arn:aws:lambda:eu-central-1:1:function:other")),
        ("UndeliveredEvents", EVENT, target("arn:aws:sqs:eu-central-1:1:Other")),
        ("UndeliveredEvents", "no JSON", target(FUNCTION)),
        ("UndeliveredEvents", "[1]", target(FUNCTION)),
        ("UndeliveredEvents", {**chosen("CordonRelease"), "detail": {}}, target("arn:x")),
        ("FailedInvocations", {"requestPayload": EVENT}, {}),
        ("FailedInvocations", {"requestContext": {"functionArn": FUNCTION}}, {}),
        ("FailedInvocations", {"requestContext": 1, "requestPayload": {}}, {}),
        (
            "FailedInvocations",
            {"requestContext": {"functionArn": FUNCTION + "2"}, "requestPayload": EVENT},
            {},
        ),
    ],
)
def test_what_names_nobody_of_ours_is_left(
    office: Office, queue: str, body: Any, more: dict[str, Any]
) -> None:
    office.queues.put(queue, body, **more)
    done = sends(office, queue)
    assert (done["redelivered"], done["left"], len(done["why"])) == (0, 1, 1)
    assert office.calls.invoked == [] and office.queues.sent == []
    assert len(office.queues.letters[queue]) == 1


def test_a_request_takes_so_many_and_says_that_there_are_more(office: Office) -> None:
    for number in range(MOST_LETTERS + 5):
        office.queues.put("FailedReports", {"case": number})
    done = sends(office, "FailedReports")
    assert (done["redelivered"], done["more"]) == (MOST_LETTERS, True)
    assert len(office.queues.letters["FailedReports"]) == 5


def test_a_request_ends_before_the_function_does(office: Office) -> None:
    office.queues.put("FailedReports", {})
    done = sends(office, "FailedReports", left=RESERVED_MS)
    assert (done["redelivered"], done["more"]) == (0, True)


def test_a_letter_that_its_target_refuses_stays(office: Office) -> None:
    office.queues.put("FailedReports", {})

    def throttled(**_: Any) -> None:
        raise RuntimeError("throttled")

    office.queues.send_message = throttled  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        sends(office, "FailedReports")
    assert len(office.queues.letters["FailedReports"]) == 1


def test_other_queues_are_not_touched(office: Office) -> None:
    with pytest.raises(BadRequest, match="must be one of FailedBulkEvents, FailedInvocations"):
        sends(office, "Reports")


def test_nobody_of_cordon_redelivers(office: Office) -> None:
    own = f"arn:aws:sts::{ACCOUNT}:assumed-role/cordon-{function_of(QUARANTINE)}Role-1A2B3C/x"
    with pytest.raises(NotDecided):
        redeliver(Redeliver("FailedReports"), caller(own), office.desk, lambda: 60_000)
