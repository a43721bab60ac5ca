"""Makes a new playbook: its folder, its first event, and its block of template.yaml.

    cordon new close_database --kind securityhub:RDS.2

What it makes works at once: it is built, handles its event, and informs a person. A playbook costs
nothing else: whatever follows from its header is made by ``make playbooks``.
"""

import importlib
import importlib.util
import json
import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from console import expected, generated
from console.new_playbook import skeleton
from console.new_playbook.first_event import DOORS, Event, FirstEvent, first_event, samples_of
from console.plan_files import SUFFIX, expectation_path
from console.playbook_blocks.block import Block
from console.playbook_blocks.resources import resources
from console.playbooks import playbooks
from console.stack import NotPossible
from console.triggers import heard_by
from cordon.playbook import Playbook
from embedded.event_patterns import matches
from embedded.template import load

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
KIND = re.compile(r"[a-z-]+:[\w.:/!&-]+")
TAKEN = (
    "broken",
    "nobody",
    "settings",
)  # folders of events/ and of the evidence that are no playbook's
LAST_BLOCK = re.compile(r"(?s).*\n  # >>> playbook: .+?\n  # <<<\n")  # to the end of the last one
OWN_ROLES = ":role/cordon/"  # the path of ours
NOBODY = "## `nobody/`\n"  # the section of events/README.md that comes last
ROW = re.compile(r"\| `(.+?)` \| .+ \| (.+?) \|")
NEXT = """\
Next:
1. Put into {event} what AWS documents of this finding: resource, title, severity.
   Say in functions/{name}/playbook.py what it does: docstring, targets, plan, actions, controls.
2. make playbooks, then cordon plan events/{name} --write. Read the plan as a reviewer.
3. make permissions check e2e."""
SHARED = """\
These events are of the same kind, and this playbook handles them now: {events}.
Move them and their lines in events/README.md to {name}, and make their plans anew."""


@dataclass(frozen=True)
class Made:
    """What was written, and what to say."""

    files: tuple[Path, ...]
    says: tuple[str, ...]


def make(root: Path, name: str, kind: str) -> Made:
    """Write all of it. Raises NotPossible, and has written nothing then."""
    _check_name(root, name)
    headers = playbooks(root)
    _check_kind(headers, kind)
    first = first_event(root, name, kind)
    _check_handled(headers, first)
    block = _block(headers, name, kind)
    template = root / "template.yaml"
    _check_ids(template, block)
    if not any(matches(trigger.pattern, first.event) for trigger in block.triggers):
        raise NotPossible(f"{kind}: no rule would bring its event to the playbook")
    same = samples_of(root, kind)

    event = root / "events" / name / f"{kind.partition(':')[0]}_first.json"
    module, readme = root / "functions" / name / "playbook.py", root / "events" / "README.md"
    _write(module, skeleton.module(name, kind, first.about))
    _write(event, json.dumps(first.event, indent=2, ensure_ascii=False) + "\n")
    _list(readme, name, event, first)
    template.write_text(with_function(template.read_text(), skeleton.function(block, kind)))
    importlib.invalidate_caches()  # the folder of the playbooks has one more
    pages, _ = generated.write(root, only_check=False)
    planned = [
        expectation_path(one)
        for one in (event, *_with_own_roles(root))
        if expected.write(one, expected.expectation(one))
    ]
    stale = (path for path, was_stale in pages.items() if was_stale)
    files = (module, event, readme, template, *stale, *planned)
    return Made(tuple(dict.fromkeys(files)), tuple(_said(root, name, event, same)))


def _check_name(root: Path, name: str) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise NotPossible(f"{name} is no name for a playbook: write it like close_database")
    if (root / "functions" / name).exists() or (root / "events" / name).exists() or name in TAKEN:
        raise NotPossible(f"{name} exists already")
    if importlib.util.find_spec(name):  # a playbook's folder is a package by its name
        raise NotPossible(f"{name} is the name of a Python module")


def _check_kind(headers: Sequence[Playbook], kind: str) -> None:
    source = kind.partition(":")[0]
    if "*" in kind:
        raise NotPossible(f"{kind}: name one type, of which an event can be made")
    if not KIND.fullmatch(kind) or source not in DOORS:
        raise NotPossible(f"{kind}: a kind is SOURCE:TYPE, with a SOURCE of {', '.join(DOORS)}")
    if not _block(headers, "new", kind).triggers:
        raise NotPossible(f"{kind}: no event pattern can say it")


def _check_handled(headers: Sequence[Playbook], first: FirstEvent) -> None:
    """One that takes over leaves to others what they handle."""
    for header in headers:
        if not header.takes_over and header.hears(first.finding):
            raise NotPossible(f"{header.name} handles {first.finding.kind} already")


def _block(headers: Sequence[Playbook], name: str, kind: str) -> Block:
    """The block of a playbook that handles this kind and changes nothing."""
    header = replace(
        headers[0],
        name=name,
        handles=(kind,),
        handles_high=(),
        handles_critical=False,
        optional=(),
        takes_over=False,
        releases_on_pass=False,
        ends_on_pass=(),
        actions=(),
        unsupported=None,
    )
    return Block(header, heard_by([header])[name])


def _check_ids(template: Path, block: Block) -> None:
    described = load(template.read_text())
    known = {id for part in described.values() if isinstance(part, dict) for id in part}
    made = {block.logical, block.mode_parameter, *resources(block, "")}
    if both := sorted(made & known):
        raise NotPossible(f"{block.name}: template.yaml has {both[0]} already")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def with_function(template: str, function: str) -> str:
    """The template with this function below the last playbook's block."""
    before = LAST_BLOCK.match(template)
    if before is None:
        raise NotPossible("template.yaml has no mark '# >>> playbook: …'")
    return f"{before[0]}\n{function}{template[before.end() :]}"


def _list(readme: Path, name: str, event: Path, first: FirstEvent) -> None:
    """Its section of the list of events; the shape is that of the sample it is made from."""
    text, sample = readme.read_text(), first.made_from
    _, _, section = text.partition(f"## `{sample.parent.name}/`\n")
    rows = (ROW.fullmatch(line) for line in section.splitlines())
    shape = next(row[2] for row in rows if row and row[1] == sample.stem)
    words = f"Made by `cordon new` from {sample.stem}: {first.finding.kind}."
    table = f"| file | shows | shape |\n| --- | --- | --- |\n| `{event.stem}` | {words} | {shape} |"
    readme.write_text(text.replace(NOBODY, f"## `{name}/`\n\n{table}\n\n{NOBODY}"))


def _with_own_roles(root: Path) -> Iterator[Path]:
    """The events whose plan names every role of ours: a bucket is never shut for them."""
    for plan in sorted((root / "events").glob(f"*/*{SUFFIX}")):
        if OWN_ROLES in plan.read_text():
            yield plan.with_name(plan.name.replace(SUFFIX, ".json"))


def _said(root: Path, name: str, event: Path, same: Sequence[Path]) -> list[str]:
    made = expected.beside(event) or {}
    where = event.relative_to(root)
    said = [f"{where} ends as {made['outcome']}: {made['reason']}"]
    if same:
        events = ", ".join(str(path.relative_to(root / "events")) for path in same)
        said.append(SHARED.format(name=name, events=events))
    return [*said, NEXT.format(name=name, event=where)]


__all__ = ["Event", "make"]
