"""The algebra of bucket policies: what is put in comes out again, and nothing else moves."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordon.actions.bucket_policy import (
    LIMIT,
    REPLACEMENT,
    Unreadable,
    check,
    equal,
    merge,
    replacement,
    sids,
    size,
    unmerge,
)

OURS_NAMED = ("CordonDenyOutsiders", "CordonDenyWrites", "CordonDenyEveryone")
TEXT = st.text(max_size=12)
SIDS = st.one_of(TEXT, st.sampled_from([*OURS_NAMED, "CordonDenyWrites2", "CordonDenyWrites3"]))
ONE_OR_MANY = st.one_of(TEXT, st.lists(TEXT, min_size=1, max_size=3))
PRINCIPAL = st.one_of(
    st.just("*"),
    st.dictionaries(st.sampled_from(["AWS", "Service", "Federated"]), ONE_OR_MANY, min_size=1),
)
CONDITION = st.dictionaries(
    st.sampled_from(["StringEquals", "Bool", "NumericLessThan"]),
    st.dictionaries(
        TEXT, st.one_of(TEXT, st.booleans(), st.integers(), st.lists(TEXT, min_size=1)), min_size=1
    ),
)
STATEMENT = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": PRINCIPAL,
        "Action": ONE_OR_MANY,
        "Resource": ONE_OR_MANY,
    },
    optional={"Sid": SIDS, "Condition": CONDITION},
)


def _unique_sids(statements: list[dict[str, Any]]) -> bool:
    """S3 takes no policy that has a Sid twice."""
    named = [s["Sid"] for s in statements if "Sid" in s]
    return len(named) == len(set(named))


DOCUMENT = st.fixed_dictionaries(
    {
        "Statement": st.one_of(
            STATEMENT, st.lists(STATEMENT, min_size=1, max_size=4).filter(_unique_sids)
        )
    },
    optional={
        "Version": st.sampled_from(["2012-10-17", "2008-10-17"]),
        "Id": st.one_of(TEXT, st.just(REPLACEMENT)),
    },
)
POLICY = st.builds(
    lambda document, indent, ascii_only: json.dumps(
        document, indent=indent, ensure_ascii=ascii_only
    ),
    DOCUMENT,
    st.sampled_from([None, 2]),
    st.booleans(),
)
BASE = st.one_of(st.none(), POLICY)
OURS = st.sets(st.sampled_from(OURS_NAMED), min_size=1).map(
    lambda names: [{"Sid": n, "Effect": "Deny", "Principal": "*"} for n in sorted(names)]
)


def _statements(policy: str | None) -> list[dict[str, Any]]:
    if policy is None:
        return []
    found = json.loads(policy)["Statement"]
    return [found] if isinstance(found, dict) else list(found)


def _as_s3_may_show(policy: str, seed: int) -> str:
    """The same policy, spelt another way: order, single values, account ids."""
    document = json.loads(policy)
    statements = _statements(policy)
    shift = seed % len(statements)
    turned = [*statements[shift:], *statements[:shift]]
    for statement in turned:
        for name in ("Action", "Resource", "NotAction"):
            value = statement.get(name)
            if isinstance(value, str):
                statement[name] = [value]
            elif isinstance(value, list):
                statement[name] = value[0] if len(value) == 1 else [*reversed(value)]
    return json.dumps({**document, "Statement": turned}, indent=1)


@given(BASE, OURS)
def test_what_is_merged_comes_out_to_the_byte(base: str | None, ours: list[dict[str, Any]]) -> None:
    assert unmerge(merge(base, ours), base, OURS_NAMED) == base


@given(POLICY, OURS)
def test_a_stand_in_gives_way_to_the_byte(base: str, ours: list[dict[str, Any]]) -> None:
    assert unmerge(replacement(base, ours), base, OURS_NAMED) == base


@given(BASE, OURS, OURS)
def test_ours_replace_ours(
    base: str | None, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    again = merge(unmerge(merge(base, first), base, OURS_NAMED), second)
    assert again == merge(base, second)


@given(BASE, OURS)
def test_every_statement_of_the_base_stays_and_each_of_ours_is_there_once(
    base: str | None, ours: list[dict[str, Any]]
) -> None:
    merged = _statements(merge(base, ours))
    theirs = _statements(base)
    assert merged[: len(theirs)] == theirs
    assert len(merged) == len(theirs) + len(ours)
    assert _unique_sids(merged)


@given(BASE, OURS, st.integers(0, 5))
def test_spelling_is_no_difference(base: str | None, ours: list[dict[str, Any]], seed: int) -> None:
    merged = merge(base, ours)
    shown = _as_s3_may_show(merged, seed)
    assert equal(shown, merged)
    assert unmerge(shown, base, OURS_NAMED) == base


@given(BASE, OURS, STATEMENT, st.booleans())
def test_a_persons_statement_stays(
    base: str | None, ours: list[dict[str, Any]], theirs: dict[str, Any], alone: bool
) -> None:
    theirs = {**theirs, "Sid": "WrittenByHand"}
    held = replacement(base, ours) if alone and base else merge(base, ours)
    document = json.loads(held)
    changed = json.dumps({**document, "Statement": [theirs, *document["Statement"]]})
    rest = unmerge(changed, base, OURS_NAMED)
    kept = _statements(rest)
    assert theirs in kept
    assert [s for s in kept if s != theirs] == ([] if alone and base else _statements(base))
    assert rest is not None
    expected = json.loads(base or "{}") if not (alone and base) else {}
    assert json.loads(rest).get("Id") == expected.get("Id")


@given(BASE, POLICY.filter(lambda policy: not _ours_in(policy)))
def test_a_policy_without_ours_is_left_alone(base: str | None, current: str) -> None:
    rest = unmerge(current, base, OURS_NAMED)
    assert rest == (base if equal(current, base) else current)


def _ours_in(policy: str) -> bool:
    marked = str(json.loads(policy).get("Id", "")).startswith(REPLACEMENT)
    return marked or any(sid.startswith("CordonDeny") for sid in sids(policy))


@given(POLICY, POLICY)
def test_same_is_an_equality(one: str, other: str) -> None:
    assert equal(one, one)
    assert equal(one, other) == equal(other, one)
    assert not equal(one, None)
    assert not equal(None, one)


@given(POLICY, TEXT)
def test_one_more_statement_is_a_difference(policy: str, action: str) -> None:
    more = {"Effect": "Allow", "NotPrincipal": "*", "Action": action}  # no statement is like it
    document = {**json.loads(policy), "Statement": [*_statements(policy), more]}
    assert not equal(policy, json.dumps(document))


@settings(max_examples=25)
@given(st.recursive(st.none() | st.booleans() | TEXT, st.lists, max_leaves=4))
def test_what_is_no_policy_is_named_so(value: object) -> None:
    with pytest.raises(Unreadable):
        check(json.dumps(value))


def test_text_that_is_not_json_is_named_so() -> None:
    with pytest.raises(Unreadable):
        check("{")


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ({"AWS": "*"}, "*", True),
        ({"AWS": "111122223333"}, {"AWS": ["arn:aws:iam::111122223333:root"]}, True),
        ({"AWS": "111122223333"}, {"AWS": "arn:aws-cn:iam::111122223333:root"}, True),
        ({"AWS": ["b", "a"]}, {"AWS": ["a", "b", "a"]}, True),
        ({"AWS": "arn:aws:iam::111122223333:role/app"}, {"AWS": "AROAEXAMPLEID"}, False),
        ({"AWS": "*"}, {"Service": "*"}, False),
        ({"AWS": "*", "Service": "a"}, "*", False),
    ],
)
def test_principals(one: object, other: object, alike: bool) -> None:
    first, second = (
        json.dumps({"Statement": {"Effect": "Allow", "Principal": p}}) for p in (one, other)
    )
    assert equal(first, second) is alike


def test_condition_values_are_text_to_iam() -> None:
    def policy(value: object) -> str:
        return json.dumps({"Statement": [{"Condition": {"Bool": {"aws:SecureTransport": value}}}]})

    assert equal(policy(False), policy(["false"]))
    assert not equal(policy(False), policy("true"))


def test_a_sid_of_ours_written_by_a_person_stays_theirs() -> None:
    """Also when it is what an earlier Cordon left behind: what was captured is put back."""
    theirs = {"Sid": "CordonDenyWrites", "Effect": "Allow", "Principal": "*", "Action": "s3:*"}
    base = json.dumps({"Statement": theirs})
    merged = merge(base, [{"Sid": "CordonDenyWrites", "Effect": "Deny"}])
    assert sids(merged) == ("CordonDenyWrites", "CordonDenyWrites2")
    assert unmerge(merged, base, OURS_NAMED) == base


def test_size_is_in_bytes_and_never_less_than_s3_counts() -> None:
    merged = merge(json.dumps({"Statement": [{"Sid": "é" * 100}]}), [])
    assert size(merged) == len(merged.encode()) >= len("é".encode()) * 100
    assert LIMIT == 20480
