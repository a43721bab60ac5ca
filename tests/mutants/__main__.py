"""``python -m tests.mutants run`` seeds faults in the core and says which tests see them.

kept.json has the results, and for each survivor a reason, which a person writes there. The page
docs/mutants.md is made from it.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from tests.mutants.generate import ROOT, Mutant, drawn
from tests.mutants.run import Runner

KEPT = Path(__file__).with_name("kept.json")
PAGE = ROOT / "docs" / "mutants.md"
COUNT, SEED = 84, 8
Kept = dict[str, dict[str, str]]  # identity → killed_by, reason
HEAD = """# Faults seeded in the core

`python -m tests.mutants run` writes this page. Each row is one change of one place, and the first
test that failed with it and passes without; the cheap tests run first. The changes are drawn from
all that `tests/mutants/generate.py` finds.

"""
TABLE = "\n| # | place | kind | was → is | seen by |\n|---|---|---|---|---|\n"

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command("run")
def run(
    numbers: Annotated[list[int] | None, typer.Argument(help="rows of the page; else all")] = None,
    jobs: int = 2,
    only: Annotated[str, typer.Option(help="these tests alone, separated by blanks")] = "",
) -> None:
    """Run the tests against the mutants, keep the results and write the page."""
    mutants, kept = drawn(COUNT, SEED), _kept()

    def done(mutant: Mutant, killed_by: str) -> None:
        reason = kept.get(mutant.identity, {}).get("reason", "")
        kept[mutant.identity] = {"killed_by": killed_by, "reason": "" if killed_by else reason}
        KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        typer.echo(f"{mutants.index(mutant) + 1:3} {mutant.identity}: {killed_by or 'SURVIVED'}")

    runner = Runner(jobs, tuple(only.split()))
    wanted = [mutants[number - 1] for number in numbers] if numbers else mutants
    typer.echo(f"{runner.run_all(wanted, done):.0f} s of CPU for {len(wanted)} mutants")
    for test in sorted(runner.red):
        typer.echo(f"fails without a mutant too: {test}")
    page()


@app.command("page")
def page() -> None:
    """Write the page. Exit code 1 where a mutant has neither a test nor a reason."""
    mutants, kept = drawn(COUNT, SEED), _kept()
    results = [kept.get(mutant.identity, {"killed_by": "", "reason": ""}) for mutant in mutants]
    layers = Counter(_layer(result["killed_by"]) for result in results)
    kinds = Counter(mutant.kind for mutant in mutants)
    text = HEAD
    for name, counted in (("Seen by", layers), ("Kinds", kinds)):
        text += f"- {name}: {', '.join(f'{what} {n}' for what, n in counted.most_common())}\n"
    text += TABLE
    for number, (mutant, result) in enumerate(zip(mutants, results, strict=True), 1):
        place = f"{mutant.module}:{mutant.line} {mutant.function}".strip()
        change = f"`{mutant.was}` → `{mutant.now}`".replace("|", "\\|")
        seen_by = result["killed_by"] or f"no test: {result['reason'] or '**no reason yet**'}"
        text += f"| {number} | {place} | {mutant.kind} | {change} | {seen_by} |\n"
    PAGE.write_text(text)
    if not all(result["killed_by"] or result["reason"] for result in results):
        raise typer.Exit(1)


def _layer(test: str) -> str:
    """The folder of the test, or its file."""
    return "/".join(test.split("::")[0].split("/")[:2]) or "no test"


def _kept() -> Kept:
    return json.loads(KEPT.read_text()) if KEPT.exists() else {}


if __name__ == "__main__":
    app()
