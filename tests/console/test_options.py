"""Which stack a command is about, what every command has, and what none needs to load."""

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_type_hints

import boto3
import pytest
from typer.testing import CliRunner

from console import cli, options
from console.exits import EPILOG, MEANINGS, Exit
from console.options import Where, from_environment, from_samconfig
from console.stack import NotPossible, Stack
from console.tables import Output
from tests.examples import QUARANTINE
from tests.verbs import understood, verbs

ROOT = Path(__file__).parents[2]
HEAVY = ("moto", "samtranslator", "embedded", "jsonschema", "policy_sentry", "jsonata", "yaml")
VERBS = dict(verbs())
ON_A_STACK = [name for name, one in VERBS.items() if "region" in {p.name for p in one.params}]
SAM = """
[default.global.parameters]
stack_name = "one"
[default.deploy.parameters]
stack_name = "two"
region = "eu-west-3"
profile = "prod"
"""


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, Where("two", "prod", "eu-west-3")),
        ({"AWS_PROFILE": "mine"}, Where("two", "", "eu-west-3")),
        ({"AWS_ACCESS_KEY_ID": "AKIA"}, Where("two", "", "eu-west-3")),
    ],
)
def test_samconfig_has_the_defaults(
    tmp_path: Path, environment: Mapping[str, str], found: Where
) -> None:
    """Its profile would overrule the credentials of the environment: then it does not count."""
    (tmp_path / "samconfig.toml").write_text(SAM)
    assert from_samconfig(tmp_path / "samconfig.toml", environment) == found
    assert from_samconfig(tmp_path / "none.toml", environment) == Where()


@pytest.mark.parametrize("text", ["[", 'default = "x"', "[default]\nglobal = 1"])
def test_samconfig_of_another_form_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(NotPossible, match="cannot be read"):
        from_samconfig(tmp_path / "s.toml", {})


def test_region_of_the_environment_is_as_the_aws_cli_reads_it() -> None:
    """boto3 alone does not read AWS_REGION."""
    both = {"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert from_environment(both).region == "eu-west-3"
    assert from_environment({"AWS_DEFAULT_REGION": "eu-west-1"}).region == "eu-west-1"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("cases", ("two", "mine", "eu-west-3")),
        ("--stack a --region us-west-2 cases", ("a", "mine", "us-west-2")),
        ("--stack a cases --stack b --profile other", ("b", "other", "eu-west-3")),
    ],
)
def test_options_are_before_or_after_the_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, found: tuple[str, ...]
) -> None:
    (tmp_path / "samconfig.toml").write_text(SAM)
    (tmp_path / "config").write_text("[profile mine]\n[profile other]\n")
    monkeypatch.setattr(options, "SAMCONFIG", tmp_path / "samconfig.toml")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    called: list[tuple[str, ...]] = []

    def named(name: str, session: boto3.session.Session) -> Stack:
        called.append((name, session.profile_name, str(session.region_name)))
        raise NotPossible("enough")

    monkeypatch.setattr(Stack, "named", named)
    CliRunner().invoke(cli.app, words.split())
    assert called == [found]


def test_commands_about_a_stack_have_the_options() -> None:
    offline = set(VERBS) - set(ON_A_STACK)
    assert {"replay", "playbooks", "docs", "new"} <= offline
    about_one = {"cases", "show", "approve", "settings", "stop", "evidence case", "redeliver"}
    assert about_one <= set(ON_A_STACK)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_an_example_that_is_understood(name: str) -> None:
    program, *words = shlex.split(VERBS[name].epilog.split("`")[1])
    assert (program, words[0]) == (cli.PROGRAM, name.split()[0])
    understood(words)


# What plays an account, or reads the template: every other verb must do without.
HEAVY_VERBS = {"demo", "docs", "explain", "new", "plan", "replay"}


