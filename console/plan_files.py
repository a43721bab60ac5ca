"""Where the plan of a sample event is: beside it."""

from pathlib import Path

SUFFIX = ".plan.json"


def expectation_path(event: Path) -> Path:
    """Where the expectation of an event is."""
    return event.with_name(event.name.removesuffix(".json") + SUFFIX)
