"""The commands on settings: looked at, written by name, and possible with the guide's policy."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from console import cli
from console.settings import StackSettings
from console.stack import NotPossible, Stack
from cordon.memory import settings as settings_row
from cordon.settings import Mode
from cordon.statuses import Status
from tests.promises.test_settings import NAME, sent
from tests.promises.world import HOME, PLAYBOOKS, World, event

GUIDE = Path(__file__).parents[2] / "docs" / "operating.md"
ROLE = f"arn:aws:iam::{HOME[0]}:role/Operator"
SITE = "arn:aws:s3:::www-acme"
EXEMPT = ("--playbook", "quarantine_bucket", "--owner", "Ada", "--reason", "web")


def policy(world: World) -> dict[str, Any]:
    """The guide's policy, with the names of this stack."""
    text = GUIDE.read_text().partition("<!-- operator: start -->")[2]
    text = text.partition("<!-- operator: end -->")[0].replace("```json", "").replace("```", "")
    stack, place = world.account.stack, world.account.place
    names = {"region": place.region, "account": place.account, "stack": stack.name}
    for name, value in (names | {"table": stack.outputs["CasesTableName"]}).items():
        text = text.replace(f"<{name}>", value)
    return dict(json.loads(text))


@contextmanager
def operator(world: World, without: str = "") -> Iterator[Stack]:
    """Commands are made under the guide's policy, without one of its statements."""
    iam, document = world.account.client("iam"), policy(world)
    document["Statement"] = [one for one in document["Statement"] if one["Sid"] != without]
    iam.create_role(RoleName="Operator", AssumeRolePolicyDocument="{}")
    iam.put_role_policy(
        RoleName="Operator", PolicyName="operator", PolicyDocument=json.dumps(document)
    )
    with world.account.acting(ROLE), pytest.MonkeyPatch.context() as patch:
        stack = replace(world.operator, client=boto3.client)
        patch.setattr(Stack, "named", lambda _: stack)
        yield stack


def run(world: World, *words: str) -> Result:
    """A command of the operator, as it is typed."""
    with operator(world):
        return CliRunner().invoke(cli.app, list(words))


