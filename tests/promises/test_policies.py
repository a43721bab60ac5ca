"""The policies for people in docs/policies: enough for their commands, and for nothing else."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from console import access_log, cli, preview, status
from console.permissions.reference import kinds
from console.report import account
from console.settings import StackSettings
from console.stack import NotPossible, Stack
from cordon.deciding.request import ROUTES
from cordon.memory.cases import Case
from cordon.statuses import Status
from tests.examples import QUARANTINE, event, path_of
from tests.promises.permission_scenarios_people import DIGEST_KEY, with_digest_key
from tests.promises.policies import FOLDER, NAMES, commands, policy, user
from tests.promises.world import World

NAME = "guardduty_public_access"
MAY_SEND = {
    "reader": set(),
    "approver": {"approve", "reject", "release", "retry", "contain"},
    "operator": {"settings", "stop", "redeliver", "attest"},
    "auditor": set(),
    "resources": set(),
}
READS = {
    "reader": ("FindStack", "ReadCases", "ListOpenCases"),
    "approver": ("FindStack", "ReadCases", "ListOpenCases", "ListEvidence", "ReadEvidence"),
    "operator": ("FindStack", "ReadSettings", "CountDeadLetters", "CountFailedRecords"),
    "auditor": (
        "FindStack",
        "ReadCases",
        "ListOpenCases",
        "ListEvidence",
        "ReadEvidence",
        "ReadAccessLog",
        "ReadDigestKey",
    ),
    "resources": (),  # made of what actions need: tests/actions/test_preview.py
}
ROWS = (f"case#{QUARANTINE.name}#x", f"decision#{QUARANTINE.name}#x", "hold#bucket#x", "settings")
pytestmark = pytest.mark.world("approve")


def waiting(world: World) -> Case:
    """A case that awaits approval."""
    with_digest_key(
        world, "ECC_NIST_P256"
    )  # made sooner than one of RSA, and read by the same call
    world.send(event(NAME))
    return world.case()


def test_every_policy_is_tested() -> None:
    assert set(NAMES) == set(MAY_SEND) == set(READS)
    assert set().union(*MAY_SEND.values()) == set(ROUTES)


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("name", NAMES)
def test_policy_sends_its_verbs_and_no_other(world: World, name: str) -> None:
    arn = user(world, "ada", name)
    allowed = {
        verb
        for verb in ROUTES
        if world.account.request("POST", f"/{verb}", {}, caller=arn).status != 403
    }
    assert allowed == MAY_SEND[name]


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("key", ROWS)
@pytest.mark.parametrize("name", NAMES)
def test_policy_writes_no_row(world: World, name: str, key: str) -> None:
    table = world.account.stack.outputs["CasesTableName"]
    with commands(world, user(world, "ada", name)) as stack:
        dynamodb = stack.client("dynamodb")
        with pytest.raises(ClientError, match="AccessDenied"):
            dynamodb.put_item(TableName=table, Item={"id": {"S": key}})
        with pytest.raises(ClientError, match="AccessDenied"):
            dynamodb.update_item(TableName=table, Key={"id": {"S": key}})


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("name", NAMES)
def test_policy_wakes_nobody_and_invokes_nothing(world: World, name: str) -> None:
    outputs = world.account.stack.outputs
    with commands(world, user(world, "ada", name)) as stack:
        with pytest.raises(ClientError, match="AccessDenied"):
            stack.client("stepfunctions").start_execution(
                stateMachineArn=outputs["Workflow"], input="{}"
            )
        with pytest.raises(ClientError, match="AccessDenied"):
            stack.client("lambda").invoke(FunctionName=outputs["DeskFunction"], Payload="{}")


@pytest.mark.parametrize("name", NAMES)
def test_policies_name_nothing_by_wildcard(name: str) -> None:
    for statement in json.loads((FOLDER / f"{name}.json").read_text())["Statement"]:
        assert "*" not in json.dumps(statement["Action"])
        assert statement["Resource"] != "*" or not any(map(kinds, statement["Action"]))


@pytest.mark.parametrize("name", NAMES)
def test_policy_is_not_longer_than_iam_takes(name: str) -> None:
    """IAM User Guide, "IAM and AWS STS quotas": a managed policy, white space not counted."""
    assert len("".join((FOLDER / f"{name}.json").read_text().split())) <= 6144


# ---- each does its own ----


def reads(stack: Stack, case: Case) -> None:
    list(stack.open_cases())
    assert stack.case(case.id[:6]).id == stack.case(case.id).id


def reads_evidence(stack: Stack, case: Case) -> None:
    reads(stack, case)
    assert stack.evidence(case)[1] == ""


def compares(stack: Stack, case: Case) -> None:
    reads_evidence(stack, case)
    assert access_log.compared(stack.evidence_copy(case), stack) == []
    assert stack.client("kms").get_public_key(KeyId=DIGEST_KEY)["PublicKey"]


def looks_at_settings(stack: Stack, _: Case) -> None:
    assert StackSettings.of(stack).faults() == []
    assert len(list(status.dead_letters(stack))) == 4
    assert [line.unknown for line in status.failed_records(stack)] == [False]
    list(status.budgets(stack))


def looks_at_resources(stack: Stack, case: Case) -> None:
    said = preview.containing(case.plan.actions, preview.caller(stack))
    assert len(said) > 1 and "unknown" not in str(said)


COMMANDS: dict[str, Any] = {
    "reader": reads,
    "approver": reads_evidence,
    "operator": looks_at_settings,
    "auditor": compares,
    "resources": looks_at_resources,
}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("name", NAMES)
def test_policy_is_enough_to_read(world: World, name: str) -> None:
    case = waiting(world)
    world.approve(case)
    with commands(world, user(world, "ada", name)) as stack:
        COMMANDS[name](stack, world.case())


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(
    ("name", "sid"),
    [(name, sid) for name, sids in READS.items() for sid in sids if sid != "FindStack"],
)
def test_no_statement_can_be_left_out(world: World, name: str, sid: str) -> None:
    assert sid in [one["Sid"] for one in policy(world, name)["Statement"]]
    case = waiting(world)
    world.approve(case)
    known = world.case()
    ada = user(world, "ada", name, without=sid)
    with commands(world, ada) as stack, pytest.raises(ClientError) as refused:
        COMMANDS[name](stack, known)
    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


def test_approver_approves_and_releases(world: World) -> None:
    case = waiting(world)
    ada = user(world, "ada", "approver")
    with commands(world, ada) as stack:
        said = stack.decide(case, "approve", case.plan_hash, "seen")
    assert (said["by"], said["complete"]) == (ada, True)
    world.account.settle()
    assert world.case().status is Status.CONTAINED
    assert world.case().decided_by == ada
    with commands(world, ada) as stack:
        stack.release(world.case(), "it is a website")
    world.account.settle()
    assert world.case().status is Status.REOPENED
    assert world.refused == []


def test_what_would_change_is_shown_before_it_is_decided(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as whoever decides may read it: the rest is unknown, with what is missing."""
    case = waiting(world)
    ada = user(world, "ada", "approver", "resources")
    bob = user(world, "bob", "approver")
    with commands(world, bob) as stack:
        monkeypatch.setattr(Stack, "named", lambda *_: stack)
        done = CliRunner().invoke(cli.app, ["approve", case.id], input="n\n")
    assert (done.exit_code, world.case()) == (1, case)
    assert (
        "unknown: missing is s3:GetBucketPublicAccessBlock: docs/policies/resources.json"
        in done.output
    )
    by_arn = ["contain", "arn:aws:s3:::acme-model-artifacts", "--playbook", QUARANTINE.name]
    live = ["plan", str(path_of(NAME)), "--live", "--full"]
    for words, *lines in (
        ([*by_arn, "--plan"], "public_access_block BlockPublicAcls: absent → true"),
        (live, "public_access_block BlockPublicAcls: absent", '"mode": "approve"', '"settings"'),
        ([*live, "--mode", "observe"], '"mode": "observe"', '"mode_of": "--mode"', "mode is obs"),
        (["approve", case.id, "--yes"], "public_access_block BlockPublicAcls: absent → true"),
        (
            ["release", case.id, "--why", "seen"],
            "public_access_block BlockPublicAcls: true → absent",
        ),
    ):
        with commands(world, ada) as stack:
            monkeypatch.setattr(Stack, "named", lambda *_, found=stack: found)
            done = CliRunner().invoke(cli.app, words)
        assert (done.exit_code, done.exception) == (0, None), done.output
        assert all(one in done.output for one in lines) and "unknown" not in done.output
        world.account.settle()
    assert world.case().status is Status.REOPENED
    assert {one.partition(": ")[0] for one in world.refused} == {bob}


