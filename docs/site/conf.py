"""The docs site: the pages of this repository as they are, by Sphinx. `make docs` builds it.

Nothing is fetched when it is built or read: pictures in Mermaid's language become SVG here.
"""

import mermaidx
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

project = "Cordon"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/**.md"]
include_patterns += ["events/README.md"]
exclude_patterns = [".*", "docs/site"]
html_theme = "furo"
html_title = project
html_theme_options = {  # a line of a terminal, 100 columns, fits
    "light_css_variables": {"code-font-size": "0.72rem"},
}
html_show_sourcelink = False
html_copy_source = False
highlight_language = "none"
suppress_warnings = ["myst.header", "misc.highlighting_failure"]
myst_heading_anchors = 3  # GitHub's names of headings: links to them are checked
myst_fence_as_directive = ["mermaid"]

CONTENTS = """

```{toctree}
:hidden:
:caption: Begin
docs/one-case
docs/playbooks
docs/faq
docs/glossary
docs/coverage
```
```{toctree}
:hidden:
:caption: Operate
docs/operating
docs/why-nothing-changed
docs/statuses
docs/first-account
docs/reference/parameters
docs/reference/cordon
```
```{toctree}
:hidden:
:caption: Understand
docs/architecture
docs/proofs
docs/performance
docs/permissions
SECURITY
docs/decisions/README
CONTRIBUTING
CHANGELOG
```
"""
BELOW = {  # what the page of a task, or of a kind, has below it
    "docs/operating": "operating/*",
    "docs/playbooks": "playbooks/*",
    "docs/decisions/README": "0*",
    "docs/architecture": "e*",
    "docs/coverage": "attack-sequence",
    "CONTRIBUTING": "events/README\ndocs/mutants",
}


class Mermaid(Directive):
    """A picture in Mermaid's language, drawn now."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The picture as SVG, within the page."""
        return [nodes.raw("", mermaidx.render("\n".join(self.content)).svg(), format="html")]


def add_contents(_: Sphinx, name: str, source: list[str]) -> None:
    """The table of contents, which GitHub does not need."""
    if name == root_doc:
        source[0] += CONTENTS
    elif name in BELOW:
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n{BELOW[name]}\n```\n"


def setup(app: Sphinx) -> None:
    """For Sphinx."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", add_contents)