def done(world: World, *words: str) -> str:
    """What a command printed that went well."""
    result = run(world, *words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def why_not(world: World, *words: str) -> str:
    """Why a command did nothing."""
    before = world.settings
    result = run(world, *words)
    assert isinstance(result.exception, NotPossible), (result.output, result.exception)
    assert world.settings == before
    return str(result.exception)


# ---- each command ----


@pytest.mark.world("")
def test_mode_is_set_and_counts_at_once(world: World) -> None:
    sent(world)
    assert world.case().status is Status.OBSERVED
    assert "quarantine_bucket: enforce, 10 cases an hour" in done(
        world, "mode", "quarantine_bucket", "enforce"
    )
    world.account.deliver(event(NAME))
    assert world.case().status is Status.CONTAINED
    row = world.settings
    assert row["version"] == 2
    assert row["changed_by"] == boto3.client("sts").get_caller_identity()["Arn"]
    assert row["changed_at"].startswith("2026-11-24T12:")
    assert row["modes"] == {**dict.fromkeys(PLAYBOOKS, "observe"), "quarantine_bucket": "enforce"}


@pytest.mark.parametrize(("words", "position"), [((), "off"), (("--observe",), "observe")])
def test_stop_and_start(world: World, words: tuple[str, ...], position: str) -> None:
    assert f"master switch: {position}" in done(world, "stop", *words)
    assert world.settings["master_switch"] == position
    world.account.client("iam").delete_role_policy(RoleName="Operator", PolicyName="operator")
    world.account.client("iam").delete_role(RoleName="Operator")
    assert "master switch: on" in done(world, "start")


@pytest.mark.parametrize("broken", [("version", {"S": "x"}), ("master_switch", {"L": []}), None])
def test_stop_goes_through_whatever_the_row_is(world: World, broken: Any) -> None:
    if broken:
        world.write_setting(*broken)
    else:
        world.account.client("dynamodb").delete_item(**world.settings_row)
    run(world, "stop")
    assert world.settings["master_switch"] == "off"
    _, said = sent(world)
    assert said["outcome"] == "ignored"


def test_budget_is_set(world: World) -> None:
    with operator(world) as stack:
        settings = StackSettings.of(stack)
        settings.set_budget(5)
        settings.set_budget(0, "revoke_sessions")
    assert world.settings["budget"] == 5
    assert world.settings["budgets"] == {"tag_ai_resource": 1000, "revoke_sessions": 0}


def test_exemption_is_set_replaced_and_taken_away(world: World) -> None:
    with operator(world):
        for until in ("2027-01-31", "2027-02-28T00:00:00+01:00"):
            words = ["exempt", SITE, *EXEMPT, "--until", until]
            assert CliRunner().invoke(cli.app, words).exit_code == 0
        (one,) = world.settings["exemptions"].values()
        assert one["expires"] == "2027-02-27T23:00:00Z"
        assert one["owner"] == "Ada"
        shown = CliRunner().invoke(cli.app, ["settings"])
        assert shown.exit_code == 0
        assert f"exempt: {SITE} from quarantine_bucket, until 2027-02-27T23:00:00Z" in shown.output
        assert CliRunner().invoke(cli.app, ["exempt", SITE, "--remove"]).exit_code == 0
    assert world.settings["exemptions"] == {}


def test_protection_is_added_and_taken_away(world: World) -> None:
    before = world.settings["protected"]
    with operator(world):
        assert CliRunner().invoke(cli.app, ["protect", SITE]).exit_code == 0
        assert world.settings["protected"] == before | {SITE}
        assert CliRunner().invoke(cli.app, ["protect", SITE, "--remove"]).exit_code == 0
    assert world.settings["protected"] == before


# ---- what is refused ----


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("mode", "quarantine_buckets", "enforce"), "there are escalate_finding, quarantine_"),
        (("budget", "-- -1"), ""),
        (("budget", "200000"), "from 0 to"),
        (("budget", "5", "--playbook", "all"), "there is no playbook all"),
        (("protect", "acme-bucket"), "is not an ARN"),
        (("protect", "*"), "is not an ARN"),
        (("protect", "arn:aws:s3::acme"), "is not an ARN"),
        (("protect", "arn:aws:s3:::a arn:aws:s3:::b"), "is not an ARN"),
        (("protect", "arn:aws:s3:::*"), "--force"),
        (("protect", SITE, "--remove"), "is not among"),
        (("exempt", SITE, *EXEMPT, "--until", "2026-11-24"), "has passed"),
        (("exempt", SITE, *EXEMPT, "--until", "tomorrow"), "is no date"),
        (("exempt", SITE, *EXEMPT), "is no date"),
        (("exempt", SITE, *EXEMPT[:4], "--until", "2027-01-31"), "needs its reason"),
        (("exempt", SITE, *EXEMPT[2:], "--until", "2027-01-31"), "there is no playbook"),
        (("exempt", "arn:aws:iam::*:role/*", *EXEMPT, "--until", "2027-01-31"), "--force"),
        (("exempt", "arn:aws:s3:*", *EXEMPT, "--until", "2027-01-31"), "--force"),
        (("exempt", SITE, "--remove"), "there is no exemption"),
    ],
)
def test_wrong_entry_is_refused_before_it_is_written(
    world: World, words: tuple[str, ...], why: str
) -> None:
    if why:
        assert why in why_not(world, *words)
    else:
        assert run(world, *words).exit_code == 2


def test_force_covers_a_whole_kind(world: World) -> None:
    done(world, "protect", "arn:aws:s3:::*", "--force")
    assert sent(world)[1]["outcome"] == "escalated"


