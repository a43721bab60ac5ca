"""``python -m tests.aws_schemas`` holds the sample events against AWS's own event schemas.

It needs npm and its registry, so it is no part of ``make test``. ``--write`` puts the result into
events/README.md. Exit code 1 where an event differs and ``WHY`` has no reason.
"""

import json
import re
import tempfile
from collections import defaultdict
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer

from tests.aws_schemas.schemas import PACKAGE, Schemas, downloaded

EVENTS = Path(__file__).parents[2] / "events"
README = EVENTS / "README.md"
BROKEN = "broken"  # the folder of events that are not as documented
VERSION = "0.1.216"  # of the package: the newest when the reasons were written
SECTION = re.compile(
    r"(<!-- schemas: made by `python -m tests.aws_schemas --write` -->\n).*?(<!-- /schemas -->)",
    re.DOTALL,
)
_PAGE = "the service's page has it; the schema is older"
_NULL = "without a value it is absent or null"
# detail-type: patterns of differences, and why these are right
WHY: dict[str, dict[str, str]] = {
    "AWS API Call via CloudTrail": {  # the only schema is of KMS
        "detail.requestParameters.*": "the schema is of a call that generates a data key",
        "detail.userIdentity.invokedBy: missing": "only what a service calls has it",
        "detail.*: unknown": _PAGE,
    },
    "AWS Health Event": {"detail.*: unknown": _PAGE},
    "GuardDuty Finding": {
        "detail.service.additionalInfo.sample: missing": "only generated samples have it",
        "detail.service.additionalInfo.*: unknown": _PAGE,
        "detail.service.additionalInfo: missing": _NULL,
        "detail.service.*: is no object": _NULL,
        "detail.resource.instanceDetails.outpostArn: is no string": _NULL,
        "detail.*.affectedResources.*: unknown": "its names are types of resources",
        "detail.*: unknown": "botocore's model has it; the schema is older",
    },
    "GuardDuty Malware Protection Object Scan Result": {
        "detail.scanResultDetails.threats: is no array": "null on the page where none is found"
    },
    "SageMaker Endpoint State Change": {
        "detail.ProductionVariants: unknown": _PAGE,
        "detail.Tags: is no array": "an object on the page",
    },
    "SageMaker Model Package State Change": {
        "detail.*: unknown": "the page's sample has it; the schema has no versioned packages"
    },
    "Security Hub Findings - Custom Action": {"detail.action*: unknown": _PAGE},
}


def main(
    write: Annotated[bool, typer.Option(help="the result into events/README.md")] = False,
) -> None:
    """Look at every sample, and say which differ."""
    with tempfile.TemporaryDirectory() as folder:
        schemas = Schemas.of(downloaded(VERSION, Path(folder)))
    checked, found = look(schemas)
    text = result(checked, found)
    typer.echo(text)
    if write:
        README.write_text(SECTION.sub(lambda at: f"{at[1]}{text}{at[2]}", README.read_text()))
    raise typer.Exit(any(not why(*one) for one in found))


def look(schemas: Schemas) -> tuple[tuple[int, int], dict[tuple[str, str], list[str]]]:
    """How many samples have a schema, of how many; and those that differ, by difference."""
    names, with_schema = 0, 0
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted(EVENTS.glob("*/*.json")):
        if path.name.endswith(".plan.json") or path.parent.name == BROKEN:
            continue
        event = json.loads(path.read_text())
        names += 1
        if schemas.has(event):
            with_schema += 1
            for difference in schemas.differences(event):
                found[event["detail-type"], difference].append(path.stem)
    return (with_schema, names), dict(sorted(found.items()))


def why(kind: str, difference: str) -> str:
    """The reason for a difference; "" where there is none."""
    reasons = WHY.get(kind, {})
    return next((text for like, text in reasons.items() if fnmatchcase(difference, like)), "")


def result(checked: tuple[int, int], found: dict[tuple[str, str], list[str]]) -> str:
    """The section of the README."""
    differing = {name for names in found.values() for name in names}
    lines = [
        f"On {date.today()}, `{PACKAGE}` {VERSION}: {checked[0]} of {checked[1]} events had a "
        f"schema there; {len(differing)} differed from it.",
        "",
    ]
    if found:
        lines += ["| event | differs | samples | why |", "| --- | --- | --- | --- |"]
    for (kind, difference), names in found.items():
        reason = why(kind, difference) or "**no reason is known**"
        lines.append(f"| {kind} | `{difference}` | {len(names)} | {reason} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    typer.run(main)
