"""One word for one thing: names and texts use no word that the glossary replaces.

The test reads file names, Python identifiers, string literals, comments, Markdown, YAML, TOML and
Makefiles. It splits identifiers into words: ``replayDeadLetters`` becomes "replay dead letters".
Some words are wrong in only one of their senses. For these it looks for phrases with that sense.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The glossary's word → its replacement.
REPLACED = {
    r"answer(s|ed|ing)?": "handle (a playbook), respond, response",
    r"takes? (this|that|such|the|a) (finding|event|kind)s?": "handle",
    r"dialects?": "source, parser",
    r"stands?(?! for)|stood|standing": "status, is",
    r"asks|asked|asking": "awaiting approval, requires",
    r"told|tells?|telling": "reported, informed",
    r"(let|lets|letting) go": "release",
    r"(leave|leaves|left|leaving) (\w+ ){0,3}alone": "ignored, not changed",
    r"(?<!AI )acts?|acted|acting": "change, action",  # not the EU AI Act
    r"gone": "deleted, resource deleted",
    r"declined?": "rejected, expired",
    r"the switch": "the master switch",
    r"replay(s|ed|ing)? (\w+ ){0,3}dead ?letters?": "redeliver",
    r"label(s|led|ling)?": "tag",
    r"hands?|handed": "manual, manually",
    r"read(s|ing)? back": "verify, verified",
    r"of another make": "an independent …",
}
NAMES_ONLY = {r"shows": "is verified"}  # in a text "shows" is also plain English

# Identifiers that are allowed anywhere: name → why.
ALLOWED_NAMES = {
    "SeverityLabel": "ASFF Severity.Label",
    "recorded_answers": "the file's name in the rename table",
    "ActInMemberAccounts": "a Sid that the rename table keeps",
    "stand_ins": "a stand-in is a double, no status",
    "acting": "a context manager: meanwhile calls are made as a role",
}

# Words that are allowed below a path: (beginning of the word, path) → why.
ALLOWED_WORDS = {
    ("label", "layers/cordon/cordon/finding.py"): "ASFF Severity.Label",
    ("label", "layers/cordon/cordon/sources/severity.py"): "ASFF Severity.Label",
    ("label", "layers/cordon/cordon/actions/tag_action_for.py"): "SageMaker's labeling-job",
    ("label", "console/audit/rows.py"): "ASFF Severity.Label",
    ("label", "console/as_read.py"): "ASFF Severity.Label",
    ("label", "console/case_"): "ASFF Severity.Label",
    ("label", "console/replay_page.py"): "ASFF Severity.Label",
    ("label", "console/report/"): "ASFF Severity.Label",
    ("label", "docs/mutants.md"): "it has lines of the code",
    ("label", "console/staging/hub.py"): "ASFF Severity.Label",
    ("label", "embedded/"): "ASFF Severity.Label",
    ("label", "template.yaml"): "CloudFormation's own key, and ASFF Severity.Label",
    ("label", "tests/test_finding_types.py"): "ASFF Severity.Label",
    ("label", "layers/cordon/cordon/gate.py"): "ASFF Severity.Label",
    ("label", "tests/sources/"): "ASFF Severity.Label",
    ("label", "layers/cordon/cordon/reporting/"): "ASFF Severity.Label",
    ("label", "tests/reporting/"): "ASFF Severity.Label",
    ("label", "tests/architecture/test_template_rules.py"): "ASFF Severity.Label",
    ("label", "tests/promises/test_hostile_text.py"): "ASFF Severity.Label",
    ("label", "console/triggers/rules.py"): "ASFF Severity.Label",
    ("label", "console/playbook_blocks/alarms.py"): "CloudWatch's own key",
    ("label", "tests/test_triggers.py"): "ASFF Severity.Label",
}

SUFFIXES = (".py", ".md", ".yaml", ".yml", ".toml")
SKIPPED = ("uv.lock", "tests/architecture/test_words.py")


@dataclass(frozen=True)
class Hit:
    """A replaced word in a file."""

    path: str
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r}, write: {self.instead}"


def words(name: str) -> str:
    """An identifier as words: ``_readBack2`` → "read back 2"."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    return " ".join(parts).lower()


@cache
def _pattern(names: bool) -> re.Pattern[str]:
    replaced = REPLACED | NAMES_ONLY if names else REPLACED
    return re.compile(rf"(?<![\w-])(?:{'|'.join(replaced)})(?![\w-])", re.IGNORECASE)


def _instead(word: str) -> str:
    replaced = (REPLACED | NAMES_ONLY).items()
    return next(text for regex, text in replaced if re.fullmatch(regex, word, re.IGNORECASE))


def texts(path: str, content: str) -> Iterator[tuple[int, str, bool]]:
    """(line, text, is it a name) for all names and texts of a file."""
    yield 1, _as_words(Path(path).stem), True
    if not path.endswith(".py"):
        yield from (
            (n, _split_names(line), False) for n, line in enumerate(content.splitlines(), 1)
        )
    else:
        yield from _in_python(content)


