"""What the stack's name and its parameters may be, each limit of AWS counted at the largest."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from console.account import cordon_stack
from console.options import ROOT
from embedded.event_patterns import check
from embedded.place import Place
from embedded.stack import Resource, Unresolved
from tests.architecture import largest
from tests.architecture.stack import compact, raw, stack

EVERYWHERE = pytest.mark.parametrize("place", largest.PLACES, ids=lambda place: place.region)
HERE = largest.PLACES[0]
LIMITED = [name for name, spec in raw()["Parameters"].items() if "MaxLength" in spec]

# The API Reference of each service, at the call that makes it. Of what is named by CloudFormation
# the embedded account knows the limits: embedded/attributes.py.
NAMES = {
    ("AWS::ApiGatewayV2::Api", "Name"): 128,
    ("AWS::CloudWatch::Alarm", "AlarmName"): 255,
    ("AWS::CloudWatch::Alarm", "MetricName"): 255,
    ("AWS::CloudWatch::Dashboard", "DashboardName"): 255,
    ("AWS::Logs::LogGroup", "LogGroupName"): 512,
    ("AWS::Logs::MetricFilter", "MetricName"): 255,
}


def every(place: Place) -> list[Resource]:
    built = largest.stack(place)
    return [*built.resources.values(), *built.unbuilt]


# ---- names ----


def named_after_the_stack(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each name that the template makes of the stack's name, with the property that has it."""
    for key, value in properties.items():
        if isinstance(value, dict) and key.endswith("Name"):
            text = value.get("Fn::Sub", f"${{{value.get('Ref', '')}}}")
            if "${AWS::StackName}" in text:
                yield key, text.replace("${AWS::StackName}", largest.STACK)
        for inner in value if isinstance(value, list) else [value]:
            yield from named_after_the_stack(inner) if isinstance(inner, dict) else ()


def test_stack_may_have_the_longest_name() -> None:
    found = [
        (resource["Type"], key, name)
        for resource in raw()["Resources"].values()
        for key, name in named_after_the_stack(resource.get("Properties", {}))
    ]
    assert {(kind, key) for kind, key, _ in found} == NAMES.keys()
    assert [one for one in found if len(one[2]) > NAMES[one[:2]]] == []


def test_state_machines_are_named_by_cloudformation() -> None:
    machines = stack().of("AWS::StepFunctions::StateMachine")
    assert [machine.logical for machine in machines] == ["Workflow", "Sweep"]
    for machine in machines:
        assert "StateMachineName" not in machine.properties
        assert machine.arn.rpartition(":")[2].startswith(f"{machine.logical}-")


# ---- policies ----


@EVERYWHERE
def test_policies_fit(place: Place) -> None:
    """IAM User Guide, "IAM and AWS STS quotas": characters without white space."""
    for resource in every(place):
        if resource.type == "AWS::IAM::ManagedPolicy":
            assert len(compact(resource.properties["PolicyDocument"])) <= 6144, resource.logical
        if resource.type == "AWS::IAM::Role":
            inline = resource.properties.get("Policies", [])
            assert sum(len(compact(p["PolicyDocument"])) for p in inline) <= 10_240
            trust = resource.properties["AssumeRolePolicyDocument"]
            assert len(compact(trust)) <= 2048, resource.logical
        if resource.type == "AWS::S3::BucketPolicy":  # S3 User Guide, "Bucket policies": 20 KB
            assert len(compact(resource.properties["PolicyDocument"])) <= 20_480


def policies_of(resource: Resource) -> Iterator[tuple[Any, int]]:
    """Each policy of a queue, a topic or a key, with the bytes that its service takes.

    SQS Developer Guide, "Amazon SQS policy quotas"; SNS Developer Guide, "Amazon SNS policies";
    KMS Developer Guide, "Resource quotas": 32 KB.
    """
    for kind, name, size in (
        ("AWS::SQS::QueuePolicy", "PolicyDocument", 8192),
        ("AWS::SNS::TopicPolicy", "PolicyDocument", 30_720),
        ("AWS::KMS::Key", "KeyPolicy", 32_768),
    ):
        if resource.type == kind:
            yield resource.properties[name], size


