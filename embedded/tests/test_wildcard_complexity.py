"""The number by which EventBridge refuses a rule as too complex, as its engine counts it."""

import pytest

from embedded.wildcard_complexity import MOST, complexity

TYPES = ("bif", "tiff", "tif", "svs")


@pytest.mark.parametrize(
    ("patterns", "number"),
    [
        (["abc"], 1),
        (["abc*"], 2),  # the asterisk may stand for nothing
        (["*abc"], 2),  # another a may begin
        (["*abc*"], 3),
        (["*aaa*"], 5),
        ([r"\*a\*"], 1),  # no wildcard at all
        (["*abc*", "*xyz*"], 6),
        (["abc*xyz", "abc*uvw"], 4),  # what they have in common counts for both
    ],
)
def test_number_of_patterns_that_a_value_is_within(patterns: list[str], number: int) -> None:
    assert complexity(patterns) == number


def test_what_public_rules_were_taken_and_refused() -> None:
    """AWS's own words were "Rule is too complex" of the last, and its author made two of it."""
    assert complexity([f"*.{t}" for t in TYPES]) <= MOST
    assert complexity([f"*/datasync/*.{t}" for t in TYPES[:2]]) <= MOST
    assert complexity([f"*/datasync/*.{t}" for t in TYPES]) > MOST


def test_counting_ends_for_what_is_far_too_complex() -> None:
    assert complexity([f"*{'ab' * n}*{'ba' * n}*" for n in range(1, 30)]) > MOST
