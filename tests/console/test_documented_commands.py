"""Every `cordon` command in our pages is one that there is, with options that it has."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from console import cli
from tests.verbs import understood

ROOT = Path(__file__).parents[2]
GROUP: Any = typer.main.get_command(cli.app)
WHOLE = re.compile(r"\.venv/bin/cordon ((?:'[^']*'|\"[^\"]*\"|[^#|`;\n'\"])+)")
VERB = re.compile(r"\bcordon (?:--[a-z]+ )*([a-z]+)\b")
INLINE = re.compile(r"`(?:[A-Z_]+=\S+ )*(cordon [^`]+)`")


def pages() -> list[Path]:
    """Every page that git knows but decisions, which say what was so."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split() if "decisions/" not in name]


def lines() -> list[str]:
    """What is behind ``.venv/bin/cordon`` in each, each once."""
    found = (
        one
        for page in pages()
        for one in WHOLE.findall(re.sub(r"<[^>\n]*>", "X", page.read_text()))
    )
    return list(dict.fromkeys(one.strip() for one in found))


def test_commands_of_the_pages_are_understood() -> None:
    assert len(lines()) > 20
    for line in lines():
        if line.startswith('"$'):  # of a shell's function: its words come later
            continue
        verb, *words = shlex.split(line)
        command = GROUP.commands[verb]
        with command.make_context(verb, words, resilient_parsing=False):
            pass


def test_verbs_in_texts_are_verbs() -> None:
    said = {
        verb
        for page in pages()
        for inline in INLINE.findall(page.read_text())
        for verb in VERB.findall(inline)
    }
    assert len(said) > 8
    assert said <= set(GROUP.commands), said - set(GROUP.commands)


def test_options_in_texts_are_options() -> None:
    """A text names a verb without what it needs; an option or a value that it has is one."""
    said = {one for page in pages() for one in INLINE.findall(page.read_text())}
    tried = 0
    for one in said - {"cordon --help", "cordon VERB --help"}:
        words = shlex.split(re.sub(r"<[^>]*>", "X", one.replace("\\|", "|")))[1:]
        if "--install-completion" in words:  # it is done as soon as it is read
            continue
        tried += 1
        try:
            understood(words)
        except REFUSES as why:
            assert type(why).__name__ in UNFINISHED or "requires an argument" in str(why), one
    assert tried > 100


REFUSES: Any = (
    typer.Exit,
    *typer.BadParameter.__bases__,
)  # the last is the parser's own UsageError
UNFINISHED = ("Exit", "MissingParameter", "NoArgsIsHelpError")


@pytest.mark.parametrize("words", [["tidy"], ["cases", "--colour"]])
def test_a_command_that_there_is_not_ends_with_2(words: list[str]) -> None:
    assert CliRunner().invoke(cli.app, words).exit_code == 2
