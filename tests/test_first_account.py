"""docs/first-account.md and the smoke test: every command can be typed, and every name exists.

AWS's command line is not installed. It is made from botocore's models: an operation's name and its
parameters' in small letters with hyphens (AWS CLI user guide, "Command structure"). What a command
does is for a real account to show.
"""

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

from embedded.template import load
from tests.verbs import understood

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "first-account.md"
PAGES = (PAGE, ROOT / "docs" / "operating" / "smoke-test.md")
TEMPLATE = load((ROOT / "template.yaml").read_text())
GLOBAL = {"query", "output", "region", "no-sign-request"}
SUBSTITUTED = re.compile(r'"?\$\(([^()]+)\)"?')


def commands() -> Iterator[str]:
    """Each command on the pages, also those within another, by what it begins with."""
    text = "\n".join(page.read_text() for page in PAGES)
    blocks = [
        line for block in re.findall(r"```\n(.*?)```", text, re.S) for line in block.split("\n")
    ]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    for one in [*blocks, *spans]:
        inner = re.findall(r"^\w+\(\) \{ (.+); \}$", one) or [one]
        for command in [*inner, *SUBSTITUTED.findall(one)]:
            if command.split(" ")[0] in ("aws", "sam", "cordon", "out", "id") and " " in command:
                yield SUBSTITUTED.sub("NAME", command)


def of(program: str) -> list[Any]:
    found = dict.fromkeys(one for one in commands() if one.split(" ")[0] == program)
    assert found
    return [pytest.param(shlex.split(one)[1:], id=one[:70]) for one in found]


def sam(command: str) -> Any:
    """SAM's own command, by click. To import it takes seconds, in each process that collects."""
    return import_module(f"samcli.commands.{command}.command").cli


IN_BOTOCORE = {"s3api": "s3", "configservice": "config"}  # the AWS CLI's name → botocore's


@cache
def session() -> botocore.session.Session:
    return botocore.session.get_session()


def operation(service: str, name: str) -> OperationModel:
    model = session().get_service_model(IN_BOTOCORE.get(service, service))
    names = {xform_name(one, "-"): one for one in model.operation_names}
    return model.operation_model(names[name])


def options(words: list[str]) -> dict[str, list[str]]:
    """The options and their values."""
    found: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            found[word[2:]] = []
        else:
            assert found, f"{word} belongs to no option"
            found[list(found)[-1]].append(word)
    return found


def value(shape: Shape, words: list[str]) -> Any:
    """What the command line makes of an option's words."""
    kind = shape.type_name
    if kind == "boolean":
        assert not words
        return True
    if words and words[0][0] in "[{" and kind in ("structure", "list", "map"):
        return json.loads(" ".join(words))
    if kind == "list":
        return [value(shape.member, [word]) for word in words]
    (word,) = words
    if kind == "structure":
        pairs = dict(part.split("=", 1) for part in word.split(","))
        members = shape.members
        assert pairs.keys() <= members.keys()
        return {name: value(members[name], [text]) for name, text in pairs.items()}
    if re.fullmatch(r"[A-Z_]+", word) and not getattr(shape, "enum", []):
        return word.ljust(36, "X")  # a placeholder, as long as ids are
    allowed = getattr(shape, "enum", [])
    assert not allowed or word in allowed
    return int(word) if kind in ("integer", "long") else float(word) if kind == "double" else word


@pytest.mark.parametrize("words", of("aws"))
def test_a_command_of_aws_fits_the_services_model(words: list[str]) -> None:
    service, name, *rest = words
    if name == "wait":
        waiters = session().get_waiter_model(service).waiter_names
        waiter, *rest = rest
        assert waiter in {xform_name(one, "-") for one in waiters}
        name = "describe-stacks"
    shape = operation(service, name).input_shape
    members = dict(shape.members) if shape else {}
    known = {xform_name(one, "-"): one for one in members}
    given = {key: words for key, words in options(rest).items() if key not in GLOBAL}
    off = {key for key in given if key.startswith("no-") and key[3:] in known}
    assert given.keys() - off <= known.keys()
    params = {known[key]: value(members[known[key]], given[key]) for key in given.keys() - off}
    params |= {known[key[3:]]: False for key in off}
    if shape:
        assert not ParamValidator().validate(params, shape).generate_report()


@pytest.mark.parametrize("words", of("aws"))
def test_a_policy_or_pattern_is_json(words: list[str]) -> None:
    documents = [
        document
        for key, values in options(words[2 if words[1] != "wait" else 3 :]).items()
        if key in ("policy", "policy-document", "event-pattern", "assume-role-policy-document")
        for document in values
    ]
    for document in documents:
        assert isinstance(json.loads(document), dict)


@pytest.mark.parametrize("words", of("cordon"))
def test_a_command_of_ours_is_understood(words: list[str]) -> None:
    """As far as its options and arguments; it is not run."""
    assert understood(words)


@pytest.mark.parametrize("words", of("sam"))
def test_an_option_of_sam_exists(words: list[str]) -> None:
    name, *rest = words
    known = {opt for one in sam(name).params for opt in (*one.opts, *one.secondary_opts)}
    assert {word for word in rest if word.startswith("--")} <= known
    if "--parameter-overrides" in rest:
        given = [word for word in rest if "=" in word and not word.startswith("owner=")]
        assert {word.split("=")[0] for word in given} <= TEMPLATE["Parameters"].keys()


@pytest.mark.parametrize("words", of("out"))
def test_an_output_of_the_stack_exists(words: list[str]) -> None:
    assert words[0] in TEMPLATE["Outputs"]


@pytest.mark.parametrize("words", of("id"))
def test_a_resource_of_the_stack_exists(words: list[str]) -> None:
    resources = TEMPLATE["Resources"]
    triggers = {  # SAM names what it makes of a function's event after both
        function + name
        for function, one in resources.items()
        for name in one["Properties"].get("Events", {})
    }
    assert words[0] in resources.keys() | triggers


def test_every_row_says_all_and_has_a_number() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if re.match(r"\| \d", line)]
    numbers = [row.split("|")[1].strip() for row in rows]
    assert numbers == sorted(set(numbers), key=lambda n: [int(part) for part in n.split(".")])
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert all(cells), row
        assert len(cells) == (3 if cells[0].startswith("8.") else 5), row


def test_the_readme_leads_to_it() -> None:
    assert "docs/first-account.md" in (ROOT / "README.md").read_text()
