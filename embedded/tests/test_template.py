"""A SAM template becomes resources without intrinsics."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded.place import Place
from embedded.stack import Stack, Unresolved
from embedded.template import load, substitute, synthesise

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"
HERE = Place("111122223333", "eu-central-1")


@pytest.fixture(scope="module")
def stack() -> Stack:
    return synthesise(TEMPLATE, HERE)


def only(resources: str, tmp_path: Path, **more: str) -> Stack:
    text = "Transform: AWS::Serverless-2016-10-31\n"
    text += "".join(f"{name}:\n{body}\n" for name, body in more.items())
    path = tmp_path / "template.yaml"
    path.write_text(f"{text}Resources:\n{resources}")
    return synthesise(path, HERE)


def test_resources_have_names_and_arns(stack: Stack) -> None:
    found = stack.resources
    assert found["BlockRole"].arn.startswith(
        "arn:aws:iam::111122223333:role/example/stack-BlockRole-"
    )
    assert found["Ask"].arn == "arn:aws:states:eu-central-1:111122223333:stateMachine:stack-ask"
    assert found["Work"].physical.startswith(
        "https://sqs.eu-central-1.amazonaws.com/111122223333/stack-Work-"
    )
    assert found["Evidence"].physical == found["Evidence"].physical.lower()
    assert found["Block"].properties["Role"] == found["BlockRole"].arn


def test_the_environment_is_resolved(stack: Stack) -> None:
    variables = stack.resources["Block"].properties["Environment"]["Variables"]
    assert variables["TABLE"] == stack.resources["Memory"].physical
    assert variables["WORKFLOW"] == stack.resources["Ask"].arn


def test_sam_events_become_rules_with_permissions(stack: Stack) -> None:
    rule = stack.resources["BlockPublic"]
    assert rule.properties["Targets"][0]["Arn"] == stack.resources["Block"].arn
    (permission,) = stack.of("AWS::Lambda::Permission")
    assert permission.properties["SourceArn"] == rule.arn


def test_definitions_are_substituted_as_text(stack: Stack) -> None:
    definition = json.loads(stack.resources["Ask"].properties["DefinitionString"])
    ask = definition["States"]["Ask"]
    assert ask["TimeoutSeconds"] == "{% 2 * 3600 %}"
    assert ask["Resource"] == "arn:aws:states:::lambda:invoke.waitForTaskToken"


def test_conditions_choose_resources(stack: Stack) -> None:
    assert "Extras" not in stack.resources
    assert "Extras" in synthesise(TEMPLATE, HERE, parameters={"Extra": "yes"}).resources


def test_ignored_types_are_listed(stack: Stack) -> None:
    assert [r.type for r in stack.unbuilt] == ["AWS::Logs::LogGroup", "AWS::CloudWatch::Alarm"]


def test_outputs_are_resolved(stack: Stack) -> None:
    assert stack.outputs["Second"] == "us-east-1"


def test_arns_follow_the_partition() -> None:
    china = synthesise(TEMPLATE, Place("111122223333", "cn-north-1", "aws-cn"))
    assert china.resources["Evidence"].arn.startswith("arn:aws-cn:s3:::")
    assert china.resources["Work"].physical.startswith("https://sqs.cn-north-1.amazonaws.com.cn/")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Nope": "1"}, "no such parameter: Nope"),
        ({"Extra": "maybe"}, "Extra failed to satisfy constraint"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(Unresolved, match=message):
        synthesise(TEMPLATE, HERE, parameters=parameters)


@pytest.mark.parametrize(("given", "seen"), [("a1, b2", "a1-b2"), ("a1", "a1"), ("", "")])
def test_members_of_a_list_are_looked_at_one_by_one(given: str, seen: str, tmp_path: Path) -> None:
    listed = "  L: {Type: CommaDelimitedList, AllowedPattern: '^$|[a-z][0-9]', Default: '%s'}"
    stack = only(VALUE % "!Join ['-', !Ref L]", tmp_path, Parameters=listed % given)
    assert stack.resources["T"].properties["DisplayName"] == seen
    with pytest.raises(Unresolved, match="parameter L failed to satisfy constraint"):
        only(VALUE % "x", tmp_path, Parameters=listed % "a1,c")


RULES = """
  OneNeedsTheOther:
    RuleCondition: !Equals [!Ref A, ""]
    Assertions: [{Assert: !Equals [!Ref B, ""], AssertDescription: B is for A}]