@EVERYWHERE
def test_policies_of_resources_fit(place: Place) -> None:
    found = [(r, *one) for r in every(place) for one in policies_of(r)]
    assert {resource.type.split("::")[1] for resource, _, _ in found} == {"SQS", "SNS", "KMS"}
    for resource, policy, size in found:
        assert len(compact(policy)) <= size, resource.logical
        statements = policy["Statement"]
        assert len(statements) <= 20, resource.logical
        operators = [keys for s in statements for keys in s.get("Condition", {}).values()]
        assert sum(map(len, operators)) <= 10, resource.logical


@EVERYWHERE
def test_patterns_fit(place: Place) -> None:
    """EventBridge User Guide, "quotas": 2,048 characters; and what PutRule refuses otherwise."""
    for rule in (r for r in every(place) if r.type == "AWS::Events::Rule"):
        if pattern := rule.properties.get("EventPattern"):
            check(pattern)


KNOWN_BY_ITS_NAME = (  # to the warnings and the dashboard
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::SQS::Queue",
)


@pytest.mark.parametrize("kind", KNOWN_BY_ITS_NAME)
def test_what_is_known_by_its_name_begins_with_the_stacks(kind: str) -> None:
    """CloudFormation shortens both parts of a name that would be too long."""
    found = [r.physical.rpartition("/")[2] for r in every(HERE) if r.type == kind]  # or its URL
    assert found and all(name.startswith(f"{largest.STACK}-") for name in found)


def test_roles_have_room_for_their_policies() -> None:
    """IAM User Guide, "IAM and AWS STS quotas": ten managed policies of a role by default."""
    for role in (r for r in every(HERE) if r.type == "AWS::IAM::Role"):
        attached = len(role.properties.get("ManagedPolicyArns", []))
        for policy in (r for r in every(HERE) if r.type == "AWS::IAM::ManagedPolicy"):
            attached += role.physical in policy.properties.get("Roles", [])
        assert attached <= 10, role.logical


# ---- parameters ----


def given(**parameters: str) -> None:
    cordon_stack(HERE, {**largest.largest(), **parameters})


@pytest.mark.parametrize("parameter", LIMITED)
def test_one_character_more_is_refused_with_a_sentence(parameter: str) -> None:
    spec = raw()["Parameters"][parameter]
    value = largest.largest()[parameter]
    assert len(value) == spec["MaxLength"]
    with pytest.raises(Unresolved) as refused:
        given(**{parameter: value[:-1] + "aa" if parameter != "ContactEmail" else f"m{value}"})
    assert str(refused.value).endswith(spec["ConstraintDescription"])
    assert f"parameter {parameter} failed" in str(refused.value)


@pytest.mark.parametrize("parameter", [*largest.SHORTEST, "CaBundle", "ExternalId"])
def test_limit_is_said_where_it_is_given_and_where_it_is_refused(parameter: str) -> None:
    spec: Mapping[str, Any] = raw()["Parameters"][parameter]
    assert f"{spec['MaxLength']:,}" in spec["ConstraintDescription"]
    if parameter in largest.SHORTEST:
        assert f"at most {spec['MaxLength']:,} characters" in spec["Description"]


@pytest.mark.parametrize("parameter", largest.SHORTEST)
@pytest.mark.parametrize(
    "value",
    [
        "{0}, {0}",
        "{0},",
        ",{0}",
        " {0}",
        "Admin",
        "{0},Admin",
        "{0},{0} b",
        "arn:aws:iam::root",
        "*",
    ],
)
def test_what_is_no_list_of_arns_is_refused(parameter: str, value: str) -> None:
    wrong = value.format(largest.SHORTEST[parameter])
    with pytest.raises(Unresolved, match="separated by commas without spaces"):
        given(**{parameter: wrong})


@pytest.mark.parametrize("parameter", largest.SHORTEST)
def test_items_that_patterns_count_with_are_the_shortest(parameter: str) -> None:
    given(**{parameter: largest.SHORTEST[parameter]})
    with pytest.raises(Unresolved):
        given(**{parameter: largest.SHORTEST[parameter][:-1]})


