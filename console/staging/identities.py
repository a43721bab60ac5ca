"""Stages roles, users, access keys and Bedrock API keys."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from moto.iam.models import iam_backends

from console.staging.notes import Client, Note, exists
from cordon.finding import Fact, Finding, Resource, ResourceRole
from cordon.sources.shapes import ACCESS_KEY, BEDROCK, SERVICE_CREDENTIAL, USER
from embedded import backends
from embedded.backends import iam as iam_backend

HOURS = 3600
OWNER = "owner-of-the-key"  # of a key that a finding names without its user


def stage_role(resource: Resource, finding: Finding, client: Client) -> Iterator[Note]:
    """Create the role under its path. A role that AWS owns gets no inline policy."""
    place, name = resource.place, resource.name
    iam = client("iam", place.region, place.account)
    if exists(iam.get_role, "NoSuchEntity", RoleName=name):
        yield Note(False, f"role {name}: exists already")
        return
    path = _path(resource, finding)
    aws_owned = path.startswith(("/aws-service-role/", "/aws-reserved/"))
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    iam.create_role(
        RoleName=name,
        Path=path,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        MaxSessionDuration=HOURS if aws_owned else 4 * HOURS,
    )
    if aws_owned:
        yield Note(True, f"role {path}{name}, which only AWS may change")
        return
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_own_policy(resource))
    yield Note(True, f"role {path}{name}, sessions up to 4 hours, with an inline policy of its own")


def _path(resource: Resource, finding: Finding) -> str:
    """The path from an ARN of the role, if the finding has one; else from AWS's role names."""
    issuers = (principal.issuer for principal in finding.principals)
    for arn in (resource.arn, *issuers):
        path, _, name = arn.partition(":role/")[2].rpartition("/")
        if name == resource.name:
            return f"/{path}/" if path else "/"
    if resource.name.startswith("AWSServiceRoleFor"):
        return "/aws-service-role/sagemaker.amazonaws.com/"
    if resource.name.startswith("AWSReservedSSO_"):
        return "/aws-reserved/sso.amazonaws.com/"
    return "/"


def _own_policy(resource: Resource) -> str:
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:{resource.place.partition}:s3:::their-own-data/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def stage_user(resource: Resource, finding: Finding, client: Client) -> Iterator[Note]:
    """Create the user with the access keys of the finding, and one more."""
    yield from _user(resource, finding, _keys_of(resource, finding), client)


def _user(resource: Resource, finding: Finding, keys: list[str], client: Client) -> Iterator[Note]:
    name = resource.name
    iam = client("iam", resource.place.region, resource.place.account)
    if exists(iam.get_user, "NoSuchEntity", UserName=name):
        yield Note(False, f"user {name}: exists already")
    else:
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=_own_policy(resource))
        yield Note(True, f"user {name}, with an inline policy of its own")
    for key in keys:
        yield from _key(key, name, resource, iam)
    for credential in finding.resources_of(SERVICE_CREDENTIAL):
        if resource.role is ResourceRole.TARGET:
            yield _credential(credential.name, resource, finding)


def stage_owner(resource: Resource, finding: Finding, client: Client) -> Iterator[Note]:
    """Create a user with this key, where the finding names keys alone: each key has its own."""
    keys = [key.name for key in finding.resources_of(ACCESS_KEY) if key.name.startswith("AKIA")]
    if finding.resources_of(USER) or resource.name not in keys:
        return
    number = keys.index(resource.name) + 1
    name = OWNER if number == 1 else f"{OWNER}-{number}"
    owner = replace(resource, type=USER, name=name)
    yield from _user(owner, finding, [resource.name], client)


def _keys_of(resource: Resource, finding: Finding) -> list[str]:
    """The long-term keys of the finding, if they belong to this user.

    What somebody made belongs to the user that it was made for.
    """
    keys = [r for r in finding.resources_of(ACCESS_KEY) if r.name.startswith("AKIA")]
    if resource.role is ResourceRole.TARGET or finding.resources_of(USER, role=ResourceRole.TARGET):
        return [r.name for r in keys if r.role is resource.role]
    users = {r.name for r in finding.resources_of(USER, role=ResourceRole.ACTOR)}
    if users and users != {resource.name}:
        return []
    return [r.name for r in keys]


def _credential(credential: str, user: Resource, finding: Finding) -> Note:
    where = backends.here(user.place.account, user.place.region)
    if iam_backend.service_of(credential, where):
        return Note(False, f"service-specific credential {credential}: exists already")
    service = finding.fact(Fact.CREDENTIAL_OF) or BEDROCK
    iam_backend.make_credential(credential, user.name, service, where)
    return Note(True, f"service-specific credential {credential} of {user.name}, active")


def _key(key: str, user: str, resource: Resource, iam: Any) -> Iterator[Note]:
    existing = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    if key in {each["AccessKeyId"] for each in existing}:
        yield Note(False, f"access key {key}: exists already")
        return
    created = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    _rename(created, key, user, resource)
    yield Note(True, f"access key {key} of {user}, active")
    if not existing:
        iam.create_access_key(UserName=user)
        yield Note(True, f"a second access key of {user}, active")


def _rename(created: str, wanted: str, user: str, resource: Resource) -> None:
    """No API creates a key with a given id, so the id is changed inside moto."""
    place = resource.place
    backend: Any = iam_backends[place.account][place.partition]
    key = backend.access_keys.pop(created)
    key.access_key_id = wanted
    backend.access_keys[wanted] = key
    assert key in backend.users[user].access_keys
