"""CloudFormation, where ministack 1.5.33 plays the life of a stack otherwise than AWS."""

import functools
import json
from typing import Any

import under_way
from ministack.core.responses import _request_account_id, _request_region
from ministack.services import cloudwatch_logs, dynamodb, eventbridge, s3
from ministack.services.cloudformation import changesets, custom_resource, handlers, provisioners
from ministack.services.cloudformation import stacks as engine

STACK = "AWS::CloudFormation::Stack"
FAILED: dict[tuple[str, str], dict[str, Any]] = {}  # by stack and logical id: what did not begin


def install() -> None:
    """All of them. Each fails where ministack no longer has what it mends."""
    names_of_a_stack()
    failed_custom_resources()
    protected_tables()
    full_buckets()
    log_groups_that_exist()
    events_of_stacks()


def names_of_a_stack() -> None:
    """A name that CloudFormation makes up is the same whenever a stack has the same name, so that a
    new stack would take over what a deleted one kept. On AWS it ends with what is chance."""
    original = provisioners._physical_name

    @functools.wraps(original)
    def named(stack: str, logical: str, **how: Any) -> str:
        identity = provisioners._cr_stack_id(stack).rpartition("/")[2]
        before = provisioners._NAME_SEED.get()
        token = provisioners._NAME_SEED.set(f"{before}{identity}")
        try:
            return original(stack, logical, **how)
        finally:
            provisioners._NAME_SEED.reset(token)

    provisioners._physical_name = named


def failed_custom_resources() -> None:
    """A custom resource that failed to be created is forgotten. CloudFormation deletes it in the
    rollback, by the physical id of its response (aws/aws-cdk, pull request 5525)."""
    invoke, roll_back = custom_resource.invoke_custom_resource, engine._roll_back_operation
    deliver, ids = custom_resource.deliver_response, {}

    @functools.wraps(deliver)
    def delivered(token: str, response: dict[str, Any]) -> bool:
        ids[response["StackId"], response["LogicalResourceId"]] = response["PhysicalResourceId"]
        return deliver(token, response)

    @functools.wraps(invoke)
    def invoked(
        request: str, logical: str, props: Any, name: str, stack: str, *rest: Any, **more: Any
    ) -> Any:
        try:
            return invoke(request, logical, props, name, stack, *rest, **more)
        except RuntimeError:  # it said so itself
            if request == "Create":
                physical = ids[stack, logical]
                FAILED[stack, logical] = {"PhysicalResourceId": physical, "Properties": props}
            raise

    @functools.wraps(roll_back)
    async def rolled_back(
        name: str, stack: str, record: Any, operation: Any, *rest: Any, **more: Any
    ) -> None:
        logical = operation.get("failed_logical_id")
        if failed := FAILED.pop((stack, logical), None):
            kind = operation["template"]["Resources"][logical]["Type"]
            record["_resources"][logical] = {**failed, "ResourceType": kind}
            operation["created"].append(logical)
        await roll_back(name, stack, record, operation, *rest, **more)

    custom_resource.deliver_response = delivered
    custom_resource.invoke_custom_resource = invoked
    engine._roll_back_operation = handlers._roll_back_operation = rolled_back


def protected_tables() -> None:
    """CloudFormation deletes a table that is protected against deletion. DynamoDB refuses it, and
    the stack is not deleted (Using deletion protection, DynamoDB developer guide)."""
    _refuse_deletion("AWS::DynamoDB::Table", _protected)


def full_buckets() -> None:
    """CloudFormation deletes a bucket with what is in it. On AWS it cannot delete one that is not
    empty (DeleteStack, CloudFormation API reference, RetainResources)."""
    _refuse_deletion("AWS::S3::Bucket", _full)


def _protected(table: str) -> str:
    kept = dynamodb._tables.get(table) or {}
    return "protected against deletion" if kept.get("DeletionProtectionEnabled") else ""


def _full(bucket: str) -> str:
    kept = s3._buckets.get(bucket) or {}
    return "not empty" if kept.get("objects") or s3._bucket_has_versions(bucket) else ""


def _refuse_deletion(kind: str, reason: Any) -> None:
    handler = provisioners._RESOURCE_HANDLERS[kind]
    original = handler["delete"]

    @functools.wraps(original)
    def delete(physical: str, *rest: Any) -> Any:
        if said := reason(physical):
            raise ValueError(f"{physical} cannot be deleted: it is {said}")
        return original(physical, *rest)

    handler["delete"] = delete


def log_groups_that_exist() -> None:
    """A log group of a name that there is already is emptied and taken. CreateLogGroup refuses it,
    and the stack fails (CreateLogGroup, CloudWatch Logs API reference)."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
    original = handler["create"]

    @functools.wraps(original)
    def create(logical: str, props: dict[str, Any], stack: str) -> Any:
        name = props.get("LogGroupName")
        if name in cloudwatch_logs._log_groups:
            raise ValueError(f"the log group {name} already exists")
        return original(logical, props, stack)

    handler["create"] = create


def events_of_stacks() -> None:
    """CloudFormation puts no event on the bus when a stack's status changes (Stack Status Change
    event detail, CloudFormation user guide)."""
    original = engine._add_event

    @functools.wraps(original)
    def added(
        stack: str,
        name: str,
        logical: str,
        kind: str,
        status: str,
        reason: str = "",
        *rest: Any,
        **more: Any,
    ) -> None:
        original(stack, name, logical, kind, status, reason, *rest, **more)
        if kind == STACK and logical == name:
            under_way.beside(_put, stack, status, reason)

    for module in (engine, handlers, changesets):
        assert module._add_event is original
        module._add_event = added


def _put(stack: str, status: str, reason: str) -> None:
    _, _, _, region, account, _ = stack.split(":", 5)
    _request_account_id.set(account)
    _request_region.set(region)
    said = {"status": status, "status-reason": reason}
    entry = {
        "Source": "aws.cloudformation",
        "DetailType": "CloudFormation Stack Status Change",
        "Resources": [stack],
        "Detail": json.dumps({"stack-id": stack, "status-details": said}),
    }
    eventbridge._put_events({"Entries": [entry]})
