"""Each playbook in each mode, as deployed: what it changes, as an ordinary client sees it."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.stack import NotPossible
from cordon.actions.revocation_policy import MARGIN
from cordon.clock import from_iso, now, to_iso
from cordon.memory.cases import Case
from cordon.sources import read
from cordon.statuses import Status
from tests.e2e.account import ACCOUNT, BREAK_GLASS, Account
from tests.e2e.people import role, trust
from tests.e2e.waiting import HANGS, until
from tests.examples import ESCALATE, event, folder_of

PUBLIC = "guardduty_anonymous_access"
SHARED = "macie_shared_externally"
ATTACKED = "guardduty_ransomware_delete"
STOLEN_FROM = "guardduty_exfiltration_malicious_ip"
REPLICATED = "macie_replicated_externally"
ROLE = "guardduty_resource_credentials_outside"
USER = "guardduty_persistence"
COSTLY = "guardduty_cost_harvesting"
NOTEBOOK = "securityhub_sagemaker_1"
AGENT = "securityhub_bedrock_1"
RUNTIME = "securityhub_bedrockagentcore_1"
ROOT_USED = "guardduty_root_credential_usage"
EACH = (PUBLIC, ROLE, NOTEBOOK, ROOT_USED)
FOREIGN = "999988887777"
REFUSALS = ("AccessDenied", "AccessDeniedException", "InvalidAccessKeyId")


def staged(account: Account, name: str) -> dict[str, Any]:
    """The event, with what it names made."""
    one = event(name)
    account.stage(one)
    return one


def state(account: Account, one: dict[str, Any]) -> dict[str, Any]:
    """All that can be contained, with the AI resources of the event."""
    kinds = ("AWS::SageMaker::", "AWS::Bedrock::", "AWS::BedrockAgentCore::")
    arns = [r.arn for r in read(one).resources if r.type.startswith(kinds)]
    return account.state(*arns)


def bucket_of(one: dict[str, Any]) -> str:
    """The name of the bucket that an event names."""
    return next(r.name for r in read(one).resources if r.type == "AWS::S3::Bucket")


def allowed(call: Callable[..., Any], **params: Any) -> bool:
    """Does the call succeed? Any refusal but of access fails the test."""
    try:
        call(**params)
    except ClientError as error:
        assert error.response["Error"]["Code"] in REFUSALS
        return False
    return True


def anybody_reads(account: Account, bucket: str, key: str) -> bool:
    """Does an anonymous GET of the object succeed?"""
    try:
        with urllib.request.urlopen(f"{account.endpoint}/{bucket}/{key}", timeout=HANGS):
            return True
    except urllib.error.HTTPError as error:
        assert error.code == 403
        return False


def person(account: Account, name: str) -> str:
    """A role that may do anything in S3, and that the account's owner assumes."""
    arn = role(account, name)
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.client("iam").put_role_policy(RoleName=name, PolicyName="s3", PolicyDocument=document)
    return arn


def contained(account: Account, one: dict[str, Any]) -> Case:
    """Put the event; the case it is contained or tagged as, reported and proven."""
    account.put(one)
    case = account.case()
    assert case.status in (Status.CONTAINED, Status.TAGGED)
    shown_as_it_is(account, case)
    assert {str(result.status) for result in case.results} == {"verified"}
    assert account.holds().keys() == {result.target for result in case.results}
    assert account.evidence(case)[0] == "captured"
    assert account.evidence(case)[-1] == case.status
    assert account.finding_of(case)["ProductFields"]["cordon/status"] == case.status
    return case


def shown_as_it_is(account: Account, case: Case) -> None:
    """People see the case as its row is, in all four places; the original was updated."""
    shown = account.reported(case)
    assert (shown.version, shown.original_is) == (case.version, "updated")
    assert shown.finding and shown.event
    assert shown.status == case.status
    assert account.messages("FailedReports") == account.messages("Reports") == []


def escalated(account: Account, one: dict[str, Any]) -> Case:
    """Put the event; the case that a person must deal with."""
    account.put(one)
    case = account.case()
    assert case.status is Status.ESCALATED
    assert account.evidence(case) == ["decided"]
    assert account.finding_of(case)["ProductFields"]["cordon/status"] == "escalated"
    return case


