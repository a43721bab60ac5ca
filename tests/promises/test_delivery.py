"""Nothing is done twice, nothing is lost, and nothing is said that is not so."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.clock import to_iso
from cordon.memory.decisions import Verb
from cordon.statuses import Status
from embedded.backends import hub, registry
from embedded.backends.registry import Where
from embedded.journal import Called
from tests.examples import QUARANTINE, REVOKE, TAG, event, function_of
from tests.promises.world import Event, World, changed, chosen, finding_of, logged, outcomes

PUBLIC = "guardduty_anonymous_access"
TWINS = {
    PUBLIC: (
        "securityhub_guardduty_anonymous_access",
        "ocsf_guardduty_anonymous_access",
    ),
    "guardduty_resource_credentials_outside": ("securityhub_guardduty_resource_credentials",),
    "guardduty_foreign_role": ("securityhub_guardduty_foreign_role",),
}
FAILED = "securityhub_sagemaker_1"
PASSED = "securityhub_sagemaker_1_passed"


# ---- again ----


@pytest.mark.drawn(1 / 3)
@pytest.mark.parametrize("name", [PUBLIC, FAILED, "guardduty_root_credential_usage"])
def test_second_delivery_changes_nothing(world: World, name: str) -> None:
    world.send(event(name))
    case, state, published = world.case(), world.state, len(world.published)
    again = [world.account.deliver(event(name)) for _ in range(2)]
    assert [world.changes(one) for one in again] == [[], []]
    assert world.case() == case
    assert world.state == state
    assert len(world.published) == published
    assert world.troubles == []


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("native", TWINS)
def test_the_hubs_copy_completes_the_report(world: World, native: str) -> None:
    one = event(native)
    world.stage(one)
    _forget_in_hub(world)
    world.account.deliver(one)
    case = world.case()
    assert world.reported(case).original_is == "absent"
    state, incidents = world.state, len(world.account.snapshot()["ssm"])
    for name in TWINS[native]:
        copied = world.account.deliver(event(name))
        assert set(world.changes(copied)) <= {
            "securityhub:BatchImportFindings",
            "securityhub:BatchUpdateFindings",
            "events:PutEvents",
        }
    assert world.case().id == case.id
    assert world.case().status is case.status
    assert world.reported(world.case()).original_is == "updated"
    assert world.state == state
    assert len(world.account.snapshot()["ssm"]) == incidents
    original = world.hub_finding(hub_id(event(TWINS[native][0])))
    assert original["UserDefinedFields"]["cordon"] == "handled"
    assert original["Workflow"]["Status"] in ("NOTIFIED", "RESOLVED")
    assert world.troubles == []


def hub_id(one: Event) -> str:
    """What Security Hub calls the finding."""
    found = finding_of(one).hub
    assert found is not None
    return found.id


def _forget_in_hub(world: World) -> None:
    place = world.account.place
    hub.findings(Where(place.account, place.region, place.partition)).clear()


# ---- out of order ----


def at(one: Event, moment: str) -> Event:
    """The control finding as last updated at another moment."""
    for name in ("UpdatedAt", "LastObservedAt", "ProcessedAt"):
        if name in one["detail"]["findings"][0]:
            one = changed(one, f"detail.findings.0.{name}", moment)
    return one


def test_an_older_failure_after_the_pass_is_stale(world: World) -> None:
    failed, passed = event(FAILED), event(PASSED)
    assert finding_of(failed).last_seen < finding_of(passed).last_seen
    world.stage(failed)
    before = world.state
    world.account.deliver(failed)
    assert world.case().status is Status.TAGGED
    assert world.state != before
    world.account.deliver(passed)
    assert world.case().status is Status.RELEASED
    assert world.state == before
    late = world.account.deliver(failed)
    assert world.case().status is Status.RELEASED
    assert world.changes(late) == []
    assert world.state == before


def test_pass_ends_what_was_only_observed(world: World) -> None:
    world.set(f"modes.{TAG.name}", "observe")
    world.send(event(FAILED))
    assert world.case().status is Status.OBSERVED
    world.account.deliver(event(PASSED))
    assert world.case().status is Status.RELEASED
    assert world.finding(world.case())["RecordState"] == "ARCHIVED"


def test_a_failure_between_the_two_that_comes_late_is_stale(world: World) -> None:
    """Newer than what opened the case, and older than the pass that ended it."""
    failed, passed = event(FAILED), event(PASSED)
    first, last = finding_of(failed).last_seen, finding_of(passed).last_seen
    between = at(failed, to_iso(first + (last - first) / 2))
    assert first < finding_of(between).last_seen < last
    world.stage(failed)
    before = world.state
    world.account.deliver(failed)
    world.account.deliver(passed)
    late = world.account.deliver(between)
    assert world.case().status is Status.RELEASED
    assert world.changes(late) == []
    assert world.state == before


def test_a_failure_that_comes_after_its_pass_is_stale(world: World) -> None:
    failed, passed = event(FAILED), event(PASSED)
    world.stage(failed)
    before = world.state
    world.account.deliver(passed)
    late = world.account.deliver(failed)
    assert logged(late, "stale")
    assert world.cases == []
    assert world.changes(late) == []
    assert world.state == before


def test_a_pass_older_than_the_failure_lets_nothing_go(world: World) -> None:
    failed, passed = event(FAILED), event(PASSED)
    newer = at(failed, "2026-11-23T10:00:00.000Z")
    assert finding_of(newer).last_seen > finding_of(passed).last_seen
    world.send(newer)
    state = world.state
    late = world.account.deliver(passed)
    assert logged(late, "stale")
    assert world.case().status is Status.TAGGED
    assert world.state == state


def test_a_new_failure_after_the_pass_opens_a_second_round(world: World) -> None:
    failed, passed = event(FAILED), event(PASSED)
    world.stage(failed)
    before = world.state
    world.account.deliver(failed)
    contained = world.state
    world.account.deliver(passed)
    world.account.deliver(at(failed, "2026-11-23T10:00:00.000Z"))
    assert world.case().round == 2
    assert world.case().status is Status.TAGGED
    assert world.state == contained
    assert world.release(world.case()).status is Status.REOPENED
    assert world.state == before


def under(one: Event, standard: str) -> Event:
    """The control's finding as another standard has it."""
    (found,) = one["detail"]["findings"]
    return changed(one, "detail.findings.0.Id", f"{found['Id']}/{standard}")