def _in_python(content: str) -> Iterator[tuple[int, str, bool]]:
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], _as_words(token.string), True
        elif token.type == tokenize.COMMENT:
            yield token.start[0], _split_names(token.string), False
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for n, line in enumerate(node.value.splitlines()):
                yield node.lineno + n, _split_names(line), False
        elif isinstance(node, ast.FormattedValue) and sys.version_info < (3, 12):
            yield from _names_in(node)  # before, an f-string is one token


def _names_in(node: ast.AST) -> Iterator[tuple[int, str, bool]]:
    for one in ast.walk(node):
        if isinstance(one, ast.Name | ast.Attribute):
            name = one.id if isinstance(one, ast.Name) else one.attr
            yield one.lineno, _as_words(name), True


def _split_names(line: str) -> str:
    """Split snake_case and CamelCase words, so that a text cannot hide an old name."""
    return re.sub(r"\w*(?:_|[a-z][A-Z])\w*", lambda name: _as_words(name[0]), line)


@cache
def _as_words(name: str) -> str:
    return "" if name in ALLOWED_NAMES else words(name)


def find(path: str, content: str) -> list[Hit]:
    """The replaced words in a file, without the allowed ones."""
    hits = []
    for line, text, is_name in texts(path, content):
        for word in _replaced_in(text, is_name):
            if not _is_allowed(word, path):
                hits.append(Hit(path, line, word, _instead(word)))
    return hits


@cache
def _replaced_in(text: str, is_name: bool) -> tuple[str, ...]:
    return tuple(match[0].lower() for match in _pattern(is_name).finditer(text))


def _is_allowed(word: str, path: str) -> bool:
    return any(
        word.startswith(allowed) and path.startswith(prefix) for allowed, prefix in ALLOWED_WORDS
    )


def files() -> Iterator[Path]:
    """The files of the repository with names and texts."""
    for top in sorted(ROOT.iterdir()):
        if top.name.startswith(".") or top.name == "__pycache__":
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and (path.suffix in SUFFIXES or path.name == "Makefile"):
                yield path


def _relative() -> Iterator[str]:
    paths = (str(file.relative_to(ROOT)) for file in files())
    return (path for path in paths if path not in SKIPPED)


PATHS = list(_relative())


@pytest.mark.parametrize("folder", sorted({path.partition("/")[0] for path in PATHS}))
def test_no_file_has_a_replaced_word(folder: str) -> None:
    paths = [path for path in PATHS if path.partition("/")[0] == folder]
    hits = [hit for path in paths for hit in find(path, (ROOT / path).read_text())]
    assert hits == [], "\n" + "\n".join(map(str, hits))


@pytest.mark.parametrize(
    ("path", "content", "word"),
    [
        ("a.py", "def f() -> None:\n    answers = 1\n", "answers"),
        ("a.py", "class ReadBack: ...\n", "read back"),
        ("a.py", "ASKED = 1\n", "asked"),
        ("a.py", "f(hand=1)\n", "hand"),
        ("a.py", "x._shows()\n", "shows"),
        ("a.py", "# the dialect\n", "dialect"),
        ("a.py", '"""One line.\n\nIt lets go of the case.\n"""\n', "lets go"),
        ("a.py", "raise ValueError(f'{x} was left alone')\n", "left alone"),
        ("dialects.py", "", "dialects"),
        ("a.md", "Turn the switch off.\n", "the switch"),
        ("a.md", "Run `replay_dead_letters`.\n", "replay dead letters"),
        ("a.yaml", "Description: What people are told\n", "told"),
        ("a.yaml", "  AskedInsight: {}\n", "asked"),
        ("Makefile", "# by hand\n", "hand"),
    ],
)
def test_replaced_word_is_found(path: str, content: str, word: str) -> None:
    assert [hit.word for hit in find(path, content)] == [word]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.py", "# It stands for every tag; the master switch shows its state.\n"),
        ("a.py", "x = actor.action, interaction, handler, handles, taken, exact, task\n"),
        ("a.py", "from cordon.finding import SeverityLabel\n"),
        ("layers/cordon/cordon/finding.py", "label: SeverityLabel\n"),
        ("a.md", "`cordon replay` replays events; a dead-letter queue keeps the others.\n"),
    ],
)
def test_other_words_are_not_found(path: str, content: str) -> None:
    assert find(path, content) == []


def test_allowed_words_are_in_use() -> None:
    for word, prefix in ALLOWED_WORDS:
        contents = (file for file in _relative() if file.startswith(prefix))
        in_use = (
            re.search(rf"\b{word}", text, re.IGNORECASE)
            for file in contents
            for _, text, _ in texts(file, (ROOT / file).read_text())
        )
        assert any(in_use), f"remove the allowed {word!r} in {prefix}"


def test_identifiers_become_words() -> None:
    assert [words(n) for n in ("_readBack2", "HTTPAnswer", "ASKED")] == [
        "read back 2",
        "http answer",
        "asked",
    ]
