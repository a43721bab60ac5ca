"""A parameter's value is checked as CloudFormation checks it, before anything is made."""

from typing import Any

import pytest

from embedded.attributes import LONGEST, generated
from embedded.parameters import items, parameters_of
from embedded.place import Place
from embedded.stack import Unresolved

HERE = Place("111122223333", "eu-central-1")


def value(spec: dict[str, Any], given: str) -> str:
    return parameters_of({"P": {"Type": "String", **spec}}, {"P": given})["P"]


@pytest.mark.parametrize(
    ("spec", "right", "wrong"),
    [
        ({"AllowedValues": ["a", True]}, "true", "b"),
        ({"AllowedPattern": "a+"}, "aa", "aab"),
        ({"MinLength": 2}, "aa", "a"),
        ({"MaxLength": 2}, "aa", "aaa"),
        ({"Type": "Number", "MinValue": 2}, "2", "1.9"),
        ({"Type": "Number", "MaxValue": 2}, "2", "2.1"),
        ({"Type": "Number", "MinValue": 2}, "10", "1"),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "a"}, "a, a", "a,b"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a, b", "a,c"),
    ],
)
def test_a_value_meets_each_constraint(spec: dict[str, Any], right: str, wrong: str) -> None:
    assert value(spec, right) == right
    with pytest.raises(Unresolved, match=r"P failed to satisfy constraint: (must|length)"):
        value(spec, wrong)
    with pytest.raises(Unresolved, match=r"constraint: as we want it$"):
        value({**spec, "ConstraintDescription": "as we want it"}, wrong)


@pytest.mark.parametrize("text", ["many", "", "nan", "1e5", "1 "])
def test_a_number_is_a_number(text: str) -> None:
    with pytest.raises(Unresolved, match="parameter P must be a number"):
        value({"Type": "Number"}, text)


def test_the_default_is_checked_too() -> None:
    with pytest.raises(Unresolved, match="P failed"):
        parameters_of({"P": {"Type": "String", "Default": "aaa", "MaxLength": 2}}, {})


def test_no_value_is_longer_than_cloudformation_takes() -> None:
    assert value({}, "é" * 2048)
    with pytest.raises(Unresolved, match="at most 4096 bytes"):
        value({}, "é" * 2048 + "e")


def test_a_parameter_without_a_default_must_be_given() -> None:
    with pytest.raises(Unresolved, match="P has no default"):
        parameters_of({"P": {"Type": "String"}}, {})


def test_items_of_a_list_are_trimmed() -> None:
    assert items("a, b ,c") == ["a", "b", "c"]


@pytest.mark.parametrize("kind", sorted(LONGEST))
def test_a_generated_name_is_as_short_as_its_type_demands(kind: str) -> None:
    one, other = (generated(kind, "s" * 128, logical * 40, HERE) for logical in ("ab", "ac"))
    assert len(one) <= LONGEST[kind] and one != other
    assert generated(kind, "s", "Logical", HERE).partition("-")[0] in ("s", "Logical")


@pytest.mark.parametrize(
    ("stack", "logical", "spoken"),
    [  # as roles are named: CDK's provider in a stack of a short name, Amplify's roles
        ("MyStack", "CustomS3AutoDeleteObjectsCustomResourceProviderRole", (7, 43)),
        (
            "amplify-amplifyvitereactt-main-branch-0a1b2c3d4e",
            "amplifyAuthauthenticatedUser",
            (25, 25),
        ),
        ("a" * 60, "Short", (45, 5)),
    ],
)
def test_a_generated_name_keeps_half_of_each(
    stack: str, logical: str, spoken: tuple[int, int]
) -> None:
    name = generated("AWS::IAM::Role", stack, logical, HERE)
    first, second = stack[: spoken[0]], logical[: spoken[1]]
    assert name.startswith(f"{first}-{second}-") and len(name) <= 64


def test_a_state_machine_is_not_named_after_its_stack() -> None:
    name = generated("AWS::StepFunctions::StateMachine", "stack", "Machine", HERE)
    assert name.startswith("Machine-") and "stack" not in name
