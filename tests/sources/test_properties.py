"""Properties of every parser: fields are optional, errors name their field, text is safe."""

import copy
import dataclasses
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cordon.finding import Finding, Malformed
from cordon.sources import read
from cordon.sources.text import is_printable
from tests.sources import samples
from tests.sources.whole import whole_asff, whole_guardduty, whole_macie

Path = tuple[str | int, ...]
EVENTS = {name: make() for name, make in samples.ALL.items()} | {
    "whole guardduty": whole_guardduty(),
    "whole macie": whole_macie(),
    "whole asff": whole_asff(),
}
_FINDING: Path = ("detail", "findings", 0)
_HUB_TIMES: tuple[Path, ...] = ((*_FINDING, "UpdatedAt"), (*_FINDING, "LastObservedAt"))
_ASFF: set[Path] = {
    (*_FINDING, "Id"),
    (*_FINDING, "ProductArn"),
    (*_FINDING, "AwsAccountId"),
    (*_FINDING, "Types"),
    *_HUB_TIMES,
}
_GUARDDUTY: set[Path] = {
    ("detail", key) for key in ("id", "accountId", "region", "type", "updatedAt")
}
_OCSF: set[Path] = {
    (*_FINDING, "class_uid"),
    (*_FINDING, "finding_info", "uid"),
    (*_FINDING, "finding_info", "types"),
    (*_FINDING, "finding_info", "modified_time_dt"),
    (*_FINDING, "metadata", "product", "uid"),
    (*_FINDING, "cloud", "account", "uid"),
    (*_FINDING, "cloud", "region"),
}
REQUIRED: dict[str, set[Path]] = {
    "guardduty": _GUARDDUTY,
    "sequence": _GUARDDUTY,
    "whole guardduty": _GUARDDUTY,
    "macie": _GUARDDUTY,
    "whole macie": _GUARDDUTY,
    "config": {
        ("detail", key)
        for key in (
            "messageType",
            "awsAccountId",
            "awsRegion",
            "configRuleName",
            "resourceType",
            "resourceId",
            "notificationCreationTime",
        )
    },
    "asff": _ASFF,
    "control": _ASFF,
    "whole asff": _ASFF,
    "custom_action": _ASFF,
    "ocsf": _OCSF,
    "ocsf_control": _OCSF,
}
# The members that identify a resource are not optional.
_NAMING = ("Id", "uid", "uid_alt", "name", "arn", "Type", "type", "resourceType")
HOSTILE = "a\x00b\x1b[31m\r\nc\x7f\x85\x9b\u202e\u2066\u200b\u2028\u2029\ud800\ufeff\U000e0041|<b>`"
GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.just(10**400),
    st.text(max_size=40),
    st.just(HOSTILE),
    st.just("x" * 5000),
    st.just("arn:aws:s3:::x/../y"),
    st.just("arn:aws:iam::111122223333:role/a b"),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=5)), max_size=3),
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers()), max_size=3),
)
FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """The path of every node below the root."""
    members: Any = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    for key, member in members:
        yield (*here, key)
        yield from paths(member, (*here, key))


def put(event: Any, path: Path, value: Any) -> None:
    """Replace the node at the path."""
    at(event, path[:-1])[path[-1]] = value


def at(event: Any, path: Path) -> Any:
    """The node at the path."""
    for key in path:
        event = event[key]
    return event


PATHS = {name: list(paths(event)) for name, event in EVENTS.items()}


@cache
def optional(name: str) -> list[Path]:
    """The members of objects that may be missing, alone or together."""
    required = REQUIRED[name]
    kept = {path[:n] for path in required for n in range(len(path) + 1)} | required
    return [
        path
        for path in PATHS[name]
        if path[0] == "detail"
        and path not in kept
        and path != ("detail", "findings")
        and isinstance(path[-1], str)
        and path[-1] not in _NAMING
    ]


def strings(value: Any) -> Iterator[str]:
    """Every string of a finding."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from strings(member)
    else:
        assert value is None or isinstance(value, bool | int | datetime | Enum)


def attempt(event: Any) -> Finding | None:
    """The finding, or None if the event is Malformed with a field name."""
    try:
        return read(event)
    except Malformed as malformed:
        parts = ("detail", "resources", "source", "event")
        assert malformed.field.startswith(parts), malformed.field
        assert is_printable(str(malformed))
        return None


@pytest.mark.parametrize("name", EVENTS)
def test_full_event_is_parsed(name: str) -> None:
    finding = read(EVENTS[name])
    assert finding.place.account == samples.ACCOUNT
    assert finding.place.region == samples.REGION
    assert finding.authored_by_aws


@pytest.mark.parametrize("name", EVENTS)
@FEW
@given(data=st.data())
def test_any_optional_fields_may_be_missing(name: str, data: st.DataObject) -> None:
    event = copy.deepcopy(EVENTS[name])
    for path in data.draw(st.lists(st.sampled_from(optional(name)), max_size=25)):
        try:
            at(event, path[:-1]).pop(path[-1], None)
        except KeyError:
            continue  # already removed with its parent
    assert read(event).id == read(EVENTS[name]).id


@pytest.mark.parametrize("name", EVENTS)
def test_all_optional_fields_may_be_missing(name: str) -> None:
    event = copy.deepcopy(EVENTS[name])
    for path in sorted(optional(name), key=len, reverse=True):
        at(event, path[:-1]).pop(path[-1], None)
    read(event)


@pytest.mark.parametrize("name", EVENTS)
def test_missing_required_field_is_named(name: str) -> None:
    times = ("updatedAt", "UpdatedAt", "LastObservedAt", "modified_time_dt")
    for path in REQUIRED[name]:
        if path[-1] in (*times, "notificationCreationTime", "Types", "types"):
            continue  # another field can replace it
        event = copy.deepcopy(EVENTS[name])
        del at(event, path[:-1])[path[-1]]
        with pytest.raises(Malformed) as raised:
            read(event)
        assert raised.value.field.endswith(str(path[-1]))


@pytest.mark.parametrize("name", EVENTS)
@FEW
@given(data=st.data())
def test_garbage_is_parsed_or_malformed(name: str, data: st.DataObject) -> None:
    event = copy.deepcopy(EVENTS[name])
    path = data.draw(st.sampled_from(PATHS[name]))
    put(event, path, data.draw(GARBAGE))
    attempt(event)


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("form", ["{hostile}", "{given}{hostile}", "{hostile}{given}"])
def test_hostile_text_is_removed(name: str, form: str) -> None:
    event = copy.deepcopy(EVENTS[name])
    for path in PATHS[name]:
        given = at(EVENTS[name], path)
        if not isinstance(given, str):
            continue
        put(event, path, form.format(given=given, hostile=HOSTILE))
        finding = attempt(event)
        put(event, path, given)
        for text in strings(dataclasses.asdict(finding)) if finding else ():
            assert is_printable(text), (path, text)
            assert len(text) <= 2048, (path, len(text))


@given(event=st.recursive(GARBAGE, lambda inner: st.dictionaries(st.text(), inner), max_leaves=5))
@FEW
def test_arbitrary_input_is_malformed(event: Any) -> None:
    with pytest.raises(Malformed):
        read(event)
