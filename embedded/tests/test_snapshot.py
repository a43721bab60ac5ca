"""A snapshot shows what a containment could change, and nothing of our own stack."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.account import EmbeddedAccount

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"
BUCKET = "data-1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": f"arn:aws:s3:::{BUCKET}/*",
            }
        ],
    }
)
INLINE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
    }
)


@pytest.fixture(scope="module")
def account() -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(TEMPLATE, region="us-east-1") as entered:
        entered.client("s3").create_bucket(Bucket=BUCKET)
        iam = entered.client("iam")
        iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.create_user(UserName="eve")
        key = iam.create_access_key(UserName="eve")["AccessKey"]["AccessKeyId"]
        entered.client("sagemaker").create_notebook_instance(
            NotebookInstanceName="book",
            InstanceType="ml.t3.medium",
            RoleArn="arn:aws:iam::111122223333:role/app",
        )
        CHANGES["key"] = lambda a: a.client("iam").update_access_key(
            UserName="eve", AccessKeyId=key, Status="Inactive"
        )
        yield entered


CHANGES: dict[str, Callable[[EmbeddedAccount], Any]] = {
    "block": lambda a: a.client("s3").put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    ),
    "policy": lambda a: a.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=POLICY),
    "tags": lambda a: a.client("s3").put_bucket_tagging(
        Bucket=BUCKET, Tagging={"TagSet": [{"Key": "example:case", "Value": "1"}]}
    ),
    "versioning": lambda a: a.client("s3").put_bucket_versioning(
        Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
    ),
    "inline": lambda a: a.client("iam").put_role_policy(
        RoleName="app", PolicyName="p", PolicyDocument=INLINE
    ),
    "user inline": lambda a: a.client("iam").put_user_policy(
        UserName="eve", PolicyName="p", PolicyDocument=INLINE
    ),
    "role tags": lambda a: a.client("iam").tag_role(
        RoleName="app", Tags=[{"Key": "k", "Value": "v"}]
    ),
    "notebook tags": lambda a: a.client("sagemaker").add_tags(
        ResourceArn="arn:aws:sagemaker:us-east-1:111122223333:notebook-instance/book",
        Tags=[{"Key": "k", "Value": "v"}],
    ),
    "incident": lambda a: a.client("ssm").create_ops_item(
        Title="t", Source="example", Description="d"
    ),
    "key": lambda a: None,
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_snapshot_has_every_change(account: EmbeddedAccount, change: str) -> None:
    before = account.snapshot()
    assert account.snapshot() == before
    CHANGES[change](account)
    assert account.snapshot() != before


def test_a_snapshot_leaves_the_stack_out(account: EmbeddedAccount) -> None:
    shown = account.snapshot()
    assert json.loads(json.dumps(shown)) == shown
    assert list(shown["s3"]) == [BUCKET]
    assert list(shown["iam"]["roles"]) == ["app"]
    everything = account.snapshot(exclude_own=False)
    assert account.stack.resources["Evidence"].physical in everything["s3"]


def test_a_snapshot_has_every_page_of_ops_items(account: EmbeddedAccount) -> None:
    ssm, before = account.client("ssm"), account.snapshot()["ssm"].keys()
    for number in range(51):
        ssm.create_ops_item(Title=str(number), Source="test", Description="one of many")
    assert len(account.snapshot()["ssm"].keys() - before) == 51
