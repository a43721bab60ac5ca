"""``cordon coverage --live`` on an account: what is on there, and what its caller may not read."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from console import cli
from console.coverage.checks import CHECKS
from console.coverage.live import look
from console.stack import Stack
from embedded.backends import agent_aliases, here, inventory
from tests.architecture.stack import ROOT
from tests.examples import HEADERS
from tests.promises.policies import commands, user
from tests.promises.world import START, World

POLICY = ROOT / "docs" / "coverage" / "policy.json"
STANDARD = "arn:aws:securityhub:us-east-1::standards/ai-security-best-practices/v/1.0.0"


def may_look(world: World, name: str, *policies: str, without: str = "") -> str:
    """The ARN of a user with the policy for it, but for one action, and these for the stack."""
    arn, place = user(world, name, *policies), world.account.place
    text = POLICY.read_text()
    for placeholder in ("partition", "region", "account"):
        text = text.replace(f"<{placeholder}>", getattr(place, placeholder))
    document = json.loads(text)
    for one in document["Statement"]:
        one["Action"] = [action for action in one["Action"] if action != without]
    world.account.client("iam").put_user_policy(
        UserName=name, PolicyName="look", PolicyDocument=json.dumps(document)
    )
    return arn


def ai_is_there(world: World) -> None:
    """AI Protection is on, invocation logging is off; a person confirms what an agent does."""
    account = world.account
    features = [{"Name": "AI_PROTECTION", "Status": "ENABLED"}]
    account.client("guardduty").create_detector(Enable=True, Features=features)
    mine = account.place.account
    account.client("inspector2").enable(accountIds=[mine], resourceTypes=["ECR"])
    where = here(mine, account.place.region)
    standard = {
        "StandardsSubscriptionArn": STANDARD.replace("::", ":111122223333:"),
        "StandardsArn": STANDARD,
        "StandardsInput": {},
        "StandardsStatus": "READY",
    }
    inventory.are_there("securityhub", "GetEnabledStandards", where, standard)
    agent = "A123456789"
    agent_aliases.make(agent, where, "arn:aws:iam::111122223333:role/payer", {})
    group: dict[str, Any] = {
        "agentId": agent,
        "agentVersion": "DRAFT",
        "actionGroupId": "G123456789",
        "actionGroupName": "pay",
        "actionGroupState": "ENABLED",
        "actionGroupExecutor": {"customControl": "RETURN_CONTROL"},
        "createdAt": START,
        "updatedAt": START,
    }
    inventory.group_is_there(agent, group, where)


def printed(world: World, arn: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the command prints for a caller."""
    with commands(world, arn) as stack:
        monkeypatch.setattr(Stack, "named", lambda *_: stack)
        done = CliRunner().invoke(cli.app, ["coverage", "--live", "--output", "json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


@pytest.mark.world("approve")
def test_account_is_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ai_is_there(world)
    said = {"about": "generative-3-resilience", "says": "tried", "until": "2027-05-31"}
    grace = user(world, "grace", "operator")
    assert world.account.request("POST", "/attest", said, caller=grace).status == 200
    found = printed(world, may_look(world, "ada", "reader"), monkeypatch)
    assert found["place"] == "111122223333 us-east-1"
    assert found["modes"] == "master switch: on"
    assert {one["name"]: one["mode"] for one in found["playbooks"]} == dict.fromkeys(
        HEADERS, "approve"
    )
    saw = {one["check"]: one["saw"] for one in found["needs"]}
    assert saw == {
        "detector": "on",
        "ai_protection": "on",
        "s3_protection": "off",
        "": "not looked at",
        "malware_protection": "off",
        "macie": "on",
        "security_hub": "on",
        "ai_standard": "on",
        "config_recorder": "off",
        "trail_logging": "off",
        "inspector_of_images": "on",
        "access_analyzer": "off",
        "detective": "off",
        "invocation_logging": "off",
    }
    genai, agentic = ([one["seen"] for one in m["scopes"]] for m in found["matrices"])
    assert genai == ["unknown", "not seen", "in use", "not seen", "not seen"]
    assert agentic == ["not seen", "in use", "not seen", "unknown"]
    cells = {one["column"]: one["checks"] for one in found["matrices"][0]["scopes"][2]["cells"]}
    assert [one["saw"] for one in cells["Controls"]] == ["off", "off"]
    resilience = found["matrices"][0]["scopes"][2]["cells"][4]
    assert resilience["attested"]["by"] == grace
    assert (resilience["attested"]["is"], resilience["checks"]) == ("attested", [])
    assert found["attestations"] == ""


@pytest.mark.world("approve")
def test_report_looks_at_the_account_too(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ai_is_there(world)
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    with commands(world, may_look(world, "ada", "reader")) as stack:
        monkeypatch.setattr(Stack, "named", lambda *_: stack)
        for to in (page, data):
            done = CliRunner().invoke(cli.app, ["report", str(to), "--live"])
            assert (done.exit_code, done.exception) == (0, None), done.output
    assert "As it was in 111122223333 us-east-1 when this page was made." in page.read_text()
    found = json.loads(data.read_text())
    saw = {one["check"]: one["saw"] for one in found["coverage"]["needs"]}
    assert (saw["detector"], saw["s3_protection"]) == ("on", "off")
    assert found["modes"] == dict.fromkeys(HEADERS, "approve")


@pytest.mark.world("approve")
def test_what_the_caller_may_not_read_is_unknown(world: World) -> None:
    ai_is_there(world)
    missing = ("guardduty:GetDetector", "securityhub:GetEnabledStandards", "bedrock:ListAgents")
    for number, permission in enumerate(missing):
        with commands(world, may_look(world, f"user{number}", without=permission)) as stack:
            found = look(stack.client, world.account.place.account)
        unknown = {name for name, result in found.items() if result.saw == "unknown"}
        assert unknown == {name for name in CHECKS if permission in CHECKS[name].permissions}
        assert {found[name].says for name in unknown} == {permission}
