"""What S3 refuses of a bucket policy, before moto stores whatever it is given.

Sources: PutBucketPolicy (S3 API Reference); Bucket policies, Blocking public access (S3 User
Guide); Policies and permissions in S3. Not checked: whether actions fit the resources of their
statement, and condition keys.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.iam.models import iam_backends
from moto.s3control.models import s3control_backends

from embedded.backends import buckets
from embedded.backends.public import is_public, listed, principals, statements
from embedded.backends.registry import (
    Params,
    Refusal,
    Response,
    Where,
    checks,
    implements,
)

MAX_BYTES = 20 * 1024
_FIELDS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_EITHER = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_OPERATOR = re.compile(
    r"(ForAnyValue:|ForAllValues:)?"
    r"(String(Not)?(Equals(IgnoreCase)?|Like)|Numeric(Not)?Equals|Numeric(Less|Greater)Than(Equals)?"
    r"|Date(Not)?Equals|Date(Less|Greater)Than(Equals)?|Bool|BinaryEquals|(Not)?IpAddress"
    r"|Arn(Not)?(Equals|Like))(IfExists)?|Null"
)
_BLOCKED = (
    'User is not authorized to perform: s3:PutBucketPolicy on resource: "{}" because public '
    "policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
)
_UNIQUE_ID = re.compile(r"A(IDA|ROA)[A-Z0-9]{12,}")


@checks("s3", "*")
def expected_bucket_owner(params: Params, _: Where) -> None:
    """ExpectedBucketOwner protects against a bucket with a new owner (Verifying ownership)."""
    expected = params.get("ExpectedBucketOwner")
    bucket = buckets.find(params.get("Bucket", "")) if expected else None
    if bucket is not None and bucket.account_id != expected:
        raise Refusal("AccessDenied", "Access Denied", 403)


@checks("s3", "GetBucketPolicy")
def get_bucket_policy(params: Params, where: Where) -> None:
    """Only identities of the owner's account may, whatever the policy allows."""
    _owner_only(params, where)


@checks("s3", "DeleteBucketPolicy")
def delete_bucket_policy(params: Params, where: Where) -> None:
    """Only identities of the owner's account may, whatever the policy allows."""
    _owner_only(params, where)


@checks("s3", "PutBucketPolicy")
def put_bucket_policy(params: Params, where: Where) -> None:
    """Well formed, small enough, and not public where public policies are blocked."""
    bucket = _owner_only(params, where)
    policy = _parsed(params["Policy"])
    for statement in statements(policy):
        _statement(statement, bucket)
    if is_public(policy) and _blocks_public_policy(bucket):
        raise Refusal("AccessDenied", _BLOCKED.format(bucket.arn), 403)


@implements("s3", "GetBucketPolicyStatus")
def get_bucket_policy_status(params: Params, where: Where) -> Response:
    """By the same meaning of public."""
    bucket = buckets.owned(params["Bucket"], where)
    if not bucket.policy:
        raise Refusal("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
    return {"PolicyStatus": {"IsPublic": is_public(json.loads(bucket.policy))}}


def _owner_only(params: Params, where: Where) -> buckets.Bucket:
    bucket = buckets.required(params["Bucket"])
    if bucket.account_id != where.account:
        text = "The specified method is not allowed against this resource."
        raise Refusal("MethodNotAllowed", text, 405)
    return bucket


def _blocks_public_policy(bucket: buckets.Bucket) -> bool:
    account = s3control_backends[bucket.account_id][bucket.partition].public_access_block
    blocks = (bucket.public_access_block, account)
    return any(block is not None and block.block_public_policy for block in blocks)


def malformed(why: str) -> Refusal:
    """S3's refusal of a malformed policy."""
    return Refusal("MalformedPolicy", why)


def _parsed(text: str) -> Mapping[str, Any]:
    if len(text.encode()) > MAX_BYTES:
        raise malformed("Policy exceeds the maximum allowed document size.")
    try:
        policy = json.loads(text)
    except ValueError:
        raise malformed("Policies must be valid JSON and the first byte must be '{'") from None
    if not isinstance(policy, dict):
        raise malformed("Policies must be valid JSON and the first byte must be '{'")
    if not policy.get("Statement"):
        raise malformed("Missing required field Statement")
    unknown = policy.keys() - {"Version", "Id", "Statement"}
    if unknown or policy.get("Version", "2012-10-17") not in ("2012-10-17", "2008-10-17"):
        raise malformed(f"Unknown field or version {sorted(unknown)}")
    return policy


def _statement(statement: Any, bucket: buckets.Bucket) -> None:
    if not isinstance(statement, dict) or statement.keys() - _FIELDS:
        raise malformed("Unknown field in a statement")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise malformed("Invalid effect")
    for one, other in _EITHER:
        if (one in statement) is (other in statement):
            raise malformed(f"Missing required field {one}")
    _actions(statement)
    _resources(statement, bucket)
    _conditions(statement)
    for kind, name in (*principals(statement), *principals(statement, "NotPrincipal")):
        if not _may_be(kind, name, bucket):
            raise malformed("Invalid principal in policy")


def _actions(statement: Mapping[str, Any]) -> None:
    for action in listed(statement.get("Action", statement.get("NotAction"))):
        if action != "*" and not str(action).lower().startswith("s3:"):
            raise malformed("Policy has invalid action")


def _resources(statement: Mapping[str, Any], bucket: buckets.Bucket) -> None:
    for resource in listed(statement.get("Resource", statement.get("NotResource"))):
        if resource != bucket.arn and not str(resource).startswith(f"{bucket.arn}/"):
            raise malformed("Policy has invalid resource")


def _conditions(statement: Mapping[str, Any]) -> None:
    condition = statement.get("Condition", {})
    for operator, tests in condition.items():
        if not _OPERATOR.fullmatch(operator) or not isinstance(tests, dict) or not tests:
            raise malformed(f"Invalid Condition type : {operator}")


def _may_be(kind: str, name: str, bucket: buckets.Bucket) -> bool:
    """Roles and users of the owner's account must exist; others cannot be checked."""
    if kind != "AWS" or name == "*" or re.fullmatch(r"[0-9]{12}", name):
        return True
    if _UNIQUE_ID.fullmatch(name):
        return False  # what S3 shows for a principal that was deleted
    parts = name.split(":", 5)
    if len(parts) != 6 or parts[1] != bucket.partition or parts[2] not in ("iam", "sts"):
        return False
    ours = parts[4] == bucket.account_id and parts[2] == "iam" and parts[5] != "root"
    return not ours or _identity_exists(name, bucket)


def _identity_exists(arn: str, bucket: buckets.Bucket) -> bool:
    iam: Any = iam_backends[bucket.account_id][bucket.partition]
    return arn in {entity.arn for entity in (*iam.roles.values(), *iam.users.values())}
