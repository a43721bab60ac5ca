"""docs/coverage.md: what the repository covers, from headers, samples and docs/coverage."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from console.coverage.report import Report, report

HEAD = """\
# Coverage

Made by `make playbooks` from the headers under `functions/`, the sample events under `events/` and
the data in [coverage/](coverage). `cordon coverage` prints it, `--live` with what an account says,
`--output json` for programs.

**What a row says.** A playbook is named for a risk only where a sample event of such a finding is
handled by it: the plan beside the event says so, `tests/test_plans.py` holds that plan against the
event, and `tests/promises/test_samples.py` sends the event through the template in an embedded
account. What has none says *none*, and why. The mapping to controls, risks and techniques is expert
judgement: a case *supports evidence for* them and does not prove compliance. The modes are those
that we recommend after a week; every playbook starts in observe.
"""
NEEDS = """\
## What must be switched on
Else these findings are never made, and the playbooks that would handle them hear only of others.
"""
OWASP = """\
## OWASP
A risk of 2023 or 2025 has what the same risk of 2026 has. *where* names the parameter without which
these calls are not heard.
"""
LIVE = """\
## What only an account knows
`cordon coverage --live` looks, in one Region, with read-only calls
([coverage/policy.json](coverage/policy.json) allows them and no other), and reads the modes of the
stack where your credentials may (the policy [reader](policies/reader.json)). *on* and *off* are
what a check saw at that moment; *unknown* names the permission or the error, and nothing better is
concluded from it. A scope that is *not seen* may be used all the same: an account has other
Regions. What no call can show, a person may attest at the desk (`cordon attest`): such a cell then
has who said it, what, and until when, and no check is *on* because of it. Nothing of Cordon has
looked whether it is so.
"""
CONTROLS = """\
## Controls
Those that a header names. Of every other control of these standards Cordon has nothing. Who is
responsible follows the shared responsibility model: *shared* where AWS does a part of it.
"""
Cells = Sequence[str]


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """The page as it should be."""
    yield root / "docs" / "coverage.md", text(report(root))


def text(found: Report) -> str:
    """The page of a report without an account."""
    modes = {one["name"]: one["recommended_mode"] for one in found["playbooks"]}
    parts = (
        HEAD,
        NEEDS,
        table(("what", "how", "findings of", "for"), map(_need, found["needs"])),
        OWASP,
        table(
            ("risk", "before", "near", "responsible", "playbooks"),
            (risk(one, modes) for one in listed(found)),
        ),
        "## The seven layers\n",
        table(("layer", "playbooks"), map(layer, found["layers"])),
        LIVE,
        *(_matrix(one) for one in found["matrices"]),
        "## Techniques\n",
        table(("technique", "playbooks"), (technique(r, modes) for r in found["techniques"])),
        CONTROLS,
        table(("control", "title", "responsible", "supports evidence for it"), controls(found)),
        table(("framework", "version"), map(_version, found["versions"])),
        "## What nobody handles\nKinds of findings of sample events that every playbook ignores: "
        + ", ".join(f"`{kind}`" for kind in found["nobody"])
        + ".\n",
        "## The mission, row by row\n",
        table(("event", "from", "who handles one", "not built"), map(event, found["events"])),
        table(
            ("playbook", "built", "what is not built of it, or why not"),
            map(promised, found["promised"]),
        ),
        table(("topic", "is", "shown by", "not built"), map(_topic, found["topics"])),
    )
    return "\n".join(parts)


def table(head: Cells, rows: Any) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def who(row: Mapping[str, Any], modes: Mapping[str, str]) -> str:
    """Who handles a risk, in which mode and by how many samples; or none, and why."""
    named = [
        f"{one['playbook']} ({modes[one['playbook']]}; {_counted(one['samples'])}"
        + (f"; where `{one['where']}`)" if one["where"] else ")")
        for one in row["by"]
    ]
    return ", ".join(named) or f"*none*: {row['none'] or 'no sample event shows one'}"


def _counted(samples: Sequence[str]) -> str:
    return f"`{samples[0]}`" + (f" and {len(samples) - 1} more" if len(samples) > 1 else "")


def _need(row: Mapping[str, Any]) -> Cells:
    kinds = ", ".join(f"`{kind}`" for kind in row["kinds"])
    without = ", ".join(f"`{kind}`" for kind in row["except"])
    named = f"{kinds}, but not {without}" if without else kinds
    return row["title"], row["how"], named, ", ".join(row["for"])


def listed(found: Report) -> Iterator[Mapping[str, Any]]:
    """The risks of the newest lists, each with its ids of the years before."""
    older = {old for one in found["same"].values() for old in one["before"]}
    for row in found["risks"]:
        if row["id"] not in older:
            yield {**row, **found["same"].get(row["id"], {"before": [], "near": []})}


def risk(row: Mapping[str, Any], modes: Mapping[str, str]) -> Cells:
    """A risk, the same before, what is near it, who is responsible, and who handles it."""
    before, near = (", ".join(_short(id) for id in row[name]) for name in ("before", "near"))
    name = f"{_short(row['id'])} {row['title']}"
    return name, before, near, row["responsibility"], who(row, modes)


def _short(id: str) -> str:
    """``LLM06:2025``, as OWASP writes it; ``ASI02``."""
    _, of, year, number = id.split(" ")
    return f"{number}:{year}" if of == "LLM" else number


def technique(row: Mapping[str, Any], modes: Mapping[str, str]) -> Cells:
    """A technique, and who handles it."""
    return f"{row['id']} {row['title']}", who(row, modes)


def layer(row: Mapping[str, Any]) -> Cells:
    """A layer, and its playbooks."""
    return row["layer"], ", ".join(row["playbooks"]) or f"*none*: {row['none']}"


def controls(found: Report) -> Iterator[Cells]:
    """Each control that a header names."""
    for framework in found["frameworks"]:
        for one in framework["controls"]:
            if one["playbooks"]:
                yield one["id"], one["title"], one["responsibility"], ", ".join(one["playbooks"])


def _version(row: Mapping[str, Any]) -> Cells:
    return f"[{row['framework']}]({row['source']}): {row['title']}", row["version"]


def event(row: Mapping[str, Any]) -> Cells:
    """A detail-type, its source, who handles one, and what is not built."""
    nobody = "*none*: it is read, and ignored" if row["read"] else "*none*: it is not read"
    return row["event"], f"`{row['source']}`", ", ".join(row["by"]) or nobody, row["lacks"]


def promised(row: Mapping[str, Any]) -> Cells:
    """A promise, whether it is built, and what is not."""
    return row["name"], "yes" if row["built"] else "**not built**", row["says"]


def _topic(row: Mapping[str, Any]) -> Cells:
    proof = ", ".join(f"`{path}`" for path in row["proof"])
    return row["topic"], row["is"] or "*none*", proof, row["lacks"]


def _matrix(one: Mapping[str, Any]) -> str:
    """What each cell looks at, and what a person must attest."""
    rows = [(scope["scope"], *_scope(scope)) for scope in one["scopes"]]
    columns = [(cell["column"], cell["attest"]) for cell in one["scopes"][0]["cells"]]
    heads = [name for name, _ in columns]
    return "\n".join(
        (
            f"### [{one['name']}]({one['source']})\n",
            table(("scope", "in use where", *heads), rows),
            table(("a person must attest, of every scope", "what"), columns),
        )
    )


def _scope(scope: Mapping[str, Any]) -> Iterator[str]:
    in_use = [check["title"] for check in scope["in_use"]]
    attest = [f"a person must attest: {scope['attest']}"] if scope["attest"] else []
    yield "; ".join((*in_use, *attest))
    for cell in scope["cells"]:
        yield "; ".join(check["title"] for check in cell["checks"]) or "a person must attest"
