"""SageMaker AI's lineage, which moto lacks: entities, and what was made of what.

Entities are not made by the API here: ``entity`` says that one exists, ``made_of`` that another
follows from it. Sources: the service model of ``sagemaker``; Amazon SageMaker AI API Reference,
"QueryLineage", "ListArtifacts" (a whole SourceUri, or a type), "DescribeArtifact",
"DescribeAction", "DescribeContext", "DescribeTrialComponent" (their names may be ARNs). In which
order vertices come is not documented.
"""

from typing import Any

from embedded.backends import tags
from embedded.backends.pages import page
from embedded.backends.registry import (
    NotModelled,
    Params,
    Refusal,
    Response,
    Where,
    implements,
)

ENTITIES, EDGES = "lineage-entities", "lineage-edges"
LINEAGE_TYPES = {
    "artifact": "Artifact",
    "action": "Action",
    "context": "Context",
    "experiment-trial-component": "TrialComponent",
}
PAGE = 10  # of ListArtifacts and QueryLineage where the caller names no size


def entity(name: str, type: str, source: str, where: Where) -> str:
    """A lineage entity by its ARN's last part, as ``artifact/a1``; its ARN. It has no tags."""
    arn = where.arn("sagemaker", name)
    where.table(ENTITIES)[arn] = {"type": type, "source": source}
    tags.exists(arn, where)
    if source.startswith(where.arn("sagemaker", "")):
        tags.exists(source, where)
    return arn


def made_of(source: str, destination: str, where: Where) -> None:
    """The second entity follows from the first."""
    where.table(EDGES).setdefault(source, []).append(destination)


def delete(arn: str, where: Where) -> None:
    """Delete the entity; what was made of what stays known."""
    where.table(ENTITIES).pop(arn)
    tags.forget(arn, where)


@implements("sagemaker", "ListArtifacts")
def list_artifacts(params: Params, where: Where) -> Response:
    """By a whole URI or by type."""
    found = [
        {
            "ArtifactArn": arn,
            "Source": {"SourceUri": one["source"]},
            "ArtifactType": one["type"],
        }
        for arn, one in where.table(ENTITIES).items()
        if ":artifact/" in arn
        and one["type"] == params.get("ArtifactType", one["type"])
        and one["source"] == params.get("SourceUri", one["source"])
    ]
    listed, more = page(found, params, "NextToken", PAGE)
    return {"ArtifactSummaries": listed, **more}


@implements("sagemaker", "QueryLineage")
def query_lineage(params: Params, where: Where) -> Response:
    """What follows from one entity, with the edges, or of some types what it follows from."""
    known, edges = where.table(ENTITIES), where.table(EDGES)
    backwards, types = params["Direction"] == "Ascendants", params.get("Filters", {})
    if backwards is bool(params.get("IncludeEdges")) or backwards is not (
        types.keys() == {"Types"}
    ):
        raise NotModelled("QueryLineage but of descendants with edges, or ascendants of some types")
    if backwards:
        edges = _turned(edges)
    (start,) = params["StartArns"]
    if start not in known:
        raise _not_found(start)
    found: list[dict[str, Any]] = []
    seen, level = {start}, [start]
    for _ in range(params.get("MaxDepth", 10)):
        following: dict[str, None] = {}
        for one in level:
            for other in edges.get(one, []):
                found.append({"edge": {"SourceArn": one, "DestinationArn": other}})
                following[other] = None
        level = [one for one in following if one not in seen]
        seen.update(level)
        found += [{"vertex": _vertex(arn, known)} for arn in level]
    if backwards:
        vertices = [one for one in found if "vertex" in one]
        found = [one for one in vertices if one["vertex"].get("Type") in types["Types"]]
    listed, more = page(found, params, "NextToken", PAGE)
    return {
        "Vertices": [one["vertex"] for one in listed if "vertex" in one],
        "Edges": [one["edge"] for one in listed if "edge" in one],
        **more,
    }


def _turned(edges: dict[str, list[str]]) -> dict[str, list[str]]:
    """By what follows, what it follows from."""
    turned: dict[str, list[str]] = {}
    for source, destinations in edges.items():
        for one in destinations:
            turned.setdefault(one, []).append(source)
    return turned


def _vertex(arn: str, known: dict[str, Any]) -> dict[str, str]:
    kind = arn.split(":", 5)[5].partition("/")[0]
    type = known.get(arn, {}).get("type", "")
    return {"Arn": arn, "LineageType": LINEAGE_TYPES[kind], **({"Type": type} if type else {})}


def _describes(operation: str, name: str, source: str, **named: str) -> None:
    """One Describe call: its parameter, its source's member, and what the output calls the ARN."""

    @implements("sagemaker", operation)
    def describe(params: Params, where: Where) -> Response:
        arn = params[name]
        if not arn.startswith("arn:"):
            raise NotModelled(f"{operation} by a name that is no ARN")
        if (found := where.table(ENTITIES).get(arn)) is None:
            raise _not_found(arn)
        said = {source: found["source"]} if found["source"] else None
        return {named["arn"]: arn, **({"Source": said} if said else {})}


_describes("DescribeArtifact", "ArtifactArn", "SourceUri", arn="ArtifactArn")
_describes("DescribeAction", "ActionName", "SourceUri", arn="ActionArn")
_describes("DescribeContext", "ContextName", "SourceUri", arn="ContextArn")
_describes("DescribeTrialComponent", "TrialComponentName", "SourceArn", arn="TrialComponentArn")


def _not_found(arn: str) -> Refusal:
    return Refusal("ResourceNotFound", f"{arn} does not exist")