def test_reader_is_refused_in_words(world: World) -> None:
    case = waiting(world)
    with commands(world, user(world, "ada", "reader")) as stack, pytest.raises(NotPossible) as why:
        stack.decide(case, "approve", case.plan_hash)
    assert "your credentials may not approve" in str(why.value)
    assert world.case() == case


@pytest.mark.parametrize(
    ("name", "says"),
    [("reader", "unknown: your credentials may not"), ("approver", "tags cordon:case: absent")],
)
def test_case_is_shown_as_far_as_its_reader_may(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    case = waiting(world)
    world.approve(case)
    with commands(world, user(world, "ada", name)) as stack:
        monkeypatch.setattr(Stack, "named", lambda *_: stack)
        for words in (["show", case.id[:8]], ["cases", "--held"]):
            done = CliRunner().invoke(cli.app, words)
            assert (done.exit_code, done.exception) == (0, None), done.output
            assert case.id in done.stdout
            assert (says in done.stdout) is (words[0] == "show")
        report = account.of_stack(stack, account.Wanted(), None, lambda *_: None)
    (one,) = report.entries
    assert (one.id, one.details.chain is not None) == (case.id, name == "approver")
    assert says in str(one.details.sections) and report.exemptions == ()


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("operator", {"cases": "dynamodb:Query"}),
        (
            "reader",
            {"dead letters": "sqs:GetQueueAttributes", "failed records": "s3:ListBucket"},
        ),
    ],
)
def test_status_says_what_its_reader_may_not_know(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, unknown: dict[str, str]
) -> None:
    waiting(world)
    with commands(world, user(world, "ada", name)) as stack:
        monkeypatch.setattr(Stack, "named", lambda *_: stack)
        done = CliRunner().invoke(cli.app, ["status", "-o", "json"])
    found = {one["part"]: one for one in json.loads(done.stdout)}
    services = {name for name in found if name[0].isupper()}
    assert {part for part, one in found.items() if one["unknown"]} == {*unknown, *services}
    for part, permission in unknown.items():
        assert found[part]["is"] == f"unknown: missing is {permission}"
    assert found["master switch"]["is"] == "on"
    if name == "reader":
        assert found["waiting"]["is"].startswith("1 for approval")


def test_operator_changes_settings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = user(world, "ada", "operator")
    with commands(world, ada) as stack:
        monkeypatch.setattr(Stack, "named", lambda *_: stack)
        done = CliRunner().invoke(cli.app, ["mode", QUARANTINE.name, "enforce"])
        assert (done.exit_code, done.exception) == (0, None), done.output
        assert f"{QUARANTINE.name}: enforce, 10 cases an hour" in done.output
        assert CliRunner().invoke(cli.app, ["stop"]).exit_code == 0
    assert world.settings["master_switch"] == "off"
    assert world.settings["changed_by"] == ada
