"""Commands of the pages beside `cordon`'s: make's targets, modules, and what runs offline.

`tests/console/test_documented_commands.py` holds the verbs and options of `cordon`. Here each other
command is parsed by the program that it is for; what needs no account and little time is run as it
is written.
"""

import re
import shlex
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from console import cli
from tests.console.test_documented_commands import pages
from tests.examples import EVENTS, path_of
from tests.verbs import understood, verbs

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
MAKE = re.compile(r"^make ([a-z ]+?)(?: [A-Z]+=\S+)*$")
MODULE = re.compile(r"python -m ([a-z_.]+) ?(.*)$")
GROUP: Any = typer.main.get_command(cli.app)
PLACEHOLDERS = {"PATH", "PATHS", "…"}


@cache
def commands() -> tuple[str, ...]:
    """Each line of a block and each span of a page, without its comment, each once."""
    found: dict[str, None] = {}
    for page in pages():
        text = page.read_text()
        lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
        for one in [*lines, *SPAN.findall(BLOCK.sub("", text))]:
            found[re.sub(r"\s+#.*$", "", one).strip()] = None
    return tuple(found)


def test_each_target_of_make_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, re.MULTILINE))
    said = {name for one in commands() for match in MAKE.findall(one) for name in match.split()}
    assert len(said) > 12
    assert said <= targets, said - targets


def test_each_module_understands_its_words() -> None:
    """By the parser of the program; nothing is run."""
    found = {match for one in commands() for match in MODULE.findall(one)}
    assert len(found) > 8
    for module, words in sorted(found):
        if module == "pytest":
            continue
        given = [word for word in shlex.split(words) if word not in PLACEHOLDERS]
        command = parser(module)
        if hasattr(command, "commands"):
            command, given = command.commands[given[0]], given[1:]
        with command.make_context(module, given):
            pass


def parser(module: str) -> Any:
    """The command, or the group of them, that ``python -m`` of the module is."""
    if module == "console":
        return GROUP
    program = import_module(f"{module}.__main__")
    if hasattr(program, "app"):
        return typer.main.get_command(program.app)
    app = typer.Typer(add_completion=False)
    app.command()(program.main)
    return typer.main.get_command(app)


def test_each_example_of_a_verb_is_understood() -> None:
    examples = [re.findall(r"`cordon (.+)`", one.epilog or "") for _, one in verbs()]
    assert len(examples) > 25 and all(examples)
    for (example,) in examples:
        understood(shlex.split(example))


def section(heading: str) -> list[str]:
    """The commands of a section of the README."""
    _, _, after = (ROOT / "README.md").read_text().partition(f"## {heading}\n")
    block = BLOCK.search(after)
    assert block
    return [re.sub(r"\s+#.*$", "", line) for line in block[1].splitlines()]


@pytest.mark.parametrize("verb", ["explain", "plan"])
def test_own_events_are_understood_as_the_readme_says(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_event.json").write_bytes(path_of("guardduty_ransomware_delete").read_bytes())
    (line,) = (one for one in section("Replay your own event") if f"cordon {verb} " in one)
    result = CliRunner().invoke(cli.app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    assert path_of("guardduty_ransomware_delete").parent.name in result.output


def test_samples_that_pages_name_are_there() -> None:
    named = {path for one in commands() for path in re.findall(r"events/[a-z_]+/\w+\.json", one)}
    assert len(named) > 12
    assert {path for path in named if not (EVENTS.parent / path).exists()} == set()
