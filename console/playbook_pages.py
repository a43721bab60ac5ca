"""Generates parts of the documentation from the playbooks' headers.

The table of playbooks is in README.md between two marks. docs/playbooks.md has each header.
"""

from collections.abc import Iterator
from pathlib import Path

from console.playbook_blocks.block import calls_parameter
from console.playbooks import header_of, playbooks
from cordon.playbook import Playbook
from embedded.backends import api_table

BEGIN, END = "<!-- playbooks: made by `make playbooks` -->", "<!-- /playbooks -->"


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The pages as they should be."""
    all_playbooks = playbooks(root)
    readme = root / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    yield readme, f"{before}{BEGIN}\n{_table(all_playbooks)}\n{END}{after}"
    yield root / "docs" / "playbooks.md", _page(all_playbooks)
    account = root / "docs" / "embedded-account.md"
    yield account, api_table.updated(account.read_text())


def _table(all_playbooks: tuple[Playbook, ...]) -> str:
    rows = ["| playbook | when | does | recommended mode |", "|---|---|---|---|"]
    for playbook in all_playbooks:
        header = header_of(playbook)
        row = (f"`{playbook.name}`", header["When"], header["Does"], str(playbook.recommended_mode))
        rows.append(f"| {' | '.join(row)} |")
    return "\n".join(rows)


def _page(all_playbooks: tuple[Playbook, ...]) -> str:
    parts = [
        "# Playbooks",
        "Generated from the headers under `functions/` by `make playbooks`. The mapping to "
        "controls is expert judgement: a case *supports evidence for* them and does not prove "
        "compliance.",
    ]
    for playbook in all_playbooks:
        header = header_of(playbook)
        parts.append(f"## {playbook.name}")
        parts.append(header["title"])
        parts += [f"- **{key}** {header[key]}" for key in ("When", "Does", "Undo", "Leaves")]
        parts.append(f"- **Defence layer** {playbook.defence_layer}; serves {playbook.serves}")
        if playbook.layers:
            named = ", ".join(layer for layer, _ in playbook.layers)
            parts.append(f"- **By its kind a finding is of another layer** {named}")
        parts.append(
            f"- **Recommended mode** {playbook.recommended_mode} (every playbook starts in observe)"
        )
        if playbook.handles:
            parts.append("- **Handles** " + ", ".join(f"`{kind}`" for kind in playbook.handles))
        if playbook.optional:
            calls = ", ".join(f"`{kind}`" for kind in playbook.optional)
            parts.append(f"- **Handles where `{calls_parameter(playbook.name)}` is true** {calls}")
        if playbook.by_arn:
            kinds = ", ".join(f"`{kind}`" for kind in playbook.by_arn)
            parts.append(f"- **Contains by its ARN** (`cordon contain`) {kinds}")
        if playbook.controls:
            parts.append("- **Supports evidence for** " + ", ".join(playbook.controls))
    return "\n\n".join(_joined_lists(parts)) + "\n"


def _joined_lists(parts: list[str]) -> Iterator[str]:
    """Join the items of a list, without a blank line between them."""
    items: list[str] = []
    for part in parts:
        if part.startswith("- "):
            items.append(part)
            continue
        if items:
            yield "\n".join(items)
            items = []
        yield part
    if items:
        yield "\n".join(items)
