"""All that is made from the playbooks' headers and from the code, in the order of its reading."""

from pathlib import Path

from console import operations, playbook_blocks, playbook_pages, statuses_page
from console.permissions import page as permissions


def write(root: Path, *, only_check: bool) -> tuple[list[Path], list[str]]:
    """Update it. Returns the paths that were out of date, and the mistakes in the roles.

    The template comes first: the page of permissions is made from it.
    """
    stale = playbook_blocks.write(root, only_check=only_check)
    stale += playbook_pages.write(root, only_check=only_check)
    stale += statuses_page.write(root, only_check=only_check)
    stale += operations.write(root, only_check=only_check)
    pages, mistakes = permissions.write(root, only_check=only_check)
    return [*stale, *pages], mistakes
