"""What a deployment must never replace, since rows, evidence or resources of others name it.

CloudFormation makes another resource where a property changes that can only be given at its
making (``createOnlyProperties`` in the resource's schema; "Update requires: Replacement" in the
template reference). What is kept then stays, and nothing knows it any more: a hold whose deny
policy is another one cannot be released, and a bucket's deny exempts the role that was. So each
such property is written down here. Where a test fails, do not change the property.
"""

import json
from functools import cache
from typing import Any

import pytest

from tests.architecture.stack import raw
from tests.architecture.test_regions import SCHEMAS

FIXED: dict[str, dict[str, Any]] = {  # type → what is given at its making, and its value
    "AWS::ApiGatewayV2::Api": {"ProtocolType": "HTTP"},
    "AWS::DynamoDB::Table": {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]},
    "AWS::IAM::Role": {"Path": "/cordon/"},
    "AWS::KMS::Key": {},
    "AWS::S3::Bucket": {},
    "AWS::SNS::Topic": {},
    "AWS::SQS::Queue": {},
}
DENIES = {  # attached to roles and users of others; the other managed policies only to our roles
    "DenyAgentToolsPolicy": {
        "Path": "/cordon/",
        "Description": "Cordon attaches it to deny agent tools",
    },
    "DenyInferencePolicy": {
        "Path": "/cordon/",
        "Description": "Cordon attaches it to deny inference",
    },
}


@cache
def given_at_its_making(kind: str) -> frozenset[str]:
    providers = json.loads((SCHEMAS / "us-east-1.json").read_text())
    schema = json.loads((SCHEMAS.parent / "resources" / f"{providers[kind]}.json").read_text())
    paths = [
        *schema.get("createOnlyProperties", ()),
        *schema.get("conditionalCreateOnlyProperties", ()),
    ]
    return frozenset(path.split("/")[2] for path in paths)


def fixed(logical: str) -> dict[str, Any]:
    """The properties of a resource that cannot change without another resource."""
    resource = raw()["Resources"][logical]
    names = given_at_its_making(resource["Type"])
    return {k: v for k, v in resource.get("Properties", {}).items() if k in names}


@pytest.mark.parametrize("kind", FIXED)
def test_nothing_that_is_named_elsewhere_is_replaced(kind: str) -> None:
    of_kind = [name for name, one in raw()["Resources"].items() if one["Type"] == kind]
    assert of_kind
    assert {name: fixed(name) for name in of_kind} == dict.fromkeys(of_kind, FIXED[kind])


def test_no_deny_that_is_attached_is_replaced() -> None:
    names = [name for name in raw()["Resources"] if name.startswith("Deny") and "Policy" in name]
    assert {name: fixed(name) for name in names} == DENIES


def test_what_is_kept_is_of_these_kinds() -> None:
    """Else a kind is left out that stays after the stack, as its bucket."""
    kept = {one["Type"] for one in raw()["Resources"].values() if "DeletionPolicy" in one}
    without_a_name = {"AWS::S3::BucketPolicy", "Custom::CordonParts"}  # nobody names either
    assert kept - without_a_name <= FIXED.keys()