def test_settings_show_what_is_refused(world: World) -> None:
    world.set("modes.tag_ai_resource", "aprove")
    world.set("modes.tag_ai_resources", "approve")
    world.set("colour", "blue")
    world.set("exemptions", {"x": {"owner": "\x1b[31mred"}})
    result = run(world, "settings")
    assert result.exit_code == 1
    assert "refused: modes.tag_ai_resource must be observe, approve, enforce, not 'aprove'" in (
        result.output
    )
    assert "refused: modes.tag_ai_resources: no such playbook" in result.output
    assert "refused: colour is no setting" in result.output
    assert "refused: exemptions.x has no playbook" in result.output
    assert "\x1b[31m" not in result.output


def test_row_that_was_deleted_is_written_anew(world: World) -> None:
    world.account.client("dynamodb").delete_item(**world.settings_row)
    with operator(world) as stack:
        settings = StackSettings.of(stack)
        assert "not there" in settings.faults()[0]
        for playbook in PLAYBOOKS:
            settings.set_mode(playbook, Mode.ENFORCE)
        settings.set_budget(3)
        assert settings.faults() == ["the setting master_switch is not there"]
        settings.start()
        assert settings.faults() == []
    assert sent(world)[1]["outcome"] == "contained"


# ---- two people ----


@pytest.mark.parametrize("plain", [False, True])
def test_two_people_do_not_overwrite_each_other(world: World, plain: bool) -> None:
    """The second read the row before the first wrote it, by our command or by a plain one."""
    with operator(world) as stack:
        second = StackSettings.of(stack)
        row = second.row
        if plain:
            with world.account.acting(""):
                world.set("modes.quarantine_bucket", "observe")
        else:
            StackSettings.of(stack).set_mode("quarantine_bucket", Mode.OBSERVE)
        with pytest.MonkeyPatch.context() as patch, pytest.raises(NotPossible, match="then again"):
            patch.setattr(StackSettings, "row", row)
            second.set_mode("quarantine_bucket", Mode.APPROVE)
    assert world.settings["modes"]["quarantine_bucket"] == "observe"


def test_stop_is_not_undone_by_who_did_not_see_it(world: World) -> None:
    with operator(world) as stack:
        first, second = StackSettings.of(stack), StackSettings.of(stack)
        row = second.row
        first.stop()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(StackSettings, "row", row)
            with pytest.raises(NotPossible):
                second.start()
            second.stop(observe=True)  # to stop needs no luck
    assert world.settings["master_switch"] == "observe"


# ---- the policy ----


@pytest.mark.parametrize("sid", ["ReadSettings", "ChangeSettings"])
def test_no_statement_can_be_left_out(world: World, sid: str) -> None:
    with operator(world, without=sid) as stack, pytest.raises(ClientError) as refused:
        StackSettings.of(stack).start()
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_stop_reads_nothing(world: World) -> None:
    """Who may only write can stop; so can everybody while the table's reads are throttled."""
    with operator(world, without="ReadSettings") as stack:
        StackSettings.of(stack).stop()
    assert world.settings["master_switch"] == "off"


@pytest.mark.parametrize("key", ["decision#quarantine_bucket#x", "case#quarantine_bucket#x"])
def test_operator_reaches_no_other_row(world: World, key: str) -> None:
    with operator(world) as stack:
        for call in (lambda: stack.table.get(key), lambda: stack.table.update(key, "REMOVE x")):
            with pytest.raises(ClientError, match="AccessDenied"):
                call()
        with pytest.raises(ClientError, match="AccessDenied"):
            settings_row.create(stack.table, {}, "x")


def test_row_of_any_type_can_be_compared(world: World) -> None:
    """What only a person can have written has no form that we could write back."""
    world.write_setting("version", {"L": [{"N": "1"}]})
    world.write_setting("modes.quarantine_bucket", {"N": "1.5"})
    with operator(world) as stack:
        StackSettings.of(stack).set_mode("quarantine_bucket", Mode.OBSERVE)
    assert world.settings["modes"]["quarantine_bucket"] == "observe"
    assert world.settings["version"] == 1
