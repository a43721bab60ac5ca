"""People of the deployed account: roles under docs/policies, whom the owner assumes."""

import json
from typing import Any

from tests.e2e.account import ACCOUNT, NAME, ROOT, Account

FOLDER = ROOT / "docs" / "policies"


def trust() -> str:
    """The trust policy of a role that the account's owner assumes."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    principal = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | principal]})


def role(account: Account, name: str, *policies: str) -> str:
    """The ARN of a new role with these policies of docs/policies."""
    iam = account.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())["Role"]["Arn"]
    for one in policies:
        document = json.dumps(policy(account, one))
        iam.put_role_policy(RoleName=name, PolicyName=one, PolicyDocument=document)
    return arn


def policy(account: Account, name: str) -> dict[str, Any]:
    """A policy of docs/policies, with the names of this stack."""
    outputs = account.stack.outputs
    names = {
        "partition": "aws",
        "region": account.region,
        "account": ACCOUNT,
        "stack": NAME,
        "table": outputs["CasesTableName"],
        "bucket": outputs["EvidenceBucket"],
        "api": outputs["DeskUrl"].rpartition("/")[2],
        "log": outputs["DeskLog"],
    }
    text = (FOLDER / f"{name}.json").read_text()
    for placeholder, value in names.items():
        text = text.replace(f"<{placeholder}>", value)
    return dict(json.loads(text))
