"""Where ministack 1.5.33 responds otherwise than AWS, mended in memory. Each repair says why."""

import functools
import json
import re
import sys
import time
from typing import Any

import control
import ministack.app as gateway
import ministack.core.iam_actions as iam_actions
import ministack.core.iam_evaluator as evaluator
import ministack.core.lambda_runtime as runtime
import shelf
import yaml
from ministack.core.arn import parse_arn
from ministack.services import dynamodb, eventbridge, iam, lambda_svc, s3, sqs
from ministack.services.cloudformation import provisioners

from embedded import input_transformers, leading_keys


def install() -> None:
    """All of them. Each fails where ministack no longer has what it mends."""
    events_of_aws()
    hosts_with_the_account()
    managed_policies()
    asynchronous_targets()
    yaml_definitions()
    security_hub_resources()
    object_lock()
    metric_math()
    secure_transport()
    principal_arn()
    delayed_messages()
    paths_of_principals()
    passing_the_role_of_a_replication()
    conditional_writes()
    keys_of_items()
    attached_policies()
    other_credentials()


def events_of_aws() -> None:
    """PutEvents refuses sources ``aws.…``, as AWS does; here the tests play AWS."""
    assert eventbridge._put_events.__defaults__ == (False,)
    eventbridge._put_events.__defaults__ = (True,)


RESOLVE = """
import socket
_resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: _resolve(
    "127.0.0.1" if str(host).endswith(".127.0.0.1") else host, *rest, **more
)
"""


def hosts_with_the_account() -> None:
    """S3 Control's endpoint rules put the account before the host, also before 127.0.0.1."""
    runtime._PYTHON_WORKER_SCRIPT = RESOLVE + runtime._PYTHON_WORKER_SCRIPT


def managed_policies() -> None:
    """ministack knows some forty of AWS's managed policies; moto carries all documents."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    for name, data in json.loads(aws_managed_policies_data).items():
        full = data["Path"].lstrip("/") + name
        arn = iam._AWS_MANAGED_POLICY_PREFIX + full
        if arn not in iam._aws_managed_policies:
            document = json.dumps(data["Document"])
            iam._aws_managed_policies[arn] = iam._make_aws_managed_record(full, document)


def asynchronous_targets() -> None:
    """EventBridge calls a function once and forgets it. AWS queues the invocation: it is tried
    again, and ends at the function's failure destination, or at the rule's dead-letter queue
    when there is no such function. And an InputTransformer knows no index."""
    original = eventbridge._invoke_target

    @functools.wraps(original)
    def invoke(target: dict[str, Any], event: dict[str, Any], rule: Any, view: Any = None) -> None:
        arn = target.get("Arn", "")
        if ":lambda:" not in arn:
            original(target, event, rule, view)
            return
        view = view or eventbridge._pattern_event_view(event)
        text = input_transformers.target_input(target, view.event_with_detail(), rule["Arn"])
        payload = json.loads(text)
        found, config, _name = lambda_svc._get_func_record_for_ref(arn)
        if found and config and _permits(found, rule):
            record = lambda_svc._execution_record_for_config(found, config)
            lambda_svc.invoke_async_with_retry(record, payload)
        elif "DeadLetterConfig" in target:
            code = "NO_PERMISSIONS" if found else "NO_RESOURCE"
            _bury(target["DeadLetterConfig"]["Arn"], payload, code, arn, rule)

    eventbridge._invoke_target = invoke


def _permits(function: dict[str, Any], rule: dict[str, Any]) -> bool:
    """The function's own policy must let this rule in; ministack does not look."""
    policy = function.get("policy") or {}
    policy = json.loads(policy) if isinstance(policy, str) else policy
    for statement in policy.get("Statement", []):
        source = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn")
        service = statement.get("Principal", {}).get("Service")
        if service == "events.amazonaws.com" and source in (None, rule.get("Arn")):
            return True
    return False


def _bury(queue: str, payload: Any, code: str, target: str, rule: Any) -> None:
    """As EventBridge does (Using dead-letter queues, EventBridge user guide), where the queue's
    policy lets the rule in."""
    service, owner = "events.amazonaws.com", queue.split(":")[4]
    if not sqs.queue_policy_allows(queue, service, rule.get("Arn", ""), owner):
        sys.stderr.write(f"an event is lost: {queue} does not let {rule.get('Arn')} in\n")
        return
    eventbridge._dispatch_to_sqs(parse_arn(queue), json.dumps(payload))
    attributes = {"ERROR_CODE": code, "TARGET_ARN": target, "RULE_ARN": rule.get("Arn", "")}
    sqs._queue_by_arn(queue)["messages"][-1]["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
    }


def yaml_definitions() -> None:
    """A state machine may be defined in YAML in S3, as ours are; only JSON is understood."""
    original = provisioners._sfn_definition

    @functools.wraps(original)
    def definition(props: dict[str, Any]) -> str:
        return json.dumps(yaml.safe_load(original(props)))

    provisioners._sfn_definition = definition