@pytest.mark.parametrize("mode", ["enforce", "approve"])
def test_control_under_four_standards_is_one_case(world: World, mode: str) -> None:
    """One question, one message, one of the budget; a pass under any of them releases (B16)."""
    world.set(f"modes.{TAG.name}", mode)
    failed, passed = event(FAILED), event(PASSED)
    world.stage(failed)
    before = world.state
    for standard in ("fsbp", "cis", "nist", "pci"):
        world.account.deliver(under(failed, standard))
    case = world.case()
    assert case.round == 1
    assert case.status is (Status.TAGGED if mode == "enforce" else Status.AWAITING_APPROVAL)
    world.account.deliver(under(passed, "nist"))
    assert world.case().status is Status.RELEASED
    assert world.state == before
    world.account.deliver(under(passed, "cis"))
    assert world.case().status is Status.RELEASED


def test_pass_ends_what_a_person_reopened(world: World) -> None:
    """Then a new failure is again; the person who released it decides."""
    failed, passed = event(FAILED), event(PASSED)
    world.send(failed)
    assert world.release(world.case()).status is Status.REOPENED
    world.account.deliver(at(failed, "2026-11-20T10:00:00.000Z"))
    assert world.case().status is Status.REOPENED
    world.account.deliver(at(passed, "2026-11-21T10:00:00.000Z"))
    assert world.case().status is Status.RELEASED
    world.account.deliver(at(failed, "2026-11-22T10:00:00.000Z"))
    assert world.case().status is Status.AWAITING_APPROVAL
    assert "released before by" in world.case().reason


