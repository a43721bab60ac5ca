"""Patterns as EventBridge documents them, and what PutRule refuses.

Cases follow "Comparison operators for use in event patterns in Amazon EventBridge", "Null values
and empty strings" and "Arrays" of the EventBridge user guide, and event-ruler's README (array
consistency); values are our own.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.event_patterns import BadPattern, check, matches

Json = dict[str, Any]

MATCHING: list[tuple[str, Json, Json, bool]] = [
    # and, or
    ("and", {"a": ["x"], "b": ["y"]}, {"a": "x", "b": "y"}, True),
    ("and, one differs", {"a": ["x"], "b": ["y"]}, {"a": "x", "b": "z"}, False),
    ("or of values", {"a": ["x", "y"]}, {"a": "y"}, True),
    ("or of values, none", {"a": ["x", "y"]}, {"a": "z"}, False),
    ("or of fields, first", {"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "x"}, True),
    ("or of fields, second", {"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True),
    ("or of fields, none", {"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "y", "b": "x"}, False),
    (
        "or beside and",
        {"s": ["q"], "$or": [{"a": ["x"]}, {"b": [{"numeric": [">", 5]}]}]},
        {"s": "q", "b": 6},
        True,
    ),
    (
        "or beside and, the and fails",
        {"s": ["q"], "$or": [{"a": ["x"]}, {"b": ["y"]}]},
        {"s": "r", "b": "y"},
        False,
    ),
    (
        "or with an and inside",
        {"$or": [{"a": ["x"]}, {"b": ["y"], "c": ["z"]}]},
        {"b": "y", "c": "w"},
        False,
    ),
    ("or within", {"d": {"$or": [{"a": ["x"]}, {"b": ["y"]}]}}, {"d": {"b": "y"}}, True),
    # equality
    ("text", {"a": ["Alice"]}, {"a": "Alice"}, True),
    ("text is case-sensitive", {"a": ["Alice"]}, {"a": "alice"}, False),
    ("empty text", {"a": [""]}, {"a": ""}, True),
    ("empty text is not absence", {"a": [""]}, {}, False),
    ("null", {"a": [None]}, {"a": None}, True),
    ("null is not empty text", {"a": [None]}, {"a": ""}, False),
    ("null is not absence", {"a": [None]}, {}, False),
    ("boolean", {"a": [True]}, {"a": True}, True),
    ("boolean is not text", {"a": [True]}, {"a": "true"}, False),
    ("boolean is not a number", {"a": [1]}, {"a": True}, False),
    ("number", {"a": [300]}, {"a": 300}, True),
    ("numbers compare as they are written", {"a": [300]}, {"a": 300.0}, False),
    ("number is not text", {"a": [300]}, {"a": "300"}, False),
    ("absent field", {"a": ["x"]}, {"b": "x"}, False),
    ("deeper field", {"a": {"b": {"c": ["x"]}}}, {"a": {"b": {"c": "x"}}}, True),
    ("deeper pattern than event", {"a": {"b": ["x"]}}, {"a": "x"}, False),
    # prefix, suffix, ignoring case
    ("prefix", {"a": [{"prefix": "us-"}]}, {"a": "us-east-1"}, True),
    ("prefix elsewhere", {"a": [{"prefix": "us-"}]}, {"a": "x-us-"}, False),
    ("prefix of a number", {"a": [{"prefix": "1"}]}, {"a": 12}, False),
    ("prefix, other case", {"a": [{"prefix": "us-"}]}, {"a": "US-east-1"}, False),
    (
        "prefix, ignoring case",
        {"a": [{"prefix": {"equals-ignore-case": "eventb"}}]},
        {"a": "EventBridge"},
        True,
    ),
    ("suffix", {"a": [{"suffix": ".png"}]}, {"a": "x.png"}, True),
    ("suffix elsewhere", {"a": [{"suffix": ".png"}]}, {"a": "x.png.txt"}, False),
    (
        "suffix, ignoring case",
        {"a": [{"suffix": {"equals-ignore-case": "tbridge"}}]},
        {"a": "EVENTBRIDGE"},
        True,
    ),
    ("ignoring case", {"a": [{"equals-ignore-case": "alice"}]}, {"a": "ALICE"}, True),
    ("ignoring case, other", {"a": [{"equals-ignore-case": "alice"}]}, {"a": "alicia"}, False),
    ("ignoring case, number", {"a": [{"equals-ignore-case": "1"}]}, {"a": 1}, False),
    # wildcard
    ("wildcard", {"a": [{"wildcard": "dir/*.png"}]}, {"a": "dir/x/y.png"}, True),
    ("wildcard, none", {"a": [{"wildcard": "dir/*.png"}]}, {"a": "dir/x.jpg"}, False),
    ("wildcard over nothing", {"a": [{"wildcard": "a*b"}]}, {"a": "ab"}, True),
    ("several wildcards", {"a": [{"wildcard": "*/lib/*"}]}, {"a": "x/lib/y"}, True),
    ("escaped star", {"a": [{"wildcard": r"a\*b"}]}, {"a": "a*b"}, True),
    ("escaped star is literal", {"a": [{"wildcard": r"a\*b"}]}, {"a": "axb"}, False),
    ("escaped backslash", {"a": [{"wildcard": r"a\\*"}]}, {"a": "a\\b"}, True),
    ("wildcard across lines", {"a": [{"wildcard": "a*b"}]}, {"a": "a\nb"}, True),
    ("question mark is literal", {"a": [{"wildcard": "a?*"}]}, {"a": "ab"}, False),
    # anything-but
    ("anything-but", {"a": [{"anything-but": "x"}]}, {"a": "y"}, True),
    ("anything-but, it", {"a": [{"anything-but": "x"}]}, {"a": "x"}, False),
    ("anything-but needs the field", {"a": [{"anything-but": "x"}]}, {}, False),
    ("anything-but a list", {"a": [{"anything-but": ["x", "y"]}]}, {"a": "y"}, False),
    ("anything-but a list, other", {"a": [{"anything-but": ["x", "y"]}]}, {"a": "z"}, True),
    ("anything-but numbers", {"a": [{"anything-but": [100, 200]}]}, {"a": 200}, False),
    ("anything-but numbers, other", {"a": [{"anything-but": [100, 200]}]}, {"a": 300}, True),
    ("anything-but, other kind", {"a": [{"anything-but": "x"}]}, {"a": 1}, True),
    ("anything-but prefix", {"a": [{"anything-but": {"prefix": "us-"}}]}, {"a": "eu-1"}, True),
    ("anything-but prefix, it", {"a": [{"anything-but": {"prefix": "us-"}}]}, {"a": "us-1"}, False),
    (
        "anything-but prefixes",
        {"a": [{"anything-but": {"prefix": ["us-", "eu-"]}}]},
        {"a": "eu-1"},
        False,
    ),
    ("anything-but suffix", {"a": [{"anything-but": {"suffix": ".png"}}]}, {"a": "x.png"}, False),
    (
        "anything-but ignoring case",
        {"a": [{"anything-but": {"equals-ignore-case": ["x", "y"]}}]},
        {"a": "Y"},
        False,
    ),
    (
        "anything-but wildcard",
        {"a": [{"anything-but": {"wildcard": "*/lib/*"}}]},
        {"a": "x/lib/y"},
        False,
    ),
    (
        "anything-but wildcard, other",
        {"a": [{"anything-but": {"wildcard": "*/lib/*"}}]},
        {"a": "x/bin/y"},
        True,
    ),
    # numeric
    ("numeric =", {"a": [{"numeric": ["=", 100]}]}, {"a": 100.0}, True),
    ("numeric = of text", {"a": [{"numeric": ["=", 100]}]}, {"a": "100"}, False),
    ("numeric range, low end", {"a": [{"numeric": [">", 10, "<=", 20]}]}, {"a": 10}, False),
    ("numeric range, high end", {"a": [{"numeric": [">", 10, "<=", 20]}]}, {"a": 20}, True),
    ("numeric range, above", {"a": [{"numeric": [">", 10, "<=", 20]}]}, {"a": 20.1}, False),
    ("numeric <", {"a": [{"numeric": ["<", 0]}]}, {"a": -1}, True),
    ("numeric >=", {"a": [{"numeric": [">=", 7]}]}, {"a": 7.0}, True),
    ("numeric of a boolean", {"a": [{"numeric": [">=", 0]}]}, {"a": True}, False),
    ("numeric of null", {"a": [{"numeric": [">=", 0]}]}, {"a": None}, False),
    # cidr
    ("cidr", {"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.255"}, True),
    ("cidr, outside", {"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.1.0"}, False),
    ("cidr, IPv6", {"a": [{"cidr": "2001:db8::/32"}]}, {"a": "2001:db8::1"}, True),
    ("cidr, not an address", {"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "ten"}, False),
    # exists: leaves only
    ("exists", {"a": [{"exists": True}]}, {"a": None}, True),
    ("exists, absent", {"a": [{"exists": True}]}, {"b": 1}, False),
    ("exists not", {"a": [{"exists": False}]}, {"b": 1}, True),
    ("exists not, present", {"a": [{"exists": False}]}, {"a": 1}, False),
    ("exists of an object", {"a": [{"exists": True}]}, {"a": {"b": 1}}, False),
    ("exists not, of an object", {"a": [{"exists": False}]}, {"a": {"b": 1}}, True),
    ("absent or one value", {"a": [{"exists": False}, "x"]}, {"a": "x"}, True),
    ("absent or one value, absent", {"a": [{"exists": False}, "x"]}, {}, True),
    ("absent or one value, other", {"a": [{"exists": False}, "x"]}, {"a": "y"}, False),
    # arrays
    ("array holds it", {"a": ["x"]}, {"a": ["w", "x"]}, True),
    ("array does not", {"a": ["x"]}, {"a": ["w", "v"]}, False),
    ("array, any of", {"a": ["x", "y"]}, {"a": ["y", "z"]}, True),
    ("array with a prefix", {"a": [{"prefix": "arn:"}]}, {"a": ["x", "arn:y"]}, True),
    ("array, anything-but one of two", {"a": [{"anything-but": "x"}]}, {"a": ["x", "y"]}, True),
    ("array, anything-but all", {"a": [{"anything-but": "x"}]}, {"a": ["x", "x"]}, False),
    ("empty array", {"a": [{"exists": True}]}, {"a": []}, False),
    ("array in an array", {"a": ["x"]}, {"a": [["w"], ["x"]]}, True),
    ("objects in an array", {"f": {"s": ["x"]}}, {"f": [{"s": "w"}, {"s": "x"}]}, True),
    (
        "one object has both",
        {"f": {"s": ["x"], "t": ["y"]}},
        {"f": [{"s": "x", "t": "y"}, {"s": "v", "t": "w"}]},
        True,
    ),
    (
        "two objects have one each",
        {"f": {"s": ["x"], "t": ["y"]}},
        {"f": [{"s": "x", "t": "w"}, {"s": "v", "t": "y"}]},
        False,
    ),
    (
        "consistent across $or",
        {"f": {"s": ["x"], "$or": [{"t": ["y"]}, {"u": ["z"]}]}},
        {"f": [{"s": "x", "t": "w"}, {"s": "v", "u": "z"}]},
        False,
    ),
    (
        "arrays inside objects of an array",
        {"f": {"r": {"t": ["bucket"], "n": ["b"]}}},
        {"f": [{"r": [{"t": "bucket", "n": "a"}, {"t": "key", "n": "b"}]}]},
        False,
    ),
    (
        "arrays inside objects of an array, together",
        {"f": {"r": {"t": ["bucket"], "n": ["b"]}}},
        {"f": [{"r": []}, {"r": [{"t": "key", "n": "c"}, {"t": "bucket", "n": "b"}]}]},
        True,
    ),
    (
        "sibling arrays do not bind each other",
        {"f": {"a": {"x": [1]}, "b": {"x": [2]}}},
        {"f": {"a": [{"x": 1}, {"x": 9}], "b": [{"x": 9}, {"x": 2}]}},
        True,
    ),
    (
        "a real Security Hub pattern",
        {
            "source": ["aws.securityhub"],
            "detail": {
                "findings": {
                    "ProductArn": [{"suffix": "::product/aws/securityhub"}],
                    "Workflow": {"Status": ["NEW"]},
                    "Types": [{"prefix": "Software and Configuration Checks"}],
                }
            },
        },
        {
            "source": "aws.securityhub",
            "detail": {
                "findings": [
                    {
                        "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/securityhub",
                        "Workflow": {"Status": "NEW"},
                        "Types": ["x", "Software and Configuration Checks/Industry"],
                    }
                ]
            },
        },
        True,
    ),
]


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [case[1:] for case in MATCHING],
    ids=[case[0] for case in MATCHING],
)
def test_a_pattern_matches_events(pattern: Json, event: Json, expected: bool) -> None:
    check(pattern)
    assert matches(pattern, event) is expected


REFUSED: list[tuple[str, Any, str]] = [
    ("empty pattern", {}, "at least one field"),
    ("not an object", ["x"], "must be an object"),
    ("plain value", {"a": "x"}, r"\$\.a: must be an object or an array"),
    ("empty array", {"a": []}, "at least one value"),
    ("array in an array", {"a": [["x"]]}, "array inside an array"),
    ("unknown operator", {"a": [{"contains": "x"}]}, "unknown operator 'contains'"),
    ("two operators", {"a": [{"prefix": "x", "suffix": "y"}]}, "exactly one operator"),
    ("no operator", {"a": [{}]}, "exactly one operator"),
    ("deep", {"a": {"b": {"c": [{"nope": 1}]}}}, r"\$\.a\.b\.c"),
    ("or of one", {"$or": [{"a": ["x"]}]}, "at least two"),
    ("or of values", {"$or": ["x", "y"]}, "must be an object"),
    ("prefix of a number", {"a": [{"prefix": 1}]}, "must be a string"),
    ("prefix of a list", {"a": [{"prefix": ["x"]}]}, "must be a string"),
    ("prefix of another operator", {"a": [{"prefix": {"suffix": "x"}}]}, "equals-ignore-case"),
    ("ignoring case of a list", {"a": [{"equals-ignore-case": ["x"]}]}, "must be a string"),
    ("wildcards side by side", {"a": [{"wildcard": "a**b"}]}, "consecutive"),
    ("bad escape", {"a": [{"wildcard": r"a\b"}]}, "may be escaped"),
    ("escape at the end", {"a": [{"wildcard": "a\\"}]}, "may be escaped"),
    ("numeric without a bound", {"a": [{"numeric": [">"]}]}, "operator, number"),
    ("numeric of text", {"a": [{"numeric": [">", "5"]}]}, "must be numbers"),
    ("numeric, unknown", {"a": [{"numeric": ["!=", 5]}]}, "unknown numeric operator"),
    ("numeric, upside down", {"a": [{"numeric": [">", 20, "<", 10]}]}, "higher upper bound"),
    ("numeric, upper first", {"a": [{"numeric": ["<", 20, ">", 10]}]}, "higher upper bound"),
    ("numeric, too large", {"a": [{"numeric": ["<", 6e9]}]}, "between -5e9 and 5e9"),
    ("cidr", {"a": [{"cidr": "10.0.0/24"}]}, "cidr"),
    ("exists of text", {"a": [{"exists": "true"}]}, "true or false"),
    ("anything-but nothing", {"a": [{"anything-but": []}]}, "not both"),
    ("anything-but a mixture", {"a": [{"anything-but": ["x", 1]}]}, "not both"),
    ("anything-but null", {"a": [{"anything-but": None}]}, "not both"),
    ("anything-but numeric", {"a": [{"anything-but": {"numeric": ["=", 1]}}]}, "is allowed here"),
    ("anything-but no prefix", {"a": [{"anything-but": {"prefix": []}}]}, "empty array"),
    ("anything-but odd wildcard", {"a": [{"anything-but": {"wildcard": "**"}}]}, "consecutive"),
    ("too long", {"a": ["x" * 2048]}, "more than 2048"),
    ("too complex", {"a": [{"wildcard": f"*{w}*"} for w in ("a", "b", "c", "d")]}, "too complex"),
    (
        "too complex, in alternatives",
        {"$or": [{"a": {"b": [{"wildcard": f"*{w}*"}]}} for w in ("a", "b", "c", "d")]},
        r"\$\.a\.b: the rule is too complex",
    ),
    (
        "too complex, but",
        {"a": [{"anything-but": {"wildcard": [f"*{w}*" for w in ("a", "b", "c", "d")]}}]},
        "too complex",
    ),
    (
        "too many combinations",
        {f"k{n}": {"$or": [{c: [1]} for c in "abcd"]} for n in range(5)},
        "combinations",
    ),
]


@pytest.mark.parametrize(
    ("pattern", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_wrong_pattern_is_refused(pattern: Any, message: str) -> None:
    with pytest.raises(BadPattern, match=message):
        check(pattern)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "ab"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=12,
)


def leaves(node: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    if isinstance(node, list):
        return [leaf for value in node for leaf in leaves(value, path)]
    return [(path, node)]


def nested(path: tuple[str, ...], value: Any) -> Any:
    return {path[0]: nested(path[1:], value)} if path else value


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
def test_exists_finds_every_leaf(event: Json) -> None:
    for path, value in leaves(event):
        assert matches(nested(path, [value]), event)
        assert matches(nested(path, [{"exists": True}]), event)
        assert not matches(nested(path, [{"exists": False}]), event)
