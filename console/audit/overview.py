"""The overview of an archive: one page that needs no network and runs no script.

Every text of a case is escaped. A content security policy forbids all but the page's own style.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from cordon.sources.text import one_line

SHOWN = {
    "case": "Case",
    "first": "First entry",
    "last": "Last entry",
    "last_stage": "Last stage",
    "playbook": "Playbook",
    "severity": "Severity",
    "title": "Finding",
    "resources": "Resources",
    "approved_by": "Approved by",
    "rejected_by": "Rejected by",
    "released_by": "Released by",
    "controls": "Supports evidence for",
    "verified": "Verified",
}
STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: .4rem; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; }
caption { text-align: left; }
.scroll td { min-width: 8rem; }
.scroll td:nth-child(-n + 6) { min-width: 0; white-space: nowrap; }  /* ids, times, names */
thead th { position: sticky; top: 0; background: Canvas; }
.scroll { overflow-x: auto; }
@page { size: landscape; }
@media print {  /* paper does not scroll: no column may be cut off */
  body { font-size: 7pt; margin: 0; max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  .scroll td, .scroll td:nth-child(-n + 6) { min-width: 0; white-space: normal; }
  th, td { padding: .2rem; overflow-wrap: anywhere; }
  thead th { position: static; }
}
"""


def page(
    facts: Mapping[str, Any], limits: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """The page, part by part: it may have many rows."""
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Evidence of Cordon</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        "<h1>Evidence of Cordon</h1>\n<table>\n<caption>What this archive has</caption>\n<tbody>\n"
    )
    for name, value in facts.items():
        yield f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>\n'
    yield "</tbody>\n</table>\n<h2>What it does not show</h2>\n<ul>\n"
    yield from (f"<li>{_text(limit)}</li>\n" for limit in limits)
    heads = "".join(f'<th scope="col">{_text(head)}</th>' for head in SHOWN.values())
    yield (
        "</ul>\n<h2>Cases</h2>\n"
        '<div class="scroll" role="region" aria-label="Cases" tabindex="0">\n'
        f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
    )
    for row in rows:
        cells = "".join(f"<td>{_text(row.get(name))}</td>" for name in SHOWN)
        yield f"<tr>{cells}</tr>\n"
    yield "</tbody>\n</table>\n</div>\n</main>\n</body>\n</html>\n"


def _text(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")
    return escape(one_line(text, 2000))
