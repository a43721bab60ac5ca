"""Each sentence that people read is true, whole, and says what to do."""

from dataclasses import replace

import pytest

from console.case_list import row
from cordon.finding import Fact, Resource, ResourceRole
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.playbook import Plan
from cordon.release import FINDING_SOURCE
from cordon.reporting.incident import body as body_of
from cordon.reporting.incident import description
from cordon.reporting.security_hub import summary
from cordon.reporting.texts import (
    MEANINGS,
    advice,
    change_lines,
    decision,
    facts,
    headline,
    not_reached,
    truth,
)
from cordon.sources import read
from cordon.statuses import CONTAIN_ENDED, Status
from tests.examples import QUARANTINE, REVOKE, event
from tests.make import BUCKET, DEPLOYMENT, PLACE, a_finding, a_principal, an_actor
from tests.reporting.cases import (
    ADA,
    BLOCK,
    BUCKET_ARN,
    CASE,
    SCP_DENIAL,
    a_case,
    refused_block,
    with_results,
)


def says(case: Case) -> str:
    return body_of(case, QUARANTINE, DEPLOYMENT)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_meaning(status: Status) -> None:
    case = a_case(status, plan=Plan((), "Ask who used root."))
    assert headline(case) == MEANINGS[status].headline
    assert truth(case).endswith(".")
    assert advice(case).strip(), "Security Hub refuses an empty text"
    assert len(MEANINGS) == len(Status)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.OBSERVED, "Nothing was changed."),
        (Status.AWAITING_APPROVAL, "Nothing was changed yet."),
        (Status.REJECTED, "A person said no: nothing was changed."),
        (Status.EXPIRED, "The question is over: nothing was changed."),
        (Status.ESCALATED, "This case changed nothing: a person must do it."),
        (Status.TAGGED, "The tags were set and verified. The resource itself was not changed."),
        (Status.CONTAINED, "Every change of what still exists was made and verified."),
        (Status.PARTLY_CONTAINED, "Some changes were made and verified, others were not."),
        (Status.FAILED, "Nothing that contains was verified."),
        (Status.RELEASED, "Cordon holds nothing for this case."),
        (Status.REOPENED, "A person had it released: the condition that was found may remain."),
    ],
)
def test_truth_says_no_more_than_is_true(status: Status, words: str) -> None:
    assert truth(a_case(status)) == words


def test_only_verified_statuses_claim_verification() -> None:
    """A word is believed: no other headline is "contained" alone."""
    claiming = {s for s, m in MEANINGS.items() if "was made and verified" in m.truth}
    assert claiming == {Status.CONTAINED}
    assert {s for s, m in MEANINGS.items() if m.headline == "contained"} == {Status.CONTAINED}


@pytest.mark.parametrize(
    ("by", "why", "words"),
    [
        (ADA, "it is a website", f"Decided by {ADA}: it is a website."),
        (ADA, "It is a website.", f"Decided by {ADA}: It is a website."),
        (ADA, "", f"Decided by {ADA}."),
        (FINDING_SOURCE, "the control passed", "Decided by the finding's own source: the control"),
        ("", "", "may remain."),
    ],
)
def test_truth_names_who_decided(by: str, why: str, words: str) -> None:
    assert words in truth(a_case(Status.REOPENED, decided_by=by, decided_why=why))


@pytest.mark.parametrize("why", ["nobody approved in time", "the workflow failed: States.Timeout"])
def test_expired_question_says_why(why: str) -> None:
    """A workflow that failed is not a person who was late."""
    assert truth(a_case(Status.EXPIRED, decided_why=why)).endswith(f" {why}.")


# ---- what to do now ----


@pytest.mark.parametrize("status", sorted(CONTAIN_ENDED))
def test_ended_case_says_how_to_release(status: Status) -> None:
    assert f"cordon release {CASE}" in advice(a_case(status))


def test_question_names_commands_and_plan() -> None:
    case = a_case(Status.AWAITING_APPROVAL)
    assert f"cordon approve {CASE} --plan {case.plan_hash}" in advice(case)
    assert f"cordon reject {CASE}" in advice(case)
    assert "nothing is done" in advice(case)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.EXPIRED, Status.REOPENED])
def test_closed_question_names_custom_action_only(status: Status) -> None:
    """No setting brings a rejected case back."""
    assert advice(a_case(status)) == "To contain: the custom action CordonContain."


def test_observed_case_names_setting() -> None:
    assert f"set the mode of {QUARANTINE.name}" in advice(a_case(Status.OBSERVED))


def test_observed_case_without_changes_says_what_to_do() -> None:
    """No mode would change anything: to set one is no advice."""
    case = a_case(Status.OBSERVED, plan=Plan((), "Nobody is needed."))
    assert advice(case) == "Nobody is needed."


@pytest.mark.parametrize(("status", "again"), [("failed", True), ("refused", False)])
def test_advice_promises_no_vain_retry(status: str, again: bool) -> None:
    case = with_results(a_case(Status.FAILED), ActionStatus(status), "no room for a tag")
    assert (f"cordon retry {CASE}" in advice(case)) is again
    assert "yourself" in advice(case)


