"""``python -m tests.mutants`` seeds faults in the core and says which tests see them.

kept.json has the results, with the day of each, and for each survivor a reason, which a person
writes there. The page docs/mutants.md is made from it. A change of the core lets others be drawn:
``--missing`` runs those that have no result yet.
"""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tests.mutants.generate import ROOT, Mutant, drawn
from tests.mutants.run import Runner

KEPT = Path(__file__).with_name("kept.json")
COUNT, SEED = 84, 8
UNKNOWN = {"killed_by": "", "reason": "", "on": ""}
NOT_RUN = "not run since it was drawn"
HEAD = """# Faults seeded in the core

`python -m tests.mutants` writes this page. Each row is one change of one place, and the first test
that failed with it and passes without; the cheap tests run first. The changes are drawn from all
that `tests/mutants/generate.py` finds. A row is of the code of its day, from {first} to {last}.

- Seen by: {layers}
- Kinds: {kinds}

| # | place | kind | was → is | seen by |
|---|---|---|---|---|
"""


def main(
    numbers: Annotated[list[int] | None, typer.Argument(help="rows of the page; else all")] = None,
    jobs: int = 2,
    only: Annotated[str, typer.Option(help="these tests alone, separated by blanks")] = "",
    page: Annotated[bool, typer.Option(help="write the page alone, from kept.json")] = False,
    missing: Annotated[bool, typer.Option(help="those alone that have no result yet")] = False,
) -> None:
    """Run the tests against the mutants. Exit code 1 where one has neither a test nor a reason."""
    mutants = drawn(COUNT, SEED)
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}

    def done(mutant: Mutant, killed_by: str) -> None:
        reason = kept.get(mutant.identity, UNKNOWN)["reason"]
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        new = {"killed_by": killed_by, "reason": "" if killed_by else reason, "on": today}
        kept[mutant.identity] = new
        drawn_now = {one.identity: kept[one.identity] for one in mutants if one.identity in kept}
        KEPT.write_text(json.dumps(drawn_now, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        typer.echo(f"{mutants.index(mutant) + 1:3} {mutant.identity}: {killed_by or 'SURVIVED'}")

    if not page:
        runner = Runner(jobs, tuple(only.split()))
        wanted = [mutants[number - 1] for number in numbers] if numbers else mutants
        wanted = [one for one in wanted if not (missing and one.identity in kept)]
        typer.echo(f"{runner.run_all(wanted, done):.0f} s of CPU for {len(wanted)} mutants")
        typer.echo(f"red without a mutant too: {sorted(runner.red)}")
    results = [kept.get(mutant.identity, UNKNOWN) for mutant in mutants]
    write_page(mutants, results)
    raise typer.Exit(not all(one["killed_by"] or one["reason"] for one in results))


def write_page(mutants: list[Mutant], results: list[dict[str, str]]) -> None:
    """A row for each mutant."""
    layers = _counted(Counter(map(_seen_in, results)))
    kinds = _counted(Counter(mutant.kind for mutant in mutants))
    days = sorted(filter(None, (result["on"] for result in results)))
    text = HEAD.format(layers=layers, kinds=kinds, first=days[0], last=days[-1])
    for number, (mutant, result) in enumerate(zip(mutants, results, strict=True), 1):
        place = f"{mutant.module}:{mutant.line} {mutant.function}".strip()
        seen_by = result["killed_by"] or f"no test: {result['reason'] or '**no reason yet**'}"
        seen_by = seen_by if result["on"] else NOT_RUN
        change = f"`{mutant.was}` → `{mutant.now}`"
        cells = (str(number), place, mutant.kind, change, seen_by)
        text += f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
    (ROOT / "docs" / "mutants.md").write_text(text)


def _seen_in(result: dict[str, str]) -> str:
    if not result["on"]:
        return NOT_RUN
    return "/".join(result["killed_by"].split("::")[0].split("/")[:2]) or "no test"


def _counted(counted: Counter[str]) -> str:
    return ", ".join(f"{what} {number}" for what, number in counted.most_common())


if __name__ == "__main__":
    typer.run(main)
