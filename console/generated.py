"""All that is made from the playbooks' headers and from the code, in the order of its reading."""

from pathlib import Path

from console import (
    decision_pages,
    one_case,
    operations,
    playbook_blocks,
    playbook_pages,
    question_pages,
    reference_pages,
    resources_policy,
    statuses_page,
)
from console.coverage import page as coverage_page
from console.permissions import page as permissions

# Each is made when what is before it was written: the page of permissions shows the template.
PAGES = (
    playbook_blocks.pages,
    playbook_pages.pages,
    question_pages.pages,
    one_case.pages,
    coverage_page.pages,
    statuses_page.pages,
    reference_pages.pages,
    resources_policy.pages,
    decision_pages.pages,
    operations.pages,
    permissions.pages,
)


def write(root: Path, *, only_check: bool) -> tuple[list[Path], list[str]]:
    """Update it. Returns the paths that were out of date, and the mistakes in the roles."""
    stale = []
    for path, text in (page for pages in PAGES for page in pages(root)):
        if not path.exists() or path.read_text() != text:
            stale.append(path)
            if not only_check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
    return stale, permissions.mistakes(root)
