"""docs/decisions/README.md: the list of decisions, each by its own title."""

from collections.abc import Iterator
from pathlib import Path

INTRODUCTION = """# Decisions

Made by `make playbooks`. What somebody may question, half a page each: what was decided, what was
weighed, what it costs. Each says what was so when it was made."""


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The page as it should be."""
    folder = root / "docs" / "decisions"
    rows = [f"- [{_title(path)}]({path.name})" for path in sorted(folder.glob("[0-9]*.md"))]
    yield folder / "README.md", f"{INTRODUCTION}\n\n" + "\n".join(rows) + "\n"


def _title(path: Path) -> str:
    return path.read_text().partition("\n")[0].lstrip("# ")