# ---- observe ----


@pytest.mark.parametrize("name", EACH)
def test_observed_changes_nothing(account: Account, name: str) -> None:
    account.set(f"modes.{folder_of(name)}", "observe")
    one = staged(account, name)
    before, original = state(account, one), original_of(account, one)
    account.put(one)
    case = account.case()
    assert case.status is Status.OBSERVED
    assert bool(case.plan.actions) == (case.playbook != ESCALATE.name)
    assert account.evidence(case) == ([] if case.observed else ["decided"])
    assert account.finding_of(case)["Title"].startswith("Cordon observed")
    assert state(account, one) == before
    assert original_of(account, one) == original
    assert account.holds() == {}
    assert account.incidents() == []


def original_of(account: Account, one: dict[str, Any]) -> dict[str, Any]:
    """The finding of an event as Security Hub has it."""
    hub = read(one).hub
    assert hub is not None
    return account.finding(hub.id)


# ---- enforce ----


def test_a_public_bucket_is_shut(account: Account) -> None:
    one = staged(account, PUBLIC)
    s3, bucket = account.client("s3"), bucket_of(one)
    s3.put_object(Bucket=bucket, Key="weights", Body=b"secret")
    assert anybody_reads(account, bucket, "weights")
    case = contained(account, one)
    assert not anybody_reads(account, bucket, "weights")
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(block.values())
    tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert {"Key": "cordon:case", "Value": case.id} in tags
    assert {"Key": "cordon:status", "Value": "quarantined"} in tags
    assert len(account.incidents()) == 1


def test_publicly_readable_bucket_denies_outsiders(account: Account) -> None:
    one = staged(account, SHARED)
    bucket = bucket_of(one)
    account.client("s3").put_object(Bucket=bucket, Key="weights", Body=b"secret")
    stranger = account.as_key(FOREIGN, "s3")
    colleague = account.as_role(person(account, "colleague"), "s3")
    assert allowed(stranger.get_object, Bucket=bucket, Key="weights")
    contained(account, one)
    assert not allowed(stranger.get_object, Bucket=bucket, Key="weights")
    assert allowed(colleague.get_object, Bucket=bucket, Key="weights")


def test_a_bucket_under_attack_is_frozen(account: Account) -> None:
    one = staged(account, ATTACKED)
    bucket = bucket_of(one)
    attacker = account.as_role(person(account, "attacker"), "s3")
    assert allowed(attacker.put_object, Bucket=bucket, Key="weights", Body=b"x")
    contained(account, one)
    assert not allowed(attacker.put_object, Bucket=bucket, Key="weights", Body=b"x")
    assert not allowed(attacker.delete_object, Bucket=bucket, Key="weights")
    assert allowed(attacker.get_object, Bucket=bucket, Key="weights")
    rules = account.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert {rule["ID"]: rule["Status"] for rule in rules}["expire-everything"] == "Disabled"


def test_emptied_bucket_denies_all_but_break_glass(account: Account) -> None:
    one = staged(account, STOLEN_FROM)
    bucket = bucket_of(one)
    attacker = account.as_role(person(account, "attacker"), "s3")
    rescuer = account.as_role(person(account, BREAK_GLASS.split("/")[-1]), "s3")
    assert allowed(attacker.put_object, Bucket=bucket, Key="weights", Body=b"x")
    contained(account, one)
    assert not allowed(attacker.get_object, Bucket=bucket, Key="weights")
    assert allowed(rescuer.get_object, Bucket=bucket, Key="weights")
    assert allowed(rescuer.put_object, Bucket=bucket, Key="weights", Body=b"x")


def test_a_bucket_is_no_longer_copied_abroad(account: Account) -> None:
    one = staged(account, REPLICATED)
    s3, backup = account.client("s3"), f"{bucket_of(one)}-backup"
    s3.create_bucket(Bucket=backup)  # S3 says that it is ours, so it goes on
    s3.put_bucket_versioning(Bucket=backup, VersioningConfiguration={"Status": "Enabled"})
    contained(account, one)
    found = s3.get_bucket_replication(Bucket=bucket_of(one))
    rules = {r["ID"]: r["Status"] for r in found["ReplicationConfiguration"]["Rules"]}
    assert rules == {"backup": "Enabled", "abroad": "Disabled"}


