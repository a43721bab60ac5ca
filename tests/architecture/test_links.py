"""A link from a page to a page of ours leads somewhere: to a file, and to a heading that it has."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every page that git knows."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]


def anchors(page: Path) -> set[str]:
    """What GitHub calls its headings: lower case, hyphens for spaces, no other marks."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    found = []
    for file, anchor in LINK.findall(CODE.sub("", page.read_text())):
        to = page.parent / file if file else page
        if not to.exists() or (anchor and anchor not in anchors(to)):
            found.append(f"{file}#{anchor}" if anchor else file)
    return found


def test_every_link_leads_somewhere() -> None:
    assert len(pages()) > 40
    assert {page.name: broken(page) for page in pages() if broken(page)} == {}


@pytest.mark.parametrize("to", ["other.md", "#nowhere", "page.md#nowhere"])
def test_a_link_to_nowhere_is_seen(tmp_path: Path, to: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# The page's name\n[it](#the-pages-name) [it](page.md)\n[no]({to})\n")
    assert broken(page) == [to]
