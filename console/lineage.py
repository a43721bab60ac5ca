"""`cordon lineage ARN`: what was made of a bucket's data, or of a resource, as a tree. Reads only.

Runs under the operator's own credentials, in one account and Region. It needs no stack.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import boto3
import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from console import tables
from console.exits import Exit
from console.options import Where, on_stack
from console.render import plain
from console.stack import NotPossible
from cordon.clients import AwsClients
from cordon.finding import Place
from cordon.lineage import IN_CONSOLE, AwsReader, Found, Lineage, descendants, start_of, within
from cordon.lineage.walk import START

out = Console()
errors = Console(stderr=True)
UNTRACED = (
    "Only account {account}, {region} was read. Copies that were made outside of jobs of SageMaker "
    "and Bedrock are not seen."
)


@on_stack
def lineage(
    where: Where,
    arn: Annotated[str, typer.Argument(help="ARN of a bucket, or of a resource of these two.")],
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """What SageMaker and Bedrock made of a bucket's data or of a resource.

    A tree; in JSON one document, in CSV and JSON lines a row for each thing that was found. Changes
    nothing. Ends with 3 where something could not be read or a cap was met: it says what.
    """
    place, found = _read(arn, where)
    if output is tables.Output.JSON:
        typer.echo(json.dumps(as_json(place, found), indent=2))
    else:
        if output is tables.Output.TABLE:
            out.print(as_tree(found), soft_wrap=True, highlight=False)
        else:
            tables.write(_rows(found), (), output, out)
        for text in (*unknown(found), UNTRACED.format(account=place.account, region=place.region)):
            errors.print(plain(text), markup=False, soft_wrap=True, highlight=False)
    raise typer.Exit(Exit.UNKNOWN if unknown(found) else 0)


def _read(arn: str, where: Where) -> tuple[Place, Lineage]:
    try:
        start = start_of(arn)
    except ValueError as why:
        raise NotPossible(str(why)) from None
    session = where.session()
    region = session.region_name or ""
    if not region:
        raise NotPossible("which Region? --region names it")
    aws = AwsClients(region, _keys(session))
    caller = aws.client("sts").get_caller_identity()
    place = Place(caller["Arn"].split(":")[1], caller["Account"], region)
    expired = within(IN_CONSOLE)
    return place, descendants(start, AwsReader(aws, place, expired), expired)


def _keys(session: boto3.session.Session) -> dict[str, str]:
    """Those of the profile, as a client takes them; {} for none, which the call says."""
    found = session.get_credentials()
    if found is None:
        return {}
    key = found.get_frozen_credentials()
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    values = (key.access_key, key.secret_key, key.token)
    return {name: value for name, value in zip(names, values, strict=True) if value}


def as_tree(found: Lineage) -> Tree:
    """Each thing once, below the one by which it was reached first."""
    tree = Tree(_line(found.start))
    branches = {START: tree}
    for index, node in enumerate(found.nodes):
        branches[index] = branches[node.parent].add(_line(node.found))
    return tree


def _line(one: Found) -> Text:
    """Names are other people's text: never markup, never a terminal's commands."""
    source = one.source if one.source not in ("", one.resource) else ""
    return Text(plain(f"{one.type}  {one.resource}{'  ' if source else ''}{source}"))


def unknown(found: Lineage) -> tuple[str, ...]:
    """What was not read, and which caps were met."""
    unread = (f"not read: {one.what}: {one.why}" for one in found.unread)
    return (*unread, *(f"truncated: {cap}" for cap in found.truncated))


def _rows(found: Lineage) -> Iterator[dict[str, Any]]:
    for node in found.nodes:
        yield {
            "id": node.found.id,
            "type": node.found.type,
            "source": node.found.source,
            "path": [step.id for step in found.path(node)],
        }


def as_json(place: Place, found: Lineage) -> dict[str, Any]:
    """``nodes`` with the path to each, the start first."""
    return {
        "start": found.start.id,
        "account": place.account,
        "region": place.region,
        "nodes": list(_rows(found)),
        "unread": [{"what": one.what, "why": one.why} for one in found.unread],
        "truncated": list(found.truncated),
    }


COMMANDS = {lineage: "cordon lineage arn:aws:s3:::training-data"}
