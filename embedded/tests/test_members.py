"""Other accounts: trust policies, external ids and the member role's own policies decide."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from embedded.account import EmbeddedAccount
from embedded.journal import Called

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"
MEMBER = "444455556666"
ROLE = f"arn:aws:iam::{MEMBER}:role/example/member"


@pytest.fixture
def account() -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(TEMPLATE, region="eu-central-1") as entered:
        yield entered


def trust(account: EmbeddedAccount, **condition: Any) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Condition": condition,
            }
        ],
    }


def prepare(account: EmbeddedAccount, trusted: dict[str, Any], actions: list[str]) -> None:
    """Our role may assume the member role, which may do ``actions`` over there."""
    iam = account.client("iam")
    may = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Resource": ROLE,
            }
        ],
    }
    name = account.stack.resources["BlockRole"].physical
    iam.put_role_policy(RoleName=name, PolicyName="members", PolicyDocument=json.dumps(may))
    there = account.client("iam", account=MEMBER)
    there.create_role(
        RoleName="member", Path="/example/", AssumeRolePolicyDocument=json.dumps(trusted)
    )
    held = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    }
    there.put_role_policy(RoleName="member", PolicyName="p", PolicyDocument=json.dumps(held))


def reads_over_there(account: EmbeddedAccount, external_id: str = "secret") -> str:
    """The error of a function that reads a role in the member account; "" where it could."""

    def handler(event: Any, context: Any) -> list[str]:
        given = boto3.client("sts").assume_role(
            RoleArn=ROLE, RoleSessionName="case", SourceIdentity="case", ExternalId=external_id
        )["Credentials"]
        iam = boto3.client(
            "iam",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        return [t["Key"] for t in iam.list_role_tags(RoleName="member")["Tags"]]

    account.runtime._handlers["Block"] = handler
    return account.invoke("Block", {}).error


def test_calls_are_made_as_the_member_role(account: EmbeddedAccount) -> None:
    prepare(account, trust(account), ["iam:ListRoleTags"])
    assert reads_over_there(account) == ""
    assumed, listed = account.journal.of(Called)
    assert assumed.actions == (("sts:AssumeRole", ROLE), ("sts:SetSourceIdentity", ROLE))
    assert (listed.principal, listed.actions) == (ROLE, (("iam:ListRoleTags", ROLE),))


def test_its_own_policies_bind_the_member_role(account: EmbeddedAccount) -> None:
    prepare(account, trust(account), ["iam:GetRole"])
    assert "not authorized to perform: iam:ListRoleTags" in reads_over_there(account)


def test_a_wrong_external_id_is_refused(account: EmbeddedAccount) -> None:
    prepare(
        account, trust(account, StringEquals={"sts:ExternalId": "secret"}), ["iam:ListRoleTags"]
    )
    assert "not authorized to perform: sts:AssumeRole" in reads_over_there(account, "wrong")
    assert reads_over_there(account, "secret") == ""


def test_a_missing_role_cannot_be_assumed(account: EmbeddedAccount) -> None:
    prepare(account, trust(account), ["iam:ListRoleTags"])
    there = account.client("iam", account=MEMBER)
    there.delete_role_policy(RoleName="member", PolicyName="p")
    there.delete_role(RoleName="member")
    assert "not authorized to perform: sts:AssumeRole" in reads_over_there(account)


def test_accounts_share_nothing(account: EmbeddedAccount) -> None:
    prepare(account, trust(account), ["iam:GetRole"])
    ours = [r["RoleName"] for r in account.client("iam").list_roles()["Roles"]]
    assert "member" not in ours
