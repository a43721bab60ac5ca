"""One message for each new status of a case; the hours of a question count from it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cordon.clock import to_iso
from cordon.memory.cases import ActionStatus
from cordon.playbook import Incident
from cordon.statuses import Status
from tests.actions.scenario import stub
from tests.examples import QUARANTINE
from tests.reporting.cases import CASE, a_case, with_results
from tests.reporting.people import People
from tests.reporting.test_incident import ALWAYS, item


def test_message_names_item_and_case(seen: People) -> None:
    shown = seen.show(a_case())
    ((_, message, subject, attributes, _),) = seen.messages()
    assert message.startswith(f"{shown.ops_item}\n\nStatus: contained.")
    assert subject == "HIGH: Cordon contained: A bucket became public"
    assert {name: said["Value"] for name, said in attributes.items()} == {
        "case": CASE,
        "playbook": QUARANTINE.name,
        "status": "contained",
        "severity": "2",
        "ops_item": shown.ops_item,
    }


WITH_MESSAGE = ALWAYS - {Status.CONTAINING, Status.RELEASING}


@pytest.mark.parametrize("status", Status)
def test_status_sends_message(seen: People, status: Status) -> None:
    seen.show(a_case(status))
    assert len(seen.messages()) == (1 if status in WITH_MESSAGE else 0)


@pytest.mark.parametrize("when", Incident)
def test_question_is_sent_whatever_incidents_there_are(seen: People, when: Incident) -> None:
    """The hours to decide count from the message: a question without one would never end."""
    seen.playbooks = {QUARANTINE.name: replace(QUARANTINE, incident=when)}
    for _ in range(2):
        shown = seen.show(a_case(Status.AWAITING_APPROVAL))
        assert (len(seen.messages()), shown.informed_at is None) == (1, False)
    assert bool(shown.ops_item) is (when is Incident.ALWAYS)


def test_message_is_sent_once_per_status(seen: People) -> None:
    for reason in ("Throttling", "AccessDenied", "AccessDenied"):
        case = with_results(a_case(Status.FAILED), ActionStatus.FAILED, reason)
        shown = seen.show(case)
    assert len(seen.messages()) == 1
    assert "AccessDenied" in item(seen, shown.ops_item)["Description"]
    seen.show(replace(a_case(Status.FAILED), round=2))
    assert len(seen.messages()) == 2


def test_daily_check_sends_no_message_again(seen: People) -> None:
    seen.show(a_case())
    assert seen.report(a_case(), anew=True) == []
    assert len(seen.messages()) == 1


def test_unsent_message_is_not_counted(seen: People) -> None:
    stub(seen.aws, "sns", "PublishBatch", lambda _: "AuthorizationError")
    saved = seen.save(a_case(Status.AWAITING_APPROVAL))
    (failed,) = seen.report(saved)
    assert (failed.projection, seen.shown(saved).message) == ("message", "")
    assert seen.shown(saved).informed_of_question(saved) is None


def test_refused_entry_is_that_cases_failure(seen: People) -> None:
    why = {"Id": "1", "Code": "InternalError", "SenderFault": False, "Message": "try again"}
    stub(seen.aws, "sns", "PublishBatch", lambda _: {"Successful": [], "Failed": [why]})
    saved = [seen.save(a_case(id=f"{n:016x}")) for n in range(3)]
    (failed,) = seen.report(*saved)
    assert (failed.case, failed.error) == (saved[1].id, "InternalError: try again")
    assert [seen.shown(case).message for case in saved] == ["contained 1", "", "contained 1"]


def test_message_goes_without_item(seen: People) -> None:
    """OpsCenter refused: people get the message all the same (B21)."""
    stub(seen.aws, "ssm", "CreateOpsItem", lambda _: "OpsItemLimitExceededException")
    saved = seen.save(a_case())
    (failed,) = seen.report(saved)
    assert failed.projection == "incident"
    ((_, message, _, attributes, _),) = seen.messages()
    assert message.startswith("Status: contained.")
    assert "ops_item" not in attributes
    assert seen.shown(saved).message == "contained 1"


# ---- the hours of a question ----


def test_hours_count_from_the_message(seen: People) -> None:
    saved = seen.save(a_case(Status.AWAITING_APPROVAL))
    assert seen.report(saved) == []
    informed = seen.shown(saved).informed_of_question(saved)
    assert informed is not None
    ((_, message, *_),) = seen.messages()
    assert (
        f"Time to decide: Until {to_iso(informed + timedelta(hours=4))}, 4 hours after" in message
    )


def test_second_question_of_a_round_has_a_message_of_its_own(seen: People) -> None:
    """The reporter was late, and saw nothing of what happened between the two."""
    first = seen.save(a_case(Status.AWAITING_APPROVAL))
    seen.report(first)
    informed = seen.shown(first).informed_at
    assert informed is not None
    second = seen.save(replace(first, question_at=informed + timedelta(hours=1)))
    assert seen.shown(second).informed_of_question(second) is None
    assert seen.report(second) == []
    assert len(seen.messages()) == 2
    assert seen.shown(second).informed_of_question(second) == second.question_at