# ---- chosen for another case ----


def ours(world: World) -> dict[str, Any]:
    """Our own finding of a contained case, as a reviewer would choose it."""
    world.send(event(PUBLIC))
    assert world.case().status is Status.CONTAINED
    return world.finding(world.case())


@pytest.mark.parametrize("action", ["CordonRelease", "CordonContain"])
def test_our_finding_of_another_playbook_is_not_obeyed(world: World, action: str) -> None:
    """Its case may have the id of one of ours, if somebody made it so."""
    finding = ours(world)
    finding["Id"] = finding["Id"].replace(f"/{QUARANTINE.name}/", f"/{REVOKE.name}/")
    world.account.deliver(chosen(action, finding))
    assert world.case().status is Status.CONTAINED
    assert world.stages(world.case()) == ["captured", "contained"]


def test_our_finding_of_another_account_is_not_obeyed(world: World) -> None:
    """Any member may import a finding that looks like ours, under its own default product."""
    finding = json.loads(json.dumps(ours(world)).replace("111122223333", "444455556666"))
    finding["Id"] = world.finding(world.case())["Id"]
    world.account.deliver(chosen("CordonRelease", finding))
    assert world.case().status is Status.CONTAINED
    assert "releasing" not in world.stages(world.case())


def test_our_finding_is_obeyed(world: World) -> None:
    """What the two before differ in is what keeps them from it."""
    world.account.deliver(chosen("CordonRelease", ours(world)))
    assert world.case().status is Status.REOPENED


# ---- half done ----


def test_refused_change_is_reported_and_completed_later(world: World) -> None:
    one = event(PUBLIC)
    world.stage(one)
    with world.denied(function_of(QUARANTINE), "s3:PutBucketPublicAccessBlock"):
        world.account.deliver(one)
        case = world.case()
        assert case.status is Status.FAILED
        assert [r.action for r in case.failed] == ["block_public_access"]
        assert "AccessDenied" in case.failed[0].reason
        assert [r.action for r in case.results if r.status == "skipped"] == ["tag_bucket"]
        ours = world.finding(case)
        assert ours["Title"].startswith("Cordon not contained")
        assert "FAILED, not verified: ClientError: An error occurred" in ours["Description"]
        (message,) = world.published
        assert "(explicit deny in an identity-based policy)" in message.message or (
            "explicit deny" in message.message
        )
        assert case.plan.resources[0] in message.message
        original = world.hub_finding(hub_id(one))
        assert original["Workflow"]["Status"] == "NOTIFIED"
        assert "not contained" in original["Note"]["Text"]
    world.account.redeliver("FailedInvocations")
    assert world.case().status is Status.CONTAINED
    assert world.finding(world.case())["Title"].startswith("Cordon contained:")
    assert len(world.account.snapshot()["ssm"]) == 1
    assert [s for s in world.stages(case) if s in ("failed", "contained")][-1] == "contained"
    said = next(e for e in world.evidence(case) if e["stage"] == "failed")["content"]["changes"]
    assert [one["status"] for one in said] == ["failed", "skipped"]


def test_unverified_change_is_not_reported_as_contained(
    world: World,
) -> None:
    """Somebody takes the block away as soon as it is put."""
    one = event(PUBLIC)
    world.stage(one)

    def take_away(called: Called) -> None:
        if called.operation == "PutPublicAccessBlock":
            world.account.client("s3").delete_public_access_block(Bucket=called.params["Bucket"])

    world.account.after_call(take_away)
    world.account.deliver(one)
    case = world.case()
    assert case.status is Status.FAILED
    assert [(r.action, r.status) for r in case.failed] == [("block_public_access", "failed")]
    assert case.failed[0].reason.startswith("NotVerified")
    said = next(e for e in world.evidence(case) if e["stage"] == "failed")["content"]["changes"]
    assert said[0]["written"]["public_access_block"]["RestrictPublicBuckets"] is True


