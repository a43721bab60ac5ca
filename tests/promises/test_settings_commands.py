"""The commands on settings: sent to the desk, and shown as the playbooks understand them."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console import cli, effects
from console.settings import StackSettings
from console.settings_commands import ALL_ARE_IN
from console.stack import NotPossible, Stack
from cordon.settings import Mode
from cordon.statuses import Status
from tests.examples import HEADERS, QUARANTINE, REVOKE, TAG
from tests.promises.policies import commands, user
from tests.promises.test_settings import sent
from tests.promises.world import PLAYBOOKS, World

SITE = "arn:aws:s3:::www-acme"
EXEMPT = ("--playbook", QUARANTINE.name, "--owner", "Ada", "--reason", "web")


def run(world: World, *words: str, name: str = "ada", policy: str = "operator") -> Result:
    """A command of a person with one of our policies, as it is typed."""
    arn = user(world, name, policy)
    try:
        with commands(world, arn) as stack, pytest.MonkeyPatch.context() as patch:
            patch.setattr(Stack, "named", lambda *_: stack)
            return CliRunner().invoke(cli.app, list(words))
    finally:
        iam = world.account.client("iam")
        iam.delete_user_policy(UserName=name, PolicyName=policy)
        iam.delete_user(UserName=name)


def done(world: World, *words: str) -> str:
    """What a command printed that went well."""
    result = run(world, *words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.mark.world("")
def test_mode_is_set_and_counts_at_once(world: World) -> None:
    sent(world)
    assert world.case().status is Status.OBSERVED
    assert f"{QUARANTINE.name}: enforce, 10 cases an hour" in done(
        world, "mode", QUARANTINE.name, "enforce"
    )
    sent(world)
    assert world.case().status is Status.CONTAINED
    assert world.settings["modes"][QUARANTINE.name] == "enforce"


@pytest.mark.world("approve")
@pytest.mark.parametrize(
    "words",
    [
        ["stop"],
        ["stop", "--observe"],
        ["mode", QUARANTINE.name, "observe"],
        ["protect", "add", "arn:aws:s3:::acme-*"],
        ["exempt", "add", "arn:aws:s3:::acme-*", *EXEMPT, "--until", "2027-01-31"],
    ],
)
def test_what_stops_says_which_cases_cannot_be_approved(world: World, words: list[str]) -> None:
    sent(world)
    case = world.case()
    assert case.status is Status.AWAITING_APPROVAL
    unknown = run(world, *words)
    assert unknown.exit_code == 0
    assert "is unknown: missing is dynamodb:Query" in unknown.stderr
    assert f"that it stops: 1 ({case.id})" in effects.of_stop(world.operator)[0]
    assert case.plan.resources[0].startswith("arn:aws:s3:::acme-")
    with pytest.raises(NotPossible, match=r"observe|off|exempt until|is protected by"):
        world.approve(case)


def test_each_command_changes_its_entry(world: World) -> None:
    protected = world.settings["protected"]
    done(world, "stop", "--observe")
    assert world.settings["master_switch"] == "observe"
    assert "master switch: on" in done(world, "start")
    one = {"playbook": QUARANTINE.name, "mode": "enforce"}
    assert one in json.loads(run(world, "mode", "-o", "json").stdout)
    assert done(world, "mode", QUARANTINE.name) == f"{QUARANTINE.name}\tenforce\n"
    rows = json.loads(run(world, "budget", "5", "-o", "json").stdout)
    assert {"setting": "budget", "name": QUARANTINE.name, "value": "5"} in rows
    done(world, "budget", "0", "--playbook", REVOKE.name)
    assert world.settings["budget"] == 5
    assert world.settings["budgets"][REVOKE.name] == 0
    done(world, "protect", "add", SITE)
    assert world.settings["protected"] == protected | {SITE}
    again = done(world, "protect", "add", SITE).splitlines()
    assert again[-2:] == ["recorded; the settings were so before", ALL_ARE_IN]
    assert SITE in done(world, "protect", "list").splitlines()
    said = done(world, "protect", "remove", SITE).splitlines()  # of what is another than before
    assert said[-3:-1] == ["changed; it counts from now on", f"no longer: protected: {SITE}"]
    assert world.settings["protected"] == protected
    shown = done(world, "exempt", "add", SITE, *EXEMPT, "--until", "2027-01-31")
    assert f"exempt: {SITE} from {QUARANTINE.name}, until 2027-01-31T00:00:00Z" in shown
    listed = done(world, "exempt", "list")
    assert listed == f"{SITE}\t{QUARANTINE.name}\t2027-01-31T00:00:00Z\t\tAda\tweb\n"
    done(world, "exempt", "remove", SITE)
    assert world.settings["exemptions"] == {}
    assert StackSettings.of(world.operator).faults() == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("mode", f"{QUARANTINE.name}s", "enforce"), ", ".join(sorted(HEADERS))),
        (("budget", "200000"), "from 0 to"),
        (("protect", "add", "acme-bucket"), "is not an ARN"),
        (("protect", "add", "arn:aws:s3:::*"), "--force"),
        (("protect", "remove", SITE), "is not among"),
        (("exempt", "add", SITE, *EXEMPT, "--until", "tomorrow"), "is no date"),
        (("exempt", "add", SITE, *EXEMPT, "--until", "2026-11-24"), "has passed"),
        (("exempt", "remove", SITE), "there is no exemption"),
    ],
)
def test_refusal_is_said_and_nothing_is_changed(
    world: World, words: tuple[str, ...], why: str
) -> None:
    before = world.settings
    result = run(world, *words)
    assert isinstance(result.exception, NotPossible), (result.output, result.exception)
    assert why in str(result.exception)
    assert world.settings == before


def test_force_covers_a_whole_kind(world: World) -> None:
    done(world, "protect", "add", "arn:aws:s3:::*", "--force")
    assert sent(world)[1]["outcome"] == "escalated"


@pytest.mark.parametrize("broken", [("version", {"S": "x"}), ("master_switch", {"L": []}), None])
@pytest.mark.parametrize("direct", [(), ("--direct",)])
def test_stop_goes_through_whatever_the_row_is(
    world: World, broken: Any, direct: tuple[str, ...]
) -> None:
    if broken:
        world.write_setting(*broken)
    else:
        world.account.client("dynamodb").delete_item(**world.settings_row)
    if direct:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Stack, "named", lambda *_: world.operator)
            CliRunner().invoke(cli.app, ["stop", *direct])
    else:
        run(world, "stop")
    assert world.settings["master_switch"] == "off"
    assert sent(world)[1]["outcome"] == "ignored"


def test_settings_show_what_is_refused(world: World) -> None:
    world.set(f"modes.{TAG.name}", "aprove")
    world.set(f"modes.{TAG.name}s", "approve")
    world.set("colour", "blue")
    world.set("exemptions", {"x": {"owner": "\x1b[31mred"}})
    result = run(world, "settings")
    assert result.exit_code == 1
    assert f"refused: modes.{TAG.name} must be observe, approve, enforce, not 'aprove'" in (
        result.output
    )
    assert f"refused: modes.{TAG.name}s: no such playbook" in result.output
    assert "refused: colour is no setting" in result.output
    assert "refused: exemptions.x has no playbook" in result.output
    assert "\x1b[31m" not in result.output
    assert "exemptions.x has no playbook" in run(world, "exempt", "list").stderr
    assert run(world, "exempt", "list").exit_code == 1
    assert run(world, "protect", "list").exit_code == 0
    listed = run(world, "settings", "--output", "json")
    rows = {(one["setting"], one["name"]): one["value"] for one in json.loads(listed.stdout)}
    assert (rows["master_switch", ""], rows["mode", TAG.name]) == ("on", "observe")
    assert listed.exit_code == 1 and ("refused", "") in rows


def test_row_that_was_deleted_is_written_anew(world: World) -> None:
    world.account.client("dynamodb").delete_item(**world.settings_row)
    settings = StackSettings.of(world.operator)
    assert "not there" in settings.faults()[0]
    for playbook in PLAYBOOKS:
        settings.set_mode(playbook, Mode.ENFORCE)
    settings.set_budget(3)
    assert settings.faults() == ["the setting master_switch is not there"]
    settings.start()
    assert settings.faults() == []
    assert sent(world)[1]["outcome"] == "contained"