def data(account: Account) -> dict[str, str]:
    """What the roles and users of the samples may read."""
    where = {"Bucket": "their-own-data", "Key": "index"}
    account.client("s3").create_bucket(Bucket=where["Bucket"])
    account.client("s3").put_object(**where, Body=b"x")
    return where


def test_older_sessions_of_a_role_are_refused(account: Account) -> None:
    """The denial reaches half a minute ahead. The date is moved: so far that it is not over on a
    slow machine either, and then as if it were."""
    one, where = staged(account, ROLE), data(account)
    (name,) = [r.name for r in read(one).resources if r.type == "AWS::IAM::Role"]
    iam, role = account.client("iam"), f"arn:aws:iam::{ACCOUNT}:role/{name}"
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust())
    thief = account.as_role(role, "s3")
    assert allowed(thief.get_object, **where)
    before = now()
    contained(account, one)
    assert not allowed(thief.get_object, **where)
    assert "own" in iam.list_role_policies(RoleName=name)["PolicyNames"]
    named = {"RoleName": name, "PolicyName": "AWSRevokeOlderSessions"}
    policy = iam.get_role_policy(**named)["PolicyDocument"]
    (statement,) = policy["Statement"]
    dates = statement["Condition"]["DateLessThan"]
    assert from_iso(dates["aws:TokenIssueTime"]) >= before + MARGIN

    def denies_until(moment: datetime) -> None:
        dates["aws:TokenIssueTime"] = to_iso(moment)
        iam.put_role_policy(**named, PolicyDocument=json.dumps(policy))

    denies_until(now() + timedelta(hours=1))
    assert not allowed(account.as_role(role, "s3").get_object, **where)
    until(lambda: now() > before, "a date has no parts of a second: the thief's must be earlier")
    denies_until(now())
    assert allowed(account.as_role(role, "s3").get_object, **where)
    assert not allowed(thief.get_object, **where)


def test_a_stolen_access_key_is_refused(account: Account) -> None:
    """The user's key has the id that IAM gives it, and so has the finding."""
    one, where = event(USER), data(account)
    said = one["detail"]["resource"]["accessKeyDetails"]
    iam = account.client("iam")
    iam.create_user(UserName=said["userName"])
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=said["userName"], PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=said["userName"])["AccessKey"]
    said["accessKeyId"] = key["AccessKeyId"]
    account.stage(one)
    thief = account.as_key(key["AccessKeyId"], "s3", key["SecretAccessKey"])
    assert allowed(thief.get_object, **where)
    contained(account, one)
    assert not allowed(thief.get_object, **where)
    listed = iam.list_access_keys(UserName=said["userName"])["AccessKeyMetadata"]
    assert {k["AccessKeyId"]: k["Status"] for k in listed}[said["accessKeyId"]] == "Inactive"


def test_misused_models_are_denied_until_the_release(account: Account) -> None:
    """Under an IAM that is not ours: inference and nothing else, and back."""
    one, where = event(COSTLY), data(account)
    said = one["detail"]["resource"]["accessKeyDetails"]
    iam = account.client("iam")
    iam.create_user(UserName=said["userName"])
    allows = {"Effect": "Allow", "Action": ["bedrock:*", "s3:GetObject"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allows]})
    iam.put_user_policy(UserName=said["userName"], PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=said["userName"])["AccessKey"]
    said["accessKeyId"] = key["AccessKeyId"]
    account.stage(one)
    given = (key["AccessKeyId"], key["SecretAccessKey"])
    models, objects = (
        account.as_key(given[0], name, given[1]) for name in ("bedrock-runtime", "s3")
    )
    words = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": []}
    call = {"modelId": "anthropic.claude-3-haiku-20240307-v1:0", "body": json.dumps(words)}
    assert allowed(models.invoke_model, **call)
    case = contained(account, one)
    assert not allowed(models.invoke_model, **call)
    assert allowed(objects.get_object, **where)
    account.stack.release(case, "the application's own calls")
    account.settle()
    assert account.case().status is Status.REOPENED
    assert allowed(models.invoke_model, **call)


