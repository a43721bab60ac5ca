"""What is made within a page that people write: it is between two marks, each on a line."""


def replaced(page: str, name: str, made: str) -> str:
    """The page with what is between its marks of this name made anew.

    >>> replaced("a\\n<!-- x: made by `make playbooks` -->\\nold\\n<!-- /x -->\\nb", "x", "new")
    'a\\n<!-- x: made by `make playbooks` -->\\nnew\\n<!-- /x -->\\nb'
    """
    begin, end = f"<!-- {name}: made by `make playbooks` -->", f"<!-- /{name} -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page lacks the marks of {name!r}")
    return f"{before}{begin}\n{made}\n{end}{after}"