def test_escalated_case_says_what_to_do() -> None:
    case = a_case(Status.ESCALATED, plan=Plan((), "Ask who used root."))
    assert advice(case) == "Ask who used root."


def test_waiting_release_says_until_when() -> None:
    moments = ("2026-11-25T00:00:00Z", "2026-11-24T18:00:00Z", "")
    results = tuple(ActionResult("x", "t", ActionStatus.WAITING, "", m) for m in moments)
    case = a_case(Status.RELEASING, results=results)
    assert "goes on at 2026-11-24T18:00:00Z" in advice(case)
    assert "tried again" in advice(replace(case, results=()))


# ---- one line a change ----


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (ActionStatus.VERIFIED, "done and verified"),
        (ActionStatus.FAILED, "FAILED, not verified"),
        (ActionStatus.REFUSED, "NOT DONE"),
        (ActionStatus.RESOURCE_DELETED, "resource deleted"),
        (ActionStatus.SKIPPED, "not done"),
        (ActionStatus.RESTORED, "undone and verified: it is as it was captured"),
        (ActionStatus.PARTLY_RESTORED, "PARTLY UNDONE: AWS refuses the rest"),
        (ActionStatus.KEPT, "kept: undoing would do harm"),
        (ActionStatus.DRIFTED, "undone as far as a person's change allows"),
        (ActionStatus.HELD_BY_OTHERS, "stays, for other cases"),
        (ActionStatus.WAITING, "not before 2026-11-25T00:00:00Z"),
        (ActionStatus.UNCHANGED, "there was nothing to undo"),
    ],
)
def test_line_says_how_change_ended(status: ActionStatus, words: str) -> None:
    (block, *_) = a_case().plan.actions
    moment = "2026-11-25T00:00:00Z" if status is ActionStatus.WAITING else ""
    result = ActionResult(block.name(), block.target, status, "the reason", moment)
    (line,) = change_lines(a_case(results=(result,)))
    assert line == f"block_public_access on {BUCKET_ARN}: {words}: the reason"
    (short,) = change_lines(a_case(results=(replace(result, reason=""),)))
    assert short == f"block_public_access on {BUCKET_ARN}: {words}"


def test_every_ending_has_words() -> None:
    for status in ActionStatus:
        assert change_lines(a_case(results=(ActionResult("a", "t", status),)))


def test_troubles_come_first() -> None:
    results = tuple(
        ActionResult("a", status.value, status)
        for status in (ActionStatus.VERIFIED, ActionStatus.FAILED, ActionStatus.REFUSED)
    )
    lines = change_lines(a_case(Status.PARTLY_CONTAINED, results=results))
    assert ["failed" in lines[0], "refused" in lines[1], "verified" in lines[2]] == [True] * 3


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        (Status.AWAITING_APPROVAL, "Planned"),
        (Status.OBSERVED, "Planned"),
        (Status.FAILED, "Not done"),
    ],
)
def test_plan_is_shown_before_results(status: Status, verb: str) -> None:
    lines = change_lines(a_case(status, results=()))
    assert lines[0] == f"{verb}: block_public_access on {BUCKET_ARN}"
    assert len(lines) == 2


def test_full_stop_is_in_question() -> None:
    """An approver reads what a revocation may become; the result says what it became (A11)."""
    user = an_actor("AWS::IAM::User", "eve")
    found = a_finding(
        type="UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        principal=a_principal("IAMUser", "eve"),
        resources=(user,),
    )
    waiting = a_case(Status.AWAITING_APPROVAL, finding=found, playbook=REVOKE)
    keys, sessions = change_lines(waiting)
    assert "AWSDenyAll" not in keys
    for words in ("AWSDenyAll", "full stop", "console password", "no room"):
        assert words in sessions
    assert "AWSDenyAll, a full stop" in says(waiting)
    contained = a_case(Status.CONTAINED, finding=found, playbook=REVOKE)
    assert "AWSDenyAll" not in "".join(change_lines(contained))


def test_decision_names_verdict_and_reason() -> None:
    case = a_case()
    assert decision(case) == "contain (mode is enforce)."
    for text in (summary(case), says(case)):
        assert text.count("Decision: contain (mode is enforce).") == 1
        assert text.count("Decision") == 1


# ---- A1: a refused block ----


def test_refused_block_is_named_whole() -> None:
    """The service control policy's words, the bucket, and what to do: in the line itself."""
    case = refused_block()
    (first, *_) = change_lines(case)
    assert first == f"block_public_access on {BUCKET_ARN}: FAILED, not verified: {SCP_DENIAL}"
    assert headline(case) == "not contained"
    assert "remove what stopped it" in advice(case)


def test_every_sink_has_refused_block() -> None:
    """Escaping changes no letter of an identifier."""
    case = refused_block()
    policy = SCP_DENIAL.rpartition(" ")[2]
    for text in (description(says(case), case), summary(case), says(case)):
        assert "explicit deny in a service control policy: " + policy in text
        assert BUCKET_ARN in text
        assert "FAILED, not verified" in text
    assert "Do what failed yourself" in description(says(case), case)


