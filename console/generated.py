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


def write(root: Path, *, only_check: bool) -> tuple[dict[Path, bool], list[str]]:
    """Update it. Returns each path, and whether it was out of date; and the mistakes in the roles.

    A page may be made in several parts: it was out of date where one of them was.
    """
    found: dict[Path, bool] = {}
    for path, text in (page for pages in PAGES for page in pages(root)):
        stale = not path.exists() or path.read_text() != text
        found[path] = found.get(path, False) or stale
        if stale and not only_check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return found, permissions.mistakes(root)
