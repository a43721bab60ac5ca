"""Small stacks to try the emulator with: a function of a few lines, and what belongs to it."""

import json
from collections.abc import Mapping
from typing import Any

from tests.e2e.account import Account
from tests.e2e.waiting import until

FAILED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


def trust(**principal: str) -> dict[str, Any]:
    """A trust policy: ``Service="lambda.amazonaws.com"`` or ``AWS="111122223333"``."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allow(action: str | list[str], resource: Any) -> dict[str, Any]:
    """A policy of one statement."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def function(code: str, *policies: dict[str, Any], name: str = "Reader") -> dict[str, Any]:
    """A function with its role, which may do this and nothing else. ``code`` defines
    ``handler(event, context)``."""
    inline = [{"PolicyName": f"p{n}", "PolicyDocument": one} for n, one in enumerate(policies)]
    role = {"AssumeRolePolicyDocument": trust(Service="lambda.amazonaws.com"), "Policies": inline}
    made = {
        "Handler": "index.handler",
        "Runtime": "python3.13",
        "Timeout": 20,
        "Role": {"Fn::GetAtt": [f"{name}Role", "Arn"]},
        "Code": {"ZipFile": code},
    }
    return {
        f"{name}Role": {"Type": "AWS::IAM::Role", "Properties": role},
        name: {"Type": "AWS::Lambda::Function", "Properties": made},
    }


def deploy(
    account: Account, stack: str, resources: Mapping[str, Any], **more: Any
) -> dict[str, str]:
    """Create or update the stack; ``more`` are other sections of the template. Returns the physical
    ids by logical id; AssertionError with the reasons where it fails."""
    cloudformation = account.client("cloudformation")
    body = json.dumps({"AWSTemplateFormatVersion": "2010-09-09", **more, "Resources": resources})
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    named = {"StackName": stack, "TemplateBody": body, "Capabilities": capabilities}
    listed = cloudformation.list_stacks()["StackSummaries"]
    alive = [s for s in listed if s["StackName"] == stack and s["StackStatus"] != "DELETE_COMPLETE"]
    (cloudformation.update_stack if alive else cloudformation.create_stack)(**named)
    until(lambda: _is_deployed(cloudformation, stack), f"{stack} is not deployed")
    found = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def _is_deployed(cloudformation: Any, stack: str) -> bool:
    status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    if status in FAILED or "ROLLBACK" in status:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [one["ResourceStatusReason"] for one in events if "ResourceStatusReason" in one]
        raise AssertionError(f"{stack} is at {status}: {reasons}")
    return str(status) in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