def test_finding_says_how_many_are_left_out() -> None:
    results = tuple(
        ActionResult("a", f"target-{n}", ActionStatus.FAILED, SCP_DENIAL) for n in range(3)
    )
    text = summary(a_case(Status.FAILED, results=results))
    assert len(text) <= 1024
    assert text.endswith(f"And 2 more: cordon evidence {CASE}.")
    assert text.count(SCP_DENIAL) == 1


def test_finding_keeps_longest_error_countable() -> None:
    result = ActionResult("a", BLOCK, ActionStatus.FAILED, "x" * 2000)
    text = summary(a_case(Status.FAILED, results=(result,)))
    assert text.endswith(f"And 1 more: cordon evidence {CASE}.")
    assert "…" not in text


# ---- the facts of the finding ----


def test_facts_say_what_happened_where() -> None:
    assert facts(a_finding()) == [
        (
            "What happened",
            "A bucket became public (guardduty:Policy:S3/BucketAnonymousAccessGranted)",
        ),
        ("Severity", "HIGH, at its source 8.0"),
        ("Last seen", "2026-11-24T12:00:00Z"),
        ("Where", "account 111122223333, eu-central-1"),
        ("Resource", BUCKET_ARN),
        ("Models", ""),
        ("Actor", ""),
    ]


def test_facts_name_the_actor() -> None:
    actor = a_principal("IAMUser", "ada", access_key_id="AKIAI44QH8DHBEXAMPLE")
    assert ("Actor", "IAMUser ada AKIAI44QH8DHBEXAMPLE") in facts(a_finding(principal=actor))


def test_facts_name_every_actor_of_a_sequence() -> None:
    actors = (a_principal(), a_principal("IAMUser", "ada", access_key_id="AKIAI44QH8DHBEXAMPLE"))
    named = dict(facts(a_finding(principal=actors[0], actors=actors)))["Actor"]
    assert named == "AssumedRole trainer, IAMUser ada AKIAI44QH8DHBEXAMPLE"


def test_facts_name_the_models_and_how_often() -> None:
    related = ResourceRole.RELATED
    place = a_finding().place
    models = tuple(
        Resource("AWS::Bedrock::FoundationModel", f"amazon.nova-{n}", place, role=related)
        for n in range(4)
    )
    found = a_finding(resources=(*a_finding().resources, *models))
    names = "amazon.nova-0, amazon.nova-1, amazon.nova-2 and 1 more"
    assert ("Models", names) in facts(found)
    counted = replace(found, facts=((Fact.INVOCATIONS, "12000"),))
    assert ("Models", f"{names}; counted 12000 times") in facts(counted)


def test_facts_count_unnamed_resources() -> None:
    (bucket,) = a_finding().resources
    many = tuple(replace(bucket, name=f"b{n}", arn="") for n in range(9))
    named = dict(facts(a_finding(resources=many)))["Resource"]
    assert named == "AWS::S3::Bucket b0, AWS::S3::Bucket b1, AWS::S3::Bucket b2 and 6 more"


def test_plan_of_case_is_the_playbooks() -> None:
    assert a_case().plan == QUARANTINE.plan_for(a_finding(), DEPLOYMENT)


# ---- what no change reaches ----

DIRECTORY = Resource("AWS::S3Express::DirectoryBucket", "a--use1-az4--x-s3", PLACE)


def test_contained_says_which_bucket_no_playbook_changes() -> None:
    """Every change was verified, and a part of what was found is for a person."""
    both = a_case(finding=a_finding(resources=(BUCKET, DIRECTORY)))
    assert headline(both) == "contained, not all"
    assert truth(both).endswith(
        f"Not contained, since Cordon cannot change it: {DIRECTORY.name}. A person must."
    )
    assert row(both)["status"] == "contained, not all"
    for text in (says(both), summary(both)):
        assert f"cannot change it: {DIRECTORY.name}" in text


@pytest.mark.parametrize(
    "case",
    [
        a_case(),
        a_case(Status.RELEASED, finding=a_finding(resources=(BUCKET, DIRECTORY))),
        a_case(Status.AWAITING_APPROVAL, finding=a_finding(resources=(BUCKET, DIRECTORY))),
    ],
    ids=lambda case: f"{case.status}, {len(case.finding.resources)}",
)
def test_what_is_all_contained_or_not_contained_says_nothing_of_it(case: Case) -> None:
    assert not_reached(case) == ()
    assert "not all" not in headline(case)


def test_a_case_of_principals_says_which_one_it_cannot_change() -> None:
    """Another playbook's case has the buckets, and says it there."""
    sequence = read(event("guardduty_attack_sequence_eks_mixed_actors"))
    left = not_reached(a_case(finding=sequence, playbook=REVOKE))
    assert left == ("AWSReservedSSO_DataScientist_0123456789abcdef", "partner")
    with_bucket = replace(sequence, resources=(*sequence.resources, DIRECTORY))
    assert not_reached(a_case(finding=with_bucket, playbook=REVOKE)) == left
