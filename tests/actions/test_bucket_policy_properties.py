"""Laws of merging statements into a bucket policy and removing them again."""

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

CORDON_SIDS = ("CordonDenyOutsiders", "CordonDenyWrites", "CordonDenyEveryone")
TEXT = st.text(max_size=12)
SIDS = st.one_of(TEXT, st.sampled_from([*CORDON_SIDS, "CordonDenyWrites2", "CordonDenyWrites3"]))
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
    """S3 rejects a policy with a duplicate Sid."""
    used = [s["Sid"] for s in statements if "Sid" in s]
    return len(used) == len(set(used))


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
ADDED = st.sets(st.sampled_from(CORDON_SIDS), min_size=1).map(
    lambda names: [{"Sid": n, "Effect": "Deny", "Principal": "*"} for n in sorted(names)]
)


def _statements(policy: str | None) -> list[dict[str, Any]]:
    if policy is None:
        return []
    raw = json.loads(policy)["Statement"]
    return [raw] if isinstance(raw, dict) else list(raw)


def _respelled(policy: str, seed: int) -> str:
    """An equal policy with another order and other forms of single values."""
    document = json.loads(policy)
    statements = _statements(policy)
    shift = seed % len(statements)
    rotated = [*statements[shift:], *statements[:shift]]
    for statement in rotated:
        for name in ("Action", "Resource", "NotAction"):
            value = statement.get(name)
            if isinstance(value, str):
                statement[name] = [value]
            elif isinstance(value, list):
                statement[name] = value[0] if len(value) == 1 else [*reversed(value)]
    return json.dumps({**document, "Statement": rotated}, indent=1)


@given(BASE, ADDED)
def test_unmerge_restores_a_merged_base(base: str | None, added: list[dict[str, Any]]) -> None:
    assert unmerge(merge(base, added), base, CORDON_SIDS) == base


@given(POLICY, ADDED)
def test_unmerge_restores_a_replaced_base(base: str, added: list[dict[str, Any]]) -> None:
    assert unmerge(replacement(base, added), base, CORDON_SIDS) == base


@given(BASE, ADDED, ADDED)
def test_second_merge_replaces_the_first(
    base: str | None, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    again = merge(unmerge(merge(base, first), base, CORDON_SIDS), second)
    assert again == merge(base, second)


@given(BASE, ADDED)
def test_merge_keeps_the_base_and_adds_each_statement(
    base: str | None, added: list[dict[str, Any]]
) -> None:
    merged = _statements(merge(base, added))
    base_statements = _statements(base)
    assert merged[: len(base_statements)] == base_statements
    assert len(merged) == len(base_statements) + len(added)
    assert _unique_sids(merged)


@given(BASE, ADDED, st.integers(0, 5))
def test_unmerge_ignores_respelling(
    base: str | None, added: list[dict[str, Any]], seed: int
) -> None:
    merged = merge(base, added)
    respelled = _respelled(merged, seed)
    assert equal(respelled, merged)
    assert unmerge(respelled, base, CORDON_SIDS) == base


@given(BASE, ADDED, STATEMENT, st.booleans())
def test_unmerge_keeps_a_persons_statement(
    base: str | None, added: list[dict[str, Any]], manual: dict[str, Any], replaced: bool
) -> None:
    manual = {**manual, "Sid": "WrittenManually"}
    contained = replacement(base, added) if replaced and base else merge(base, added)
    document = json.loads(contained)
    changed = json.dumps({**document, "Statement": [manual, *document["Statement"]]})
    rest = unmerge(changed, base, CORDON_SIDS)
    kept = _statements(rest)
    assert manual in kept
    assert [s for s in kept if s != manual] == ([] if replaced and base else _statements(base))
    assert rest is not None
    expected = json.loads(base or "{}") if not (replaced and base) else {}
    assert json.loads(rest).get("Id") == expected.get("Id")


@given(BASE, POLICY.filter(lambda policy: not _has_cordon_part(policy)))
def test_unmerge_returns_a_foreign_policy_unchanged(base: str | None, current: str) -> None:
    rest = unmerge(current, base, CORDON_SIDS)
    assert rest == (base if equal(current, base) else current)


def _has_cordon_part(policy: str) -> bool:
    is_replacement = str(json.loads(policy).get("Id", "")).startswith(REPLACEMENT)
    return is_replacement or any(sid.startswith("CordonDeny") for sid in sids(policy))


@given(POLICY, POLICY)
def test_equal_is_reflexive_and_symmetric(left: str, right: str) -> None:
    assert equal(left, left)
    assert equal(left, right) == equal(right, left)
    assert not equal(left, None)
    assert not equal(None, left)


@given(POLICY, TEXT)
def test_additional_statement_is_a_difference(policy: str, action: str) -> None:
    more = {
        "Effect": "Allow",
        "NotPrincipal": "*",
        "Action": action,
    }  # no generated statement equals it
    document = {**json.loads(policy), "Statement": [*_statements(policy), more]}
    assert not equal(policy, json.dumps(document))


@settings(max_examples=25)
@given(st.recursive(st.none() | st.booleans() | TEXT, st.lists, max_leaves=4))
def test_check_rejects_json_that_is_not_a_policy(value: object) -> None:
    with pytest.raises(Unreadable):
        check(json.dumps(value))


def test_check_rejects_text_that_is_not_json() -> None:
    with pytest.raises(Unreadable):
        check("{")


@pytest.mark.parametrize(
    ("left", "right", "are_equal"),
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
def test_principals_compare_by_meaning(left: object, right: object, are_equal: bool) -> None:
    first, second = (
        json.dumps({"Statement": {"Effect": "Allow", "Principal": p}}) for p in (left, right)
    )
    assert equal(first, second) is are_equal


def test_condition_values_compare_as_text() -> None:
    def policy(value: object) -> str:
        return json.dumps({"Statement": [{"Condition": {"Bool": {"aws:SecureTransport": value}}}]})

    assert equal(policy(False), policy(["false"]))
    assert not equal(policy(False), policy("true"))


def test_persons_statement_with_a_cordon_sid_stays() -> None:
    """Also if an earlier Cordon left it there: the captured policy is restored."""
    statement = {"Sid": "CordonDenyWrites", "Effect": "Allow", "Principal": "*", "Action": "s3:*"}
    base = json.dumps({"Statement": statement})
    merged = merge(base, [{"Sid": "CordonDenyWrites", "Effect": "Deny"}])
    assert sids(merged) == ("CordonDenyWrites", "CordonDenyWrites2")
    assert unmerge(merged, base, CORDON_SIDS) == base


def test_size_counts_bytes() -> None:
    merged = merge(json.dumps({"Statement": [{"Sid": "é" * 100}]}), [])
    assert size(merged) == len(merged.encode()) >= len("é".encode()) * 100
    assert LIMIT == 20480
