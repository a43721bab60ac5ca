"""Laws of merging statements into a bucket policy and removing them again."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordon.actions.policy_text import (
    REPLACEMENT,
    Unreadable,
    check,
    deleted_principals,
    denies_first,
    digest,
    equal,
    listed,
    merge,
    names,
    numbers,
    open_to_everybody,
    part,
    replacement,
    sids,
    size,
    unmerge,
)

CORDON_SIDS = (
    "CordonDenyOutsiders",
    "CordonDenyWrites",
    "CordonDenyEveryone",
    "CordonDenyQuarantinedObjects",
)
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


REPLACEMENT_IDS = [
    REPLACEMENT,
    f"{REPLACEMENT} without statements 1",
    f"{REPLACEMENT}2 without statements 1-2",
]


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
        "Id": st.one_of(TEXT, st.sampled_from(REPLACEMENT_IDS)),
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


KEPT = st.sets(st.integers(1, 4))  # a policy here has four statements at most


@given(POLICY, ADDED, KEPT)
def test_unmerge_restores_a_replaced_base(
    base: str, added: list[dict[str, Any]], kept: set[int]
) -> None:
    assert unmerge(replacement(base, added, kept), base, CORDON_SIDS) == base


@given(POLICY, KEPT.filter(bool))
def test_unmerge_restores_a_base_that_is_partly_back(base: str, kept: set[int]) -> None:
    """An undo that died: Cordon's statements are out, a part of the base is in."""
    assert unmerge(replacement(base, (), kept), base, CORDON_SIDS) == base


@given(POLICY, ADDED, KEPT)
def test_replacement_has_each_kept_statement_and_each_deny_first(
    base: str, added: list[dict[str, Any]], kept: set[int]
) -> None:
    own = _statements(base)
    theirs = _statements(replacement(base, added, kept))[len(added) :]
    expected = [own[n - 1] for n in denies_first(base) if n in kept]
    if kept < set(numbers(base)):
        assert theirs == expected
        effects = [statement["Effect"] for statement in theirs]
        assert effects == sorted(effects, reverse=True)
    assert _statements(part(base, kept)) == [s for n, s in enumerate(own, 1) if n in kept]


@given(POLICY, ADDED, KEPT, STATEMENT)
def test_unmerge_keeps_a_persons_statement_in_a_replacement(
    base: str, added: list[dict[str, Any]], kept: set[int], manual: dict[str, Any]
) -> None:
    manual = {**manual, "Sid": "WrittenManually"}
    document = json.loads(replacement(base, added, kept))
    changed = json.dumps({**document, "Statement": [manual, *document["Statement"]]})
    rest = unmerge(changed, base, CORDON_SIDS)
    assert rest is not None
    assert sorted(map(_text, _statements(rest))) == sorted(map(_text, [*_statements(base), manual]))
    assert {k: v for k, v in json.loads(rest).items() if k != "Statement"} == {
        k: v for k, v in json.loads(base).items() if k != "Statement"
    }


def _text(statement: dict[str, Any]) -> str:
    return json.dumps(statement, sort_keys=True)


@given(POLICY, ADDED, KEPT, st.integers(0, 3))
def test_unmerge_takes_out_what_a_person_took_out_of_a_replacement(
    base: str, added: list[dict[str, Any]], kept: set[int], which: int
) -> None:
    document = json.loads(replacement(base, added, kept))
    own = _statements(base)
    theirs = [n for n in denies_first(base) if n in kept]
    if not theirs or set(numbers(base)) <= kept:
        return  # nothing of the owner's is in it, or all is: then it is the merged policy
    taken_out = theirs[which % len(theirs)]
    position = len(added) + theirs.index(taken_out)
    del document["Statement"][position]
    rest = unmerge(json.dumps(document), base, CORDON_SIDS)
    expected = [s for n, s in enumerate(own, 1) if n != taken_out]
    assert sorted(map(_text, _statements(rest))) == sorted(map(_text, expected))


@given(POLICY, POLICY)
def test_digests_are_equal_where_policies_are(left: str, right: str) -> None:
    assert (digest(left) == digest(right)) is equal(left, right)
    assert digest(None) is None