@pytest.mark.parametrize("role", ["arn:aws:iam::111122223333:role/*", "arn:aws:iam::*:role/a"])
def test_a_person_role_has_no_wildcard(role: str) -> None:
    with pytest.raises(Unresolved, match="without wildcards"):
        given(PersonRoles=role)


def test_every_text_that_people_choose_has_a_limit() -> None:
    """By its values, its length, or a pattern that bounds it."""
    bounded = {"MemberRole": r"{0,64}$", "OrganizationId": r"{10,32}$"}
    for name, spec in raw()["Parameters"].items():
        assert spec["Type"] in ("String", "Number"), f"{name}: only of a String a length is checked"
        if spec["Type"] == "Number":
            assert "AllowedValues" in spec or {"MinValue", "MaxValue"} <= spec.keys(), name
        elif name in bounded:
            assert spec["AllowedPattern"].endswith(bounded[name])
        else:
            assert "AllowedValues" in spec or spec["MaxLength"] <= 4096, name


def test_template_fits() -> None:
    """CloudFormation User Guide, "Understand CloudFormation quotas"."""
    assert len(every(HERE)) <= 500
    assert len(raw()["Parameters"]) <= 200
    assert len(raw()["Outputs"]) <= 200
    assert all(len(spec["Description"]) <= 4000 for spec in raw()["Parameters"].values())


# ---- concurrency ----


def reserving(value: str) -> dict[str, int]:
    built = cordon_stack(HERE, {"ReservedConcurrency": value})
    functions = built.of("AWS::Lambda::Function")
    kept = {f.logical: f.properties.get("ReservedConcurrentExecutions") for f in functions}
    return {name: int(count) for name, count in kept.items() if count is not None}


def test_what_responds_to_threats_has_concurrency_of_its_own() -> None:
    """Whatever a rule invokes directly: the playbooks with threats, and the desk.

    What ``setup`` hears of is its own stack, and can wait.
    """
    invoked = {
        target["Arn"]
        for rule in stack().of("AWS::Events::Rule")
        if "EventPattern" in rule.properties
        for target in rule.properties["Targets"]
    }
    direct = {f.logical for f in stack().of("AWS::Lambda::Function") if f.arn in invoked}
    assert reserving("20").keys() == direct - {"Setup"}
    assert set(reserving("20").values()) == {20}
    assert reserving(str(raw()["Parameters"]["ReservedConcurrency"]["Default"])) == reserving("20")


def test_the_page_says_what_the_accounts_limit_must_be() -> None:
    """By an operator who looks before the first deployment: a sum of all these functions."""
    page = (ROOT / "docs" / "operating" / "deploying.md").read_text()
    reserved = reserving("20")
    assert f"there are {len(reserved)}: {100 + sum(reserved.values())} with 20" in page


def test_concurrency_is_reserved_before_there_is_evidence() -> None:
    """A bucket with evidence cannot be deleted: a first deployment without room must end before."""
    waits = set(raw()["Resources"]["Settings"]["DependsOn"])
    assert waits == reserving("20").keys() - {"DecideCases"}  # which waits for all playbooks


def test_none_may_be_reserved() -> None:
    assert reserving("0") == {}


def test_bulk_leaves_half_of_it_to_threats() -> None:
    """Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".

    A mapping that may use more than is reserved is throttled, and throttles what is invoked.
    """
    bulk: dict[str, int] = {}
    for mapping in stack().of("AWS::Lambda::EventSourceMapping"):
        if ":sqs:" in mapping.properties["EventSourceArn"]:
            name = mapping.properties["FunctionName"]
            bulk[name] = mapping.properties["ScalingConfig"]["MaximumConcurrency"]
    values = [v for v in raw()["Parameters"]["ReservedConcurrency"]["AllowedValues"] if v]
    for logical, count in ((f, n) for v in values for f, n in reserving(str(v)).items()):
        assert 2 * bulk.get(stack().resources[logical].physical, 0) <= count, logical
