"""Generates parts of the documentation from the playbooks' headers.

The table of playbooks is in README.md between two marks. docs/playbooks.md lists them, and
docs/playbooks/ has a page of each.
"""

from collections.abc import Iterator
from pathlib import Path

from console import marks, one_playbook
from console.playbook_blocks.block import calls_parameter
from console.playbooks import header_of, playbooks
from console.question_pages import plans
from cordon.playbook import Playbook
from embedded.backends import api_table

INTRODUCTION = """# Playbooks

Made from the headers under `functions/` by `make playbooks`. Each page says when the playbook
handles a finding, what it does, undoes and leaves, how to try it, what an approver reads, and what
it cannot. Every playbook starts in *observe*; the mode here is what we recommend later.

A person may have contained what is in the column *by ARN* (`cordon contain ARN --playbook
NAME`). Where a parameter is named, the playbook handles API calls and changes that are often right
too, once the parameter is *true*; its page says which."""


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The pages as they should be."""
    all_playbooks = playbooks(root)
    readme = root / "README.md"
    yield readme, marks.replaced(readme.read_text(), "playbooks", _table(all_playbooks))
    yield root / "docs" / "playbooks.md", _index(all_playbooks)
    beside = plans(root)
    for playbook in all_playbooks:
        yield (
            root / "docs" / "playbooks" / f"{playbook.name}.md",
            one_playbook.page(playbook, root, beside),
        )
    account = root / "docs" / "embedded-account.md"
    yield account, api_table.updated(account.read_text())


def _table(all_playbooks: tuple[Playbook, ...]) -> str:
    rows = ["| playbook | it | recommended mode |", "|---|---|---|"]
    for playbook in all_playbooks:
        link = f"[{playbook.name}](docs/playbooks/{playbook.name}.md)"
        rows.append(f"| {link} | {_title(playbook)} | {playbook.recommended_mode} |")
    return "\n".join(rows)


def _index(all_playbooks: tuple[Playbook, ...]) -> str:
    rows = ["| playbook | it | serves | mode | by ARN | parameter |", "|---|---|---|---|---|---|"]
    for playbook in all_playbooks:
        cells = (
            f"[{playbook.name}](playbooks/{playbook.name}.md)",
            _title(playbook),
            str(playbook.serves),
            str(playbook.recommended_mode),
            ", ".join(f"`{kind}`" for kind in playbook.by_arn),
            f"`{calls_parameter(playbook.name)}`" if playbook.optional else "",
        )
        rows.append(f"| {' | '.join(cells)} |".replace("  ", " "))
    return f"{INTRODUCTION}\n\n" + "\n".join(rows) + "\n"


def _title(playbook: Playbook) -> str:
    title = header_of(playbook)["title"].rstrip(".")
    return f"{title[0].lower()}{title[1:]}"