def test_every_other_verb_loads_no_emulator() -> None:
    """Its example, up to where it looks for its stack; in a process of its own."""
    code = f"""
import shlex, sys
from typer.testing import CliRunner
from console.cli import app
from console.stack import NotPossible, Stack
from tests.verbs import verbs

def named(*_):
    raise NotPossible("no stack is there")

Stack.named = named
assert CliRunner().invoke(app, ["--version"]).exit_code == 0
for name, verb in verbs():
    if name in {HEAVY_VERBS!r}:
        continue
    words = shlex.split(verb.epilog.split("`")[1])[1:]
    CliRunner().invoke(app, words)
    if loaded := [one for one in {HEAVY!r} if one in sys.modules]:
        sys.exit(f"{{name}} loads {{loaded}}")
print("none")
"""
    paths = ":".join(str(ROOT / one) for one in ("layers/cordon", "functions", ""))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": paths}, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("none\n", 0), done.stderr


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_writes_rows_for_programs(name: str) -> None:
    (output,) = [one for one in VERBS[name].params if one.name == "output"]
    assert (output.default, set(output.default.__class__)) == (Output.TABLE, {*Output})


def test_version_is_that_of_the_package() -> None:
    done = CliRunner().invoke(cli.app, ["--version"])
    assert (done.stdout, done.exit_code) == (f"cordon {options.version()}\n", 0)


@pytest.mark.parametrize("status", MEANINGS)
def test_every_exit_status_is_in_the_help_and_on_the_page(status: int) -> None:
    """Those that the commands have for all, each by its number and its words."""
    assert set(Exit) <= set(MEANINGS)
    page = (ROOT / "docs" / "operating" / "commands.md").read_text()
    assert f"| {status} | {MEANINGS[status]} |" in page
    assert f"{status} {MEANINGS[status]}" in EPILOG and cli.app.info.epilog == EPILOG


def test_shell_completes_verbs_and_playbooks() -> None:
    """As Bash calls it; the name is ``cordon``, however it was started."""
    environment = {"_CORDON_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    runner = CliRunner(env=environment | {"COMP_WORDS": "cordon red"})
    assert runner.invoke(cli.app, prog_name=cli.PROGRAM).stdout.split() == ["redeliver"]
    words = {"COMP_WORDS": f"cordon mode {QUARANTINE.name[:12]}", "COMP_CWORD": "2"}
    runner = CliRunner(env=environment | words)
    assert QUARANTINE.name in runner.invoke(cli.app, prog_name=cli.PROGRAM).stdout.split()


READS = {("evidence verify", "path")}  # the others that read take many, and - is standard input
WRITES = [
    (verb, name, annotation)
    for verb, command in VERBS.items()
    for name, annotation in get_type_hints(command.callback, include_extras=True).items()
    if (get_args(annotation) or [None])[0] in (Path, Path | None) and (verb, name) not in READS
]


def test_what_is_written_is_named_and_is_not_standard_output() -> None:
    """What a verb says of what it wrote is there."""
    assert len(WRITES) == 5
    for _, _, annotation in WRITES:
        _, parameter = get_args(annotation)
        assert parameter.callback is options.to_write


@pytest.mark.parametrize(
    "words",
    ["report -", "show c0ffee --report -", "replay x.json --report ./-", "evidence c0ffee --to -"],
)
def test_a_file_named_as_standard_output_is_refused(words: str) -> None:
    done = CliRunner().invoke(cli.app, words.split())
    assert (done.exit_code, done.stdout) == (Exit.NOT_POSSIBLE, "")
    assert "- is no file here" in done.stderr


@pytest.mark.drawn(1 / 4)
@pytest.mark.parametrize("words", [*VERBS, "", "evidence"])
def test_what_is_not_understood_is_said_on_standard_error_alone(words: str) -> None:
    done = CliRunner().invoke(cli.app, [*words.split(), "--no-such-option"])
    assert (done.exit_code, done.stdout) == (Exit.NOT_POSSIBLE, "")
    assert "--no-such-option" in done.stderr


def test_without_a_verb_the_help_is_on_standard_output() -> None:
    done = CliRunner().invoke(cli.app, [])
    assert (done.exit_code, done.stderr) == (Exit.NOT_POSSIBLE, "")
    assert EPILOG[:11] in done.stdout