def security_hub_resources() -> None:
    """CloudFormation knows no Security Hub. Insights are made on the shelf."""
    handlers = provisioners._RESOURCE_HANDLERS
    assert "AWS::SecurityHub::Insight" not in handlers
    handlers["AWS::SecurityHub::Insight"] = {"create": _insight, "delete": _no_insight}


def _insight(_logical: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    made = _hub().create_insight(**props)["InsightArn"]
    return made, {"InsightArn": made}


def _no_insight(physical: str, _props: dict[str, Any]) -> None:
    _hub().delete_insight(InsightArn=physical)


def _hub() -> Any:
    return shelf.client("securityhub", provisioners.get_account_id(), provisioners.get_region())


def object_lock() -> None:
    """The object lock that a template gives a bucket is left out."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    original = handlers["create"]

    @functools.wraps(original)
    def create(logical: str, props: dict[str, Any], stack: str) -> Any:
        made = original(logical, props, stack)
        if props.get("ObjectLockEnabled"):
            kept = props["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
            retention = {"Mode": kept["Mode"], "Days": int(kept["Days"])}
            s3._bucket_object_lock[made[0]] = {"enabled": True, "default_retention": retention}
        return made

    handlers["create"] = create


def metric_math() -> None:
    """An alarm over an expression is refused. It is taken and never rings, which we say."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
    original = handlers["create"]

    @functools.wraps(original)
    def create(logical: str, props: dict[str, Any], stack: str) -> Any:
        if "Metrics" not in props:
            return original(logical, props, stack)
        control.LACKS.append(f"the alarm {logical}: no alarms over expressions")
        return f"{stack}-{logical}", {}

    change = handlers["update"]

    @functools.wraps(change)
    def update(physical: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        return (physical, {}) if "Metrics" in new else change(physical, old, new, *rest)

    handlers["create"], handlers["update"] = create, update


def secure_transport() -> None:
    """There is no TLS on this machine: every call counts as one over TLS."""
    original = gateway.pin_request_origin

    def pin(source_ip: str, _secure: bool) -> None:
        original(source_ip, True)

    gateway.pin_request_origin = pin


def principal_arn() -> None:
    """aws:PrincipalArn is the session's ARN; on AWS it is that of the role, with its path."""
    original = evaluator._resolve_condition_key

    @functools.wraps(original)
    def resolve(key: str, context: Any) -> Any:
        found = original(key, context)
        if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(found):
            return found
        role = evaluator._role_name_from_assumed_arn(found)
        kept = iam._roles.get_scoped(context.principal_account, None, role)
        return kept["Arn"] if kept else found

    evaluator._resolve_condition_key = resolve


def delayed_messages() -> None:
    """A new message stays invisible for its queue's delay; here for none."""
    for name in ("SendMessage", "SendMessageBatch"):
        sqs._HANDLERS[name] = _at_once(sqs._HANDLERS[name])


def _at_once(send: Any) -> Any:
    @functools.wraps(send)
    def sent(data: dict[str, Any], url: str) -> Any:
        said = send(data, url)
        for message in sqs._get_q(url)["messages"]:
            if not message["receive_count"]:
                message["visible_at"] = min(message["visible_at"], time.time())
        return said

    return sent


def paths_of_principals() -> None:
    """A call on a role or user is authorised on its ARN without the path; on AWS with it, so that
    a deny on ``role/cordon/*`` holds (IAM identifiers, IAM user guide)."""
    original = iam_actions.extract_resource_arn

    @functools.wraps(original)
    def resource(service: str, *request: Any) -> Any:
        arn = original(service, *request)
        if service != "iam":
            return arn
        params, _region, account = request[-3:]
        for kind, store in (("RoleName", iam._roles), ("UserName", iam._users)):
            name = iam_actions._query_param(params, kind)
            kept = store.get_scoped(account, None, name) if name else None
            if kept:
                return kept["Arn"]
        return arn

    iam_actions.extract_resource_arn = resource


def passing_the_role_of_a_replication() -> None:
    """PutBucketReplication passes a role to S3, and is not checked whether it may pass it (Setting
    up permissions for live replication, S3 user guide)."""
    original = iam_actions.s3_additional_checks

    @functools.wraps(original)
    def checks(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        found = original(method, path, headers, body, query)
        role = re.search(rb"<Role>([^<]+)</Role>", body or b"")
        if method == "PUT" and "replication" in query and role:
            found.append(("iam:PassRole", role[1].decode()))
        return found

    keys = iam_actions.s3_access_point_resources

    @functools.wraps(keys)
    def with_keys(arn: str) -> Any:
        to_s3 = {"iam:PassedToService": "s3.amazonaws.com"}
        return [(arn, to_s3)] if arn.startswith("arn:aws:iam:") else keys(arn)

    iam_actions.s3_additional_checks = checks
    iam_actions.s3_access_point_resources = with_keys


def conditional_writes() -> None:
    """A PutObject does not carry s3:if-none-match, so a bucket policy that requires it denies all
    (Enforce conditional writes on Amazon S3 buckets, S3 user guide)."""
    original = iam_actions._s3_object_context

    @functools.wraps(original)
    def context(action: str, query: Any, path: str, headers: Any) -> Any:
        found = original(action, query, path, headers)
        if action == "s3:PutObject" and headers.get("if-none-match"):
            found["s3:if-none-match"] = headers["if-none-match"]
        return found

    iam_actions._s3_object_context = context


class _OfItem(str):
    """A table's ARN in the check of one entry of a transaction, with the entry's own keys."""

    keys: dict[str, list[str]]


def keys_of_items() -> None:
    """dynamodb:LeadingKeys is never supplied, so that ForAllValues lets all items through (Using
    IAM policy conditions for fine-grained access control, DynamoDB developer guide)."""
    context = iam_actions.dynamodb_service_context

    @functools.wraps(context)
    def with_keys(body: bytes) -> Any:
        return {**context(body), **_keys_of_request(json.loads(body or b"{}"))}

    checks = iam_actions.dynamodb_transaction_checks

    @functools.wraps(checks)
    def with_entries(action: str, body: bytes, *place: str) -> Any:
        found = checks(action, body, *place)
        bodies = [one for entry in _entries(body) for one in entry.values()] if found else []
        return [
            (one, _of_item(arn, entry)) for (one, arn), entry in zip(found, bodies, strict=True)
        ]

    enforce = evaluator.enforce

    @functools.wraps(enforce)
    def with_own_keys(*call: Any, resource_arn: str = "*", **more: Any) -> Any:
        if isinstance(resource_arn, _OfItem):
            more["service_context"] = {**more["service_context"], **resource_arn.keys}
        return enforce(*call, resource_arn=resource_arn, **more)

    iam_actions.dynamodb_service_context = with_keys
    iam_actions.dynamodb_transaction_checks = with_entries
    evaluator.enforce = with_own_keys


def _entries(body: bytes) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(body)["TransactItems"]
    return entries


def _of_item(arn: str, entry: dict[str, Any]) -> _OfItem:
    named = _OfItem(arn)
    named.keys = leading_keys.of_item(entry, _partition_key(entry["TableName"]))
    return named


def _keys_of_request(data: dict[str, Any]) -> dict[str, list[str]]:
    """Of a call on one table, or of all that a batch names in its tables."""
    if "RequestItems" in data:
        batches = data["RequestItems"].items()
        found = [leading_keys.of_batch(wanted, _partition_key(name)) for name, wanted in batches]
        keys = [key for one in found for values in one.values() for key in values]
        return {"dynamodb:LeadingKeys": keys} if keys else {}
    if "TableName" not in data:
        return {}
    attribute = _partition_key(data["TableName"], data.get("IndexName"))
    queried = "KeyConditionExpression" in data or "KeyConditions" in data
    return (leading_keys.of_query if queried else leading_keys.of_item)(data, attribute)


def _partition_key(table: str, index: str | None = None) -> str | None:
    kept = dynamodb._tables.get(dynamodb._normalize_table_name(table))
    if not kept or index is None:
        return kept["pk_name"] if kept else None
    indexes = [*kept.get("GlobalSecondaryIndexes", []), *kept.get("LocalSecondaryIndexes", [])]
    schemas = [one["KeySchema"] for one in indexes if one["IndexName"] == index]
    keys = (key for schema in schemas for key in schema if key["KeyType"] == "HASH")
    return next((key["AttributeName"] for key in keys), None)


def attached_policies() -> None:
    """iam:PolicyARN is never supplied, so that a condition on it refuses every policy (Actions,
    resources, and condition keys for AWS IAM, service authorization reference)."""
    original = iam_actions.request_tag_context

    @functools.wraps(original)
    def context(service: str, action: str, body: bytes, params: dict[str, Any]) -> Any:
        found = original(service, action, body, params)
        policy = iam_actions._query_param(params, "PolicyArn")
        if policy and action.startswith(("iam:Attach", "iam:Detach")):
            return {**found, "iam:PolicyARN": policy}
        return found

    iam_actions.request_tag_context = context


def other_credentials() -> None:
    """IAM plays no SSH keys and signing certificates: a user has none. What they mean for a stolen
    session is shown in tests/promises only."""
    for operation, listed in (
        ("ListSSHPublicKeys", "SSHPublicKeys"),
        ("ListSigningCertificates", "Certificates"),
    ):
        assert operation not in iam._IAM_HANDLERS
        iam._IAM_HANDLERS[operation] = functools.partial(_none_of_them, operation, listed)


def _none_of_them(operation: str, listed: str, params: dict[str, Any]) -> Any:
    name = iam._p(params, "UserName")
    if name not in iam._users:
        return iam._error(404, "NoSuchEntity", f"The user with name {name} cannot be found.")
    inner = f"<{listed}/><IsTruncated>false</IsTruncated>"
    return iam._xml(200, f"{operation}Response", f"<{operation}Result>{inner}</{operation}Result>")