@pytest.mark.parametrize("name", [NOTEBOOK, AGENT, RUNTIME])
def test_an_ai_resource_that_fails_is_tagged(account: Account, name: str) -> None:
    one = staged(account, name)
    (arn,) = state(account, one)["tags"]
    own = account.tags(arn)
    case = contained(account, one)
    ours = {"cordon:status": "noncompliant", "cordon:case": case.id}
    assert account.tags(arn) == own | ours | {"cordon:control": read(one).type}
    assert account.incidents() == []


def test_finding_for_a_person_opens_an_incident(account: Account) -> None:
    one = staged(account, ROOT_USED)
    before = state(account, one)
    case = escalated(account, one)
    assert state(account, one) == before
    (incident,) = account.incidents()
    assert "root" in incident["Description"]
    assert case.id in incident["Description"]
    assert account.finding_of(case)["Title"].startswith("Cordon escalated")


@pytest.mark.parametrize("name", [PUBLIC, ROLE, NOTEBOOK, ROOT_USED])
def test_original_finding_names_its_playbook(account: Account, name: str) -> None:
    one = staged(account, name)
    case = escalated(account, one) if name == ROOT_USED else contained(account, one)
    original = original_of(account, one)
    assert original["Workflow"]["Status"] == "NOTIFIED"
    by_hub = one["source"] == "aws.securityhub"  # else the copy may have fields of others
    assert original.get("UserDefinedFields", {}) == ({"cordon": "handled"} if by_hub else {})
    assert original["Note"]["UpdatedBy"] == "cordon"
    assert original["Note"]["Text"].startswith(f"Cordon {case.playbook}: {case.status}")


# ---- approve ----


def awaiting(account: Account, name: str) -> tuple[Case, dict[str, Any], dict[str, Any]]:
    """A case that waits for a person, its event, and the account before."""
    account.set(f"modes.{folder_of(name)}", "approve")
    one = staged(account, name)
    before = state(account, one)
    account.put(one)
    case = account.case()
    assert case.status is Status.AWAITING_APPROVAL
    assert account.reported(case).informed_of_question(case)
    assert executions(account) == {}
    assert account.finding_of(case)["Title"].startswith("Cordon awaiting approval")
    untouched(account, one, before)
    return case, one, before


def untouched(account: Account, one: dict[str, Any], before: dict[str, Any]) -> None:
    """Nothing was contained and nothing is held."""
    assert state(account, one) == before
    assert account.holds() == {}


@pytest.mark.parametrize("name", [PUBLIC, ROLE, NOTEBOOK])
def test_approved_is_contained(account: Account, name: str) -> None:
    case, one, before = awaiting(account, name)
    account.stack.decide(case, "approve", case.plan_hash)
    account.settle()
    case = account.case()
    assert case.status in (Status.CONTAINED, Status.TAGGED)
    assert state(account, one) != before
    assert case.decided_by == f"arn:aws:iam::{ACCOUNT}:root"
    assert account.evidence(case)[:2] == ["decided", "approved"]
    ((name, status),) = executions(account).items()
    assert (name.startswith(f"{case.id}-1-approve-"), status) == (True, "SUCCEEDED")


def executions(account: Account) -> dict[str, str]:
    """The status of the workflow's executions, by name."""
    named = {"stateMachineArn": account.stack.outputs["Workflow"]}
    found = account.client("stepfunctions").list_executions(**named)["executions"]
    return {one["name"]: one["status"] for one in found}


def test_rejected_is_reported_and_not_done(account: Account) -> None:
    case, one, before = awaiting(account, PUBLIC)
    account.stack.decide(case, "reject", case.plan_hash)
    account.settle()
    not_done(account, one, before, Status.REJECTED)