def test_step_says_that_the_release_has_ended(world: World) -> None:
    """The workflow waits for nothing more."""
    world.send(event(PUBLIC))
    case = world.case()
    world.decide(case, Verb.RELEASE)
    outcome = world.proceed(case)
    assert not outcome.error
    assert json.loads(outcome.payload) == {"status": "reopened", "mode": "enforce"}


def test_failed_case_can_be_released(world: World) -> None:
    """What prevents the change must not prevent the release."""
    one = event(PUBLIC)
    world.stage(one)
    before = world.state
    with world.denied(function_of(QUARANTINE), "s3:PutBucketPublicAccessBlock", "s3:TagResource"):
        world.account.deliver(one)
        assert world.case().status is Status.FAILED
        assert world.release(world.case()).status is Status.REOPENED
    assert world.state == before
    assert world.holds == {}


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        (PUBLIC, "PutPublicAccessBlock"),
        (PUBLIC, "TagResource"),
        ("guardduty_ransomware_delete", "PutBucketPolicy"),
        ("guardduty_persistence", "PutUserPolicy"),
    ],
)
def test_lost_response_is_retried(world: World, name: str, operation: str) -> None:
    """The call took effect and its response was lost."""
    one = event(name)
    world.stage(one)
    lost = [1]

    def lose(call: Called) -> None:
        if call.operation == operation and lost:
            lost.pop()
            said: Any = {"Error": {"Code": "SlowDown", "Message": "Reduce your request rate."}}
            raise ClientError(said, operation)

    world.account.after_call(lose)
    delivery = world.account.deliver(one)
    assert not lost
    assert [i.error.split(":")[0] for i in delivery.invocations if i.error] == ["ContainFailed"]
    assert world.case().status is Status.CONTAINED
    assert world.account.messages("FailedInvocations") == []
    assert outcomes(delivery)[0]["outcome"] in ("contained", "unchanged")


@pytest.mark.parametrize(
    ("operation", "failing"),
    [
        (
            "BatchImportFindings",
            {
                "FailedCount": 1,
                "SuccessCount": 0,
                "FailedFindings": [
                    {"Id": "x", "ErrorCode": "InternalException", "ErrorMessage": "try again"}
                ],
            },
        ),
        (
            "BatchUpdateFindings",
            {
                "ProcessedFindings": [],
                "UnprocessedFindings": [
                    {
                        "FindingIdentifier": {
                            "Id": "x",
                            "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty",
                        },
                        "ErrorCode": "ConcurrentUpdateError",
                        "ErrorMessage": "later",
                    }
                ],
            },
        ),
    ],
)
def test_what_the_hub_does_not_take_it_gets_again(
    world: World, monkeypatch: pytest.MonkeyPatch, operation: str, failing: Any
) -> None:
    """It names what was not sent: then nothing of the call counts. The queue brings it again."""
    _fails_once(monkeypatch, operation, failing)
    calls = [call.operation for call in world.send(event(PUBLIC)).calls]
    assert calls.count(operation) >= 2
    assert "SendMessageBatch" in calls
    assert world.case().status is Status.CONTAINED
    assert world.reported(world.case()).version == world.case().version
    assert world.reported(world.case()).original_is == "updated"
    assert world.finding(world.case())


def _fails_once(monkeypatch: pytest.MonkeyPatch, operation: str, failing: Any) -> None:
    original, left = registry.IMPLEMENTED["securityhub", operation], [1]

    def respond(params: Any, where: Any) -> Any:
        return failing if left and left.pop() else original(params, where)

    monkeypatch.setitem(registry.IMPLEMENTED, ("securityhub", operation), respond)
