"""Inline policy quotas, roles that only AWS may change, service-specific credentials."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from embedded import backends
from embedded.backends.registry import NotModelled


@cache
def client() -> Any:
    backends.install()
    return boto3.session.Session("id", "secret").client("iam", region_name="us-east-1")


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield client()


def document(size: int) -> str:
    """A policy of that many characters that are not white space."""
    made = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::"}],
    }
    short = len(json.dumps(made, separators=(",", ":")))
    made["Statement"][0]["Resource"] += "x" * (size - short)  # type: ignore[index]
    return json.dumps(made, indent=8)


@pytest.mark.parametrize(("kind", "most"), [("role", 10_240), ("user", 2_048)])
def test_inline_policies_share_one_quota(iam: Any, kind: str, most: int) -> None:
    whose = {f"{kind.title()}Name": "x"}
    create = {"AssumeRolePolicyDocument": "{}"} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**whose, **create)
    put = getattr(iam, f"put_{kind}_policy")
    put(**whose, PolicyName="one", PolicyDocument=document(most - 500))
    put(**whose, PolicyName="two", PolicyDocument=document(500))
    with pytest.raises(iam.exceptions.LimitExceededException):
        put(**whose, PolicyName="three", PolicyDocument=document(200))
    with pytest.raises(iam.exceptions.LimitExceededException):
        put(**whose, PolicyName="two", PolicyDocument=document(501))
    put(**whose, PolicyName="two", PolicyDocument=document(499))


@pytest.mark.parametrize(("kind", "most"), [("role", 20), ("user", 10)])
def test_attached_policies_have_a_quota(iam: Any, kind: str, most: int) -> None:
    whose = {f"{kind.title()}Name": "x"}
    create = {"AssumeRolePolicyDocument": "{}"} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**whose, **create)
    attach = getattr(iam, f"attach_{kind}_policy")
    arns = [
        iam.create_policy(PolicyName=f"p{n}", PolicyDocument=document(200))["Policy"]["Arn"]
        for n in range(most + 1)
    ]
    for arn in arns[:most]:
        attach(**whose, PolicyArn=arn)
    with pytest.raises(iam.exceptions.LimitExceededException):
        attach(**whose, PolicyArn=arns[most])
    attach(**whose, PolicyArn=arns[0])
    getattr(iam, f"detach_{kind}_policy")(**whose, PolicyArn=arns[0])
    attach(**whose, PolicyArn=arns[most])


@pytest.mark.parametrize(
    "path", ["/aws-service-role/macie.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"]
)
def test_protected_roles_are_unmodifiable(iam: Any, path: str) -> None:
    iam.create_role(RoleName="aws-made", Path=path, AssumeRolePolicyDocument="{}")
    calls: tuple[tuple[Any, dict[str, str]], ...] = (
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": document(200)}),
        (iam.delete_role_policy, {"PolicyName": "p"}),
        (iam.attach_role_policy, {"PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}),
        (iam.update_assume_role_policy, {"PolicyDocument": "{}"}),
        (iam.delete_role, {}),
    )
    for call, more in calls:
        with pytest.raises(iam.exceptions.UnmodifiableEntityException) as caught:
            call(RoleName="aws-made", **more)
        assert caught.value.response["Error"]["Code"] == "UnmodifiableEntity"
    assert iam.list_role_policies(RoleName="aws-made")["PolicyNames"] == []


def test_moto_refuses_an_unknown_role(iam: Any) -> None:
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.put_role_policy(RoleName="none", PolicyName="p", PolicyDocument=document(200))


def test_service_specific_credentials_are_kept(iam: Any) -> None:
    iam.create_user(UserName="eve")
    iam.create_user(UserName="ada")
    whose = {"UserName": "eve", "ServiceName": "bedrock.amazonaws.com"}
    made = iam.create_service_specific_credential(**whose)["ServiceSpecificCredential"]
    number = made["ServiceSpecificCredentialId"]
    iam.update_service_specific_credential(
        UserName="eve", ServiceSpecificCredentialId=number, Status="Inactive"
    )
    (listed,) = iam.list_service_specific_credentials(UserName="eve")["ServiceSpecificCredentials"]
    assert (listed["ServiceSpecificCredentialId"], listed["Status"]) == (number, "Inactive")
    assert iam.list_service_specific_credentials(UserName="ada")["ServiceSpecificCredentials"] == []
    iam.create_service_specific_credential(**whose)
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.create_service_specific_credential(**whose)
    iam.create_service_specific_credential(**{**whose, "ServiceName": "cassandra.amazonaws.com"})


def test_credentials_of_nobody_are_refused(iam: Any) -> None:
    iam.create_user(UserName="eve")
    missing = {"ServiceSpecificCredentialId": "ACCAX" * 5, "Status": "Inactive"}
    for call, given in (
        (iam.list_service_specific_credentials, {"UserName": "none"}),
        (iam.create_service_specific_credential, {"UserName": "none", "ServiceName": "x"}),
        (iam.update_service_specific_credential, {"UserName": "eve", **missing}),
    ):
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            call(**given)


def test_listing_may_be_of_one_service_and_expired_is_not_played(iam: Any) -> None:
    iam.create_user(UserName="eve")
    for service in ("bedrock.amazonaws.com", "codecommit.amazonaws.com"):
        iam.create_service_specific_credential(UserName="eve", ServiceName=service)
    (one,) = iam.list_service_specific_credentials(
        UserName="eve", ServiceName="bedrock.amazonaws.com"
    )["ServiceSpecificCredentials"]
    assert one["ServiceName"] == "bedrock.amazonaws.com"
    number = one["ServiceSpecificCredentialId"]
    with pytest.raises(NotModelled):
        iam.update_service_specific_credential(
            UserName="eve", ServiceSpecificCredentialId=number, Status="Expired"
        )