def test_expired_case_is_reported_and_changes_nothing(account: Account) -> None:
    """The hours count from when people were informed; here they were so five hours ago."""
    case, one, before = awaiting(account, PUBLIC)
    account.tick("ReconcileCasesEveryFiveMinutes")
    assert account.case() == case
    account.informed(case, now() - timedelta(hours=5))
    account.tick("ReconcileCasesEveryFiveMinutes")
    not_done(account, one, before, Status.EXPIRED)


def not_done(account: Account, one: dict[str, Any], before: dict[str, Any], end: Status) -> None:
    """Nothing was done, and both findings say so."""
    case = account.case()
    assert case.status is end
    untouched(account, one, before)
    ours = account.finding_of(case)
    assert (ours["RecordState"] == "ARCHIVED") == (end is Status.REJECTED)
    assert ours["Compliance"]["Status"] == "FAILED"
    assert ours["Title"].startswith(f"Cordon {end}")
    assert str(end) in original_of(account, one)["Note"]["Text"]
    assert account.evidence(case) == ["decided", str(end)]
    assert [incident["Status"] for incident in account.incidents()] == ["Resolved"]
    assert list(executions(account).values()) == ["SUCCEEDED"]


def test_escalation_needs_no_approval(account: Account) -> None:
    account.set(f"modes.{ESCALATE.name}", "approve")
    escalated(account, staged(account, ROOT_USED))


# ---- release ----


@pytest.mark.parametrize(
    "name", [PUBLIC, SHARED, ATTACKED, STOLEN_FROM, REPLICATED, NOTEBOOK, AGENT, ROOT_USED]
)
def test_released_is_as_it_was(account: Account, name: str) -> None:
    one, approver = staged(account, name), role(account, "Ada", "approver")
    before = state(account, one)
    case = escalated(account, one) if name == ROOT_USED else contained(account, one)
    if name == ROOT_USED:  # whom the finding is about does not decide
        with pytest.raises(NotPossible, match="somebody else must decide"):
            account.stack.release(case, "a false alarm")
    replace(account.stack, desk=account.desk(approver)).release(case, "a false alarm")
    account.settle()
    case = account.case()
    end = Status.RELEASED if name == ROOT_USED else Status.REOPENED
    assert case.status is end
    assert case.decided_why == "a false alarm"
    assert case.decided_by == f"arn:aws:sts::{ACCOUNT}:assumed-role/Ada/test"
    assert state(account, one) == before
    assert account.holds() == {}
    assert {incident["Status"] for incident in account.incidents()} <= {"Resolved"}
    ours = account.finding_of(case)
    assert ours["Title"].startswith(f"Cordon {end}")
    assert ours["Compliance"]["Status"] == "FAILED"  # the condition may remain
    assert account.evidence(case)[-1] == str(end)


def test_a_released_bucket_is_read_again(account: Account) -> None:
    one = staged(account, PUBLIC)
    bucket = bucket_of(one)
    account.client("s3").put_object(Bucket=bucket, Key="site", Body=b"public")
    case = contained(account, one)
    assert not anybody_reads(account, bucket, "site")
    account.stack.release(case, "a public web site")
    account.settle()
    assert anybody_reads(account, bucket, "site")


@pytest.mark.parametrize("name", [ROLE, USER])
def test_revocation_is_released_only_when_harmless(account: Account, name: str) -> None:
    """The release waits for real hours, which a test cannot: it says until when. The reconciler
    wakes it then, and not before."""
    one = staged(account, name)
    case = contained(account, one)
    account.stack.release(case, "it was an exercise")
    account.settle()
    assert _waits(account) == (Status.RELEASING, ["waiting"])
    before = account.case()
    account.tick("ReconcileCasesEveryFiveMinutes")
    assert account.case() == before
    assert {r.not_before > "2026" for r in account.case().results if r.status == "waiting"} == {
        True
    }
    still = [p for who in account.state()["iam"].values() for p in who.values()]
    assert "AWSRevokeOlderSessions" in {policy for one in still for policy in one["inline"]}
    assert [i["Status"] for i in account.incidents()] == ["Open"]


def _waits(account: Account) -> tuple[Status, list[str]]:
    case = account.case()
    return case.status, sorted({r.status for r in case.results if "sessions" in r.action})