"""


@pytest.mark.parametrize(("a", "b", "holds"), [("", "", True), ("", "y", False), ("x", "y", True)])
def test_assertions_of_rules_are_checked(a: str, b: str, holds: bool, tmp_path: Path) -> None:
    given = f"  A: {{Type: String, Default: '{a}'}}\n  B: {{Type: String, Default: '{b}'}}"
    if holds:
        only(VALUE % "x", tmp_path, Parameters=given, Rules=RULES)
        return
    with pytest.raises(Unresolved, match="rule OneNeedsTheOther: B is for A"):
        only(VALUE % "x", tmp_path, Parameters=given, Rules=RULES)


CONDITIONS = """
  Aye: !Equals [a, a]
  Nay: !Or [!Not [!Condition Aye], !And [!Equals [a, b], !Condition Aye]]
"""
VALUE = "  T: {Type: AWS::SNS::Topic, Properties: {TopicName: t, DisplayName: %s}}"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Sub '${AWS::Region}-${AWS::AccountId}'", "eu-central-1-111122223333"),
        ("!Sub ['${a}-${!b}', {a: !Ref AWS::Partition}]", "aws-${b}"),
        ("!Join ['-', [a, !Ref AWS::Region]]", "a-eu-central-1"),
        ("!Select [1, [a, b]]", "b"),
        ("!Select [1, !Split [',', 'x,y']]", "y"),
        ("!If [Aye, a, b]", "a"),
        ("!If [Nay, a, b]", "b"),
        ("!FindInMap [M, !Ref AWS::Region, k]", "v"),
        ("!GetAtt T.TopicName", "t"),
        ("!GetAtt [T, TopicName]", "t"),
        ("{'Fn::Base64': abc}", "YWJj"),
    ],
)
def test_intrinsics_are_resolved(expression: str, value: str, tmp_path: Path) -> None:
    stack = only(
        VALUE % expression,
        tmp_path,
        Conditions=CONDITIONS,
        Mappings="  M: {eu-central-1: {k: v}}",
    )
    assert stack.resources["T"].properties["DisplayName"] == value


def test_no_value_leaves_the_property_out(tmp_path: Path) -> None:
    stack = only(VALUE % "!Ref AWS::NoValue", tmp_path)
    assert "DisplayName" not in stack.resources["T"].properties


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("!Ref Nothing", "no such resource: Nothing"),
        ("!GetAtt T.Colour", "has no attribute Colour"),
        ("!ImportValue x", "intrinsic not supported: Fn::ImportValue"),
        ("!Ref AWS::Nothing", "no such pseudo parameter"),
        ("!FindInMap [M, x, k]", "no entry in the mapping"),
    ],
)
def test_unresolvable_values_are_an_error(expression: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(Unresolved, match=message):
        only(VALUE % expression, tmp_path, Mappings="  M: {y: {k: v}}")


def test_a_circular_name_is_an_error(tmp_path: Path) -> None:
    text = "  T: {Type: AWS::SNS::Topic, Properties: {TopicName: !GetAtt T.TopicName}}"
    with pytest.raises(Unresolved, match="circular reference: T -> T"):
        only(text, tmp_path)


def test_resources_that_need_each_other_are_an_error(tmp_path: Path) -> None:
    """CloudFormation refuses such a template when it is deployed."""
    text = """
  A: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt B.Arn}}}
  B: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt A.Arn}}}
"""
    with pytest.raises(Unresolved, match="circular dependency: "):
        only(text, tmp_path)
    after = text.replace("A: {", "A: {DependsOn: B, ").replace("!GetAtt B.Arn", "x")
    with pytest.raises(Unresolved, match="circular dependency: "):
        only(after, tmp_path)
    only(text.replace("!GetAtt B.Arn", "x"), tmp_path)


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [("${a} ${b}", {"a": 1}, "no substitution"), ("${a}", {"a": 1, "b": 2}, "never used: b")],
)
def test_substitutions_must_fit(text: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(Unresolved, match=message):
        substitute(text, values, where="x.yaml")


def test_yaml_keeps_dates_as_text() -> None:
    assert load("{Version: 2012-10-17, on: [!Ref X, !GetAtt A.B.C]}") == {
        "Version": "2012-10-17",
        True: [{"Ref": "X"}, {"Fn::GetAtt": ["A", "B.C"]}],
    }
