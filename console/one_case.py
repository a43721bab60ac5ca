"""What is made in docs/one-case.md, and the README's story: a sample event, up to its release.

Both are what happens when the event is delivered to the stack of template.yaml on an embedded
account, in mode *approve*. The account's clock begins a while after the finding, so that what is
on the page is the same each time; times of day, which depend on the machine, are left out.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from console import case_evidence, case_page, marks, page, replay_page
from console.account import cordon_account, operator_of
from console.evidence import verify
from console.expected import deployed, home_of, parameters
from console.one_case_picture import picture
from console.one_playbook import WIDTH
from console.replay import Replay
from console.stack import Stack, headers
from console.staging import stage
from cordon.finding import Place
from cordon.memory.cases import Case
from cordon.memory.decisions import Verb
from cordon.settings import Mode
from cordon.sources import read_all
from embedded.journal import Published, Record

SAMPLE = "guardduty_ransomware_delete"  # a sample's name is one of a kind
HEIGHT = 25  # lines: without it rich takes a dumb terminal's width for 80
LATER = timedelta(minutes=5)  # after the finding was last seen, GuardDuty's event arrives
WHY = "the vendor's job is stopped"
NEW_LINE = "\n"
LEFT_OUT = ("Why", "Finding", "Periods of laws", "Case")  # sections, for the page's length


@dataclass
class Walk:
    """What was seen on the way: the case's page after each step, and all that happened."""

    pages: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    timeline: list[str] = field(default_factory=list)
    case: str = ""
    playbook: str = ""
    evidence_bucket: str = ""


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The page, and the README with its story, as they should be."""
    path = root / "docs" / "one-case.md"
    text = path.read_text()
    for name, made in _made(walked(root)).items():
        text = marks.replaced(text, name, made)
    yield path, text
    readme = root / "README.md"
    yield readme, marks.replaced(readme.read_text(), "story", _story(root))


def _path(root: Path) -> Path:
    (path,) = root.glob(f"events/*/{SAMPLE}.json")
    return path


def walked(root: Path) -> Walk:
    """Deliver the event, approve, release."""
    event = json.loads(_path(root).read_text())
    home, walk = home_of(event), Walk()
    (finding,) = read_all(event, deployed(home, Mode.APPROVE).home)
    given, start = parameters(Mode.APPROVE, home), finding.last_seen + LATER
    with cordon_account(home, given, root=root, start=start) as account:
        stage(finding, account.client, home=Place(home.partition, home.account, home.region))
        since = len(account.journal)
        account.deliver(event)
        operator = operator_of(account)
        case = _seen(operator, walk)
        operator.decide(case, Verb.APPROVE, case.plan_hash)
        account.settle()
        case = _seen(operator, walk)
        operator.release(case, WHY)
        account.settle()
        case = _seen(operator, walk)
        walk.records = account.journal.records[since:]
        walk.messages = [one.subject for one in account.journal.of(Published, since=since)]
        copy = operator.evidence_copy(case)
        faults = verify(copy)
        walk.timeline = [line.partition(" ")[2] for line in case_evidence.timeline(copy)]
        walk.case, walk.playbook = case.id, case.playbook
        walk.evidence_bucket = operator.outputs["EvidenceBucket"]
        if faults:
            raise ValueError(f"the evidence of {SAMPLE} is not verified: {faults[0]}")
    return walk


def _seen(operator: Stack, walk: Walk) -> Case:
    """The one case as it is now; its page is kept."""
    (case,) = operator.all_cases()
    written = case_evidence.changes(case, operator.evidence_copy(case))
    found = case_page.sections(case, headers()[case.playbook], operator.deployment, written)
    text, out = _terminal()
    page.show(case_page.head(case), [one for one in found if one.heading not in LEFT_OUT], out)
    walk.pages.append(_lines(text))
    return case


def _terminal() -> tuple[io.StringIO, Console]:
    """One without colours, and on which nothing moves."""
    text = io.StringIO()
    out = Console(
        file=text,
        force_terminal=True,
        color_system=None,
        width=WIDTH,
        height=HEIGHT,
        _environ={"TERM": "dumb"},
    )
    return text, out


def _lines(text: io.StringIO) -> str:
    """What was printed, wrapped as a terminal of this width wraps it."""
    return "\n".join(part for line in text.getvalue().splitlines() for part in _wrapped(line))


def _wrapped(line: str) -> Iterable[str]:
    line = line.rstrip()
    return [line[at : at + WIDTH] for at in range(0, len(line), WIDTH)] or [""]


def _made(walk: Walk) -> dict[str, str]:
    """What is between the page's marks, by their names."""
    waiting, contained, released = walk.pages
    shown = f"cordon show {walk.case}"
    return {
        "picture": picture(walk.records, walk.playbook, walk.evidence_bucket),
        "message": f"> {walk.messages[0]}…",
        "question": _typed(shown, waiting),
        "approval": _typed(f"cordon approve {walk.case}"),
        "contained": _typed(shown, contained),
        "release": _typed(f'cordon release {walk.case} --why "{WHY}"'),
        "released": _typed(shown, released),
        "evidence": f"```\n{NEW_LINE.join(walk.timeline)}\n```",
    }


def _typed(command: str, output: str = "") -> str:
    """A command, and what it prints."""
    return "\n\n".join(f"```\n{text}\n```" for text in (f".venv/bin/{command}", output) if text)


def _story(root: Path) -> str:
    """The same event as `cordon replay` shows it; how many seconds it took is left out."""
    run = Replay(root, mode=Mode.APPROVE, approve=True, release=True).one(_path(root))
    text, out = _terminal()
    replay_page.show([run], total=1, details=True, full=False, out=out)
    said = re.sub(r", in [0-9.]+ seconds$", "", _lines(text), flags=re.MULTILINE)
    return f"```\n{said}\n```"
