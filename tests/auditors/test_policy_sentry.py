"""What policy_sentry is used for finds what somebody could put into a policy."""

from typing import Any

import pytest

from tests.auditors.by_policy_sentry import findings

KEY = "arn:aws:kms:us-east-1:111122223333:key/1"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ({"Action": "s3:GetEverything", "Resource": "*"}, ["UNKNOWN_ACTION: s3:GetEverything"]),
        ({"Action": ["sqs:*"], "Resource": "*"}, ["UNKNOWN_ACTION: sqs:*"]),
        (
            {"Action": "kms:CreateGrant", "Resource": KEY},
            ["PERMISSIONS_MANAGEMENT: kms:CreateGrant"],
        ),
        ({"Action": ["kms:Sign"], "Resource": ["*"]}, ["ANY_RESOURCE: kms:Sign"]),
        ({"Action": "sqs:TagQueue", "Resource": "*"}, ["ANY_RESOURCE: sqs:TagQueue"]),
        ({"Action": "sqs:TagQueue", "Resource": "arn:aws:sqs:us-east-1:111122223333:a"}, []),
        ({"Action": "kms:Sign", "Resource": "*", "Condition": {"Bool": {"a": "true"}}}, []),
        ({"Action": "kms:ListKeys", "Resource": "*"}, []),
        ({"Action": "s3:GetEverything", "Resource": "*", "Effect": "Deny"}, []),
    ],
)
def test_what_is_found(statement: dict[str, Any], found: list[str]) -> None:
    policy = {"Statement": [{"Effect": "Allow", **statement}]}
    assert list(findings({"Role": policy})) == [f"Role: {one}" for one in found]
