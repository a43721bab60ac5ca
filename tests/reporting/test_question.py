"""What an approver reads is whole, in words, and promises no more than is true."""

from dataclasses import replace

import pytest

from cordon.actions import Action, all_actions
from cordon.deadlines import AI_ACT_73, GDPR_33, HIPAA_164_404
from cordon.memory.cases import Case
from cordon.reporting.incident import body, description
from cordon.reporting.question import question
from cordon.reporting.texts import clocks
from cordon.statuses import CLOSED, Status
from tests.examples import ESCALATE, QUARANTINE, REVOKE, TAG
from tests.make import DEPLOYMENT, a_finding, a_principal, an_actor
from tests.reporting.cases import BUCKET_ARN, CASE, a_case

UNTIL = "2026-11-24T16:00:00Z"


def parts(case: Case, until: str = UNTIL, **deployment: bool) -> dict[str, str]:
    named = question(case, replace(DEPLOYMENT, **deployment), until)  # type: ignore[arg-type]
    return {name: text if isinstance(text, str) else "\n".join(text) for name, text in named}


def waiting(**changes: object) -> Case:
    return a_case(Status.AWAITING_APPROVAL, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.AWAITING_APPROVAL])
def test_only_a_question_has_these_parts(status: Status) -> None:
    assert question(a_case(status), DEPLOYMENT, "") == []


@pytest.mark.parametrize("action", all_actions(), ids=lambda action: action.name())
def test_every_action_has_words(action: type[Action]) -> None:
    assert action.in_words is not Action.in_words


def test_plan_is_named_in_words() -> None:
    block, tags = parts(waiting())["The plan"].split("\n")
    assert block == (
        f"block_public_access on {BUCKET_ARN}: turns on all four settings of the bucket's public"
        " access block"
    )
    assert tags == f"tag_bucket on {BUCKET_ARN}: sets the tags cordon:case, cordon:status"


def test_who_is_shut_out_is_named() -> None:
    finding = a_finding(type="Impact:S3/AnomalousBehavior.Delete")
    said = parts(waiting(finding=finding))
    assert "deny_bucket_access" in said["Who loses access"]
    assert "this account's own people and workloads too" in said["Who loses access"]


def test_workload_of_a_role_is_named() -> None:
    """A11: who approves must know that the workload stops."""
    found = a_finding(
        type="UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        principal=a_principal(),
        resources=(an_actor("AWS::IAM::Role", "trainer"),),
    )
    case = a_case(Status.AWAITING_APPROVAL, finding=found, playbook=REVOKE)
    assert "EC2, Lambda, ECS or SageMaker" in parts(case)["Who loses access"]
    assert "Caution: attaches AWSDenyAll" in parts(case)["The plan"]


def test_time_is_named() -> None:
    assert parts(waiting())["Time to decide"] == (
        "Until 2026-11-24T16:00:00Z, 4 hours after the message of this question was sent."
        " When nobody decides, nothing is changed."
    )


def test_time_is_not_promised_before_the_message_was_sent() -> None:
    said = parts(waiting(), until="")["Time to decide"]
    assert said.startswith("Until 4 hours after the message of this question was sent.")


def test_second_question_says_what_stays() -> None:
    said = parts(waiting(contained_as="contained"))["Time to decide"]
    assert said.endswith("When nobody decides, what was changed before stays as it is.")


@pytest.mark.parametrize(("two", "words"), [(True, "two different people"), (False, "one person")])
def test_number_of_approvers_is_named(two: bool, words: str) -> None:
    assert f": {words}" in parts(waiting(), two_approvers=two)["Who may decide"]


def test_actor_is_refused_where_there_is_one() -> None:
    assert "Refused is" not in parts(waiting())["Who may decide"]
    actor = a_finding(principal=a_principal())
    assert "Refused is" in parts(waiting(finding=actor))["Who may decide"]


def test_commands_are_whole() -> None:
    case = waiting()
    said = parts(case)
    assert said["Approve"] == f"cordon approve {CASE} --plan {case.plan_hash}"
    assert said["Reject"] == f"cordon reject {CASE}"


def test_item_of_a_question_has_its_commands() -> None:
    """OpsCenter has 2,048 characters; the message has all."""
    finding = a_finding(type="Impact:S3/AnomalousBehavior.Delete")
    case = waiting(finding=finding)
    shown = description(body(case, QUARANTINE, DEPLOYMENT), case)
    assert f"cordon approve {CASE} --plan {case.plan_hash}" in shown
    assert "The plan:" in shown


# ---- periods of laws ----


@pytest.mark.parametrize(
    ("clock", "end"),
    [
        (GDPR_33, "2026-11-27T12:00:00Z"),
        (HIPAA_164_404, "2027-01-23T12:00:00Z"),
        (AI_ACT_73, "2026-12-09T12:00:00Z"),
    ],
    ids=lambda value: getattr(value, "law", ""),
)
def test_period_is_a_condition_and_a_moment(clock: object, end: str) -> None:
    (said,) = clocks(a_case(), replace(QUARANTINE, clocks=(clock,)))  # type: ignore[arg-type]
    assert ": if " in said
    assert said.endswith(f"Counted from the opening of this case: until {end}.")


@pytest.mark.parametrize("status", Status)
def test_closed_case_has_no_period(status: Status) -> None:
    assert bool(clocks(a_case(status), QUARANTINE)) is (status not in CLOSED)


def test_playbooks_that_concern_data_name_periods() -> None:
    named = {p.name: [c.law for c in p.clocks] for p in (QUARANTINE, REVOKE, ESCALATE, TAG)}
    assert named == {
        QUARANTINE.name: ["GDPR Art. 33", "HIPAA 164.404"],
        REVOKE.name: ["GDPR Art. 33"],
        ESCALATE.name: ["GDPR Art. 33", "HIPAA 164.404", "EU AI Act Art. 73"],
        TAG.name: [],
    }
