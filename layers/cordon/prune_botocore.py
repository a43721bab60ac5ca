"""Reduce botocore's data to the operations that Cordon calls (operations.txt).

botocore describes every operation of every AWS service. It reads all operations of a service at
the service's first client. This script keeps the listed operations and the shapes that they use,
without documentation; their paginators; and the services' endpoint rules. It keeps no waiters,
because the code uses none. ``endpoints.json`` keeps these services in every partition and Region.

    python3 prune_botocore.py operations.txt BUILT/python   (changes BUILT/python/botocore in place)
"""

import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def listed(operations: Path) -> dict[str, set[str]]:
    """Operations by service, from lines such as ``s3 PutObject``. ``#`` starts a comment."""
    result = defaultdict(set)
    for line in operations.read_text().splitlines():
        if words := line.partition("#")[0].split():
            service, operation = words
            result[service].add(operation)
    return dict(result)


def pruned_model(model: Json, operations: set[str]) -> Json:
    """The service model with these operations only. KeyError if one does not exist."""
    kept = {name: model["operations"][name] for name in sorted(operations)}
    shapes = {name: model["shapes"][name] for name in sorted(reachable(kept, model["shapes"]))}
    # Keep the rest, because botocore reads the documentation of S3's clientContextParams.
    return {**model, **without_documentation({"operations": kept, "shapes": shapes})}


def reachable(operations: Mapping[str, Json], shapes: Mapping[str, Json]) -> set[str]:
    """The names of all shapes in the inputs, outputs and errors of the operations."""
    result: set[str] = set()
    pending = list(references(list(operations.values())))
    while pending:
        name = pending.pop()
        if name not in result:
            result.add(name)
            pending += references(shapes[name])
    return result


def references(node: Any) -> Iterator[str]:
    """Every ``{"shape": name}`` below a node. A member can also be named "shape"."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from references(value)


def without_documentation(node: Any) -> Any:
    """The node without documentation texts. A member named "documentation" is not a text."""
    if isinstance(node, list):
        return [without_documentation(item) for item in node]
    if isinstance(node, dict):
        return {
            key: without_documentation(value)
            for key, value in node.items()
            if not (key in ("documentation", "documentationUrl") and isinstance(value, str))
        }
    return node


def pruned_endpoints(endpoints: Json, prefixes: set[str]) -> Json:
    """Every partition and Region, with these services only."""
    return {
        **endpoints,
        "partitions": [
            {**p, "services": {k: v for k, v in p["services"].items() if k in prefixes}}
            for p in endpoints["partitions"]
        ],
    }


def prune(operations: dict[str, set[str]], source: Path, target: Path) -> None:
    """Write to ``target`` the part of botocore's data in ``source`` that the operations need."""
    from botocore.loaders import Loader  # of the botocore in the layer

    loader = Loader(extra_search_paths=[str(source)], include_default_search_paths=False)
    prefixes = set()
    for service, names in operations.items():
        version = loader.determine_latest_version(service, "service-2")
        model = loader.load_service_model(service, "service-2", version)
        pages = loader.load_service_model(service, "paginators-1", version)["pagination"]
        rules = loader.load_service_model(service, "endpoint-rule-set-1", version)
        prefixes.add(model["metadata"]["endpointPrefix"])
        folder = target / service / version
        write(folder / "service-2.json", pruned_model(model, names))
        write(folder / "endpoint-rule-set-1.json", rules)
        kept = {name: pages[name] for name in sorted(names & pages.keys())}
        write(folder / "paginators-1.json", {"pagination": kept})
    for path in source.glob("*.json"):
        shutil.copyfile(path, target / path.name)
    endpoints = loader.load_data("endpoints")
    write(target / "endpoints.json", pruned_endpoints(endpoints, prefixes))


def write(path: Path, content: Any) -> None:
    """Write JSON. Not compressed, because unpacking at a cold start is slower than reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    built = Path(sys.argv[2])
    sys.path.insert(0, str(built))
    data = built / "botocore" / "data"
    all_data = data.rename(data.with_name("data-of-all-services"))
    prune(listed(Path(sys.argv[1])), all_data, data)
    shutil.rmtree(all_data)