@given(BASE, ADDED, st.integers(0, 5))
def test_respelling_keeps_the_digest(
    base: str | None, added: list[dict[str, Any]], seed: int
) -> None:
    merged = merge(base, added)
    assert digest(_respelled(merged, seed)) == digest(merged)


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


@given(BASE, ADDED, STATEMENT)
def test_unmerge_keeps_a_persons_statement(
    base: str | None, added: list[dict[str, Any]], manual: dict[str, Any]
) -> None:
    manual = {**manual, "Sid": "WrittenManually"}
    document = json.loads(merge(base, added))
    changed = json.dumps({**document, "Statement": [manual, *document["Statement"]]})
    rest = unmerge(changed, base, CORDON_SIDS)
    kept = _statements(rest)
    assert manual in kept
    assert [s for s in kept if s != manual] == _statements(base)
    assert rest is not None
    assert json.loads(rest).get("Id") == json.loads(base or "{}").get("Id")


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


def test_a_persons_statement_gets_a_number_where_the_base_has_its_sid() -> None:
    """S3 takes no two statements with one Sid."""
    base = json.dumps({"Statement": [{"Sid": "A", "Effect": "Allow", "Principal": "*"}]})
    document = json.loads(replacement(base, [], ()))
    theirs = {"Sid": "A", "Effect": "Deny", "Principal": "*"}
    rest = unmerge(json.dumps({**document, "Statement": [theirs]}), base, CORDON_SIDS)
    assert sids(rest) == ("A", "A2")


def test_the_id_of_a_replacement_names_what_is_left_out() -> None:
    base = json.dumps({"Statement": [{"Sid": str(n), "Effect": "Allow"} for n in range(1, 9)]})
    assert json.loads(replacement(base, [], {1, 5, 8}))["Id"] == (
        "CordonReplacement without statements 2-4,6-7"
    )


@pytest.mark.parametrize("numbers_text", ["", "x", "1-", "1,,2", "1 "])
def test_an_id_that_is_no_list_of_numbers_is_a_persons(numbers_text: str) -> None:
    base = json.dumps({"Statement": [{"Effect": "Allow"}, {"Effect": "Deny"}]})
    theirs = json.dumps({"Id": f"{REPLACEMENT} without statements {numbers_text}", "Statement": []})
    assert unmerge(theirs, base, CORDON_SIDS) == theirs


def test_names_are_sids_or_numbers() -> None:
    policy = json.dumps({"Statement": [{"Sid": "A"}, {}, {"Sid": "C"}]})
    assert names(policy, {3, 2}) == ["number 2", "C"]


def test_of_many_names_the_middle_is_counted() -> None:
    text = listed([f"s{n}" for n in range(30)])
    assert text.startswith("s0, s1, ")
    assert "(18 more)" in text
    assert text.endswith("s28, s29")
    assert listed(["a", "b"]) == "a, b"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Effect": "Allow", "Principal": "*"}, True),
        ({"Effect": "Allow", "Principal": {"AWS": ["*"]}}, True),
        ({"Effect": "Allow", "NotPrincipal": {"AWS": "1"}}, True),
        ({"Effect": "Allow", "Principal": {"AWS": "111122223333"}}, False),
        ({"Effect": "Deny", "Principal": "*"}, False),
        ({"Effect": "Allow", "Principal": "*", "Condition": {"Bool": {"a": "b"}}}, False),
    ],
)
def test_who_open_to_everybody(statement: dict[str, Any], expected: bool) -> None:
    assert (open_to_everybody(json.dumps({"Statement": statement})) == {1}) is expected


def test_deleted_principals_are_unique_ids() -> None:
    policy = json.dumps(
        {
            "Statement": [
                {"Principal": {"AWS": ["AROAEXAMPLEIDOFAPPXY", "111122223333"]}},
                {"Principal": "*", "Condition": {"StringLike": {"aws:userid": "AROAEXAMPLEID:x"}}},
                {"NotPrincipal": {"AWS": "AIDAEXAMPLEIDOFAPPXY"}},
            ]
        }
    )
    assert deleted_principals(policy) == {
        1: ["AROAEXAMPLEIDOFAPPXY"],
        3: ["AIDAEXAMPLEIDOFAPPXY"],
    }
