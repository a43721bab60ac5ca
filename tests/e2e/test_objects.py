"""A malicious object: it is read before, refused after, read again after the release.

ministack knows an object's tags where it is read, under an IAM that is not ours. Where it is tagged
it knows them not, so that nothing here tries to take the tag off.
"""

import json
from typing import Any

import pytest

from cordon.statuses import Status
from tests.e2e.account import Account
from tests.e2e.people import role
from tests.e2e.test_playbooks import allowed, bucket_of, staged, state

UNVERSIONED = "guardduty_object_scan_hostile_key"
VERSIONED = "guardduty_object_scan_threat"


def reader(account: Account) -> Any:
    """A client with a session of a role that may do everything with S3."""
    arn = role(account, "application")
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    account.client("iam").put_role_policy(
        RoleName="application", PolicyName="all", PolicyDocument=json.dumps(document)
    )
    return account.as_role(arn, "s3")


@pytest.mark.parametrize("name", [UNVERSIONED, VERSIONED])
def test_quarantined_object_is_refused_and_is_read_again(account: Account, name: str) -> None:
    one = staged(account, name)
    details, bucket = one["detail"]["s3ObjectDetails"], bucket_of(one)
    malicious = {"Bucket": bucket, "Key": details["objectKey"]}
    if name == VERSIONED:
        malicious["VersionId"] = details["versionId"]
    neighbour = {"Bucket": bucket, "Key": "neighbour"}
    account.client("s3").put_object(**neighbour, Body=b"fine")
    client, before = reader(account), state(account, one)
    assert allowed(client.get_object, **malicious)
    assert allowed(client.get_object, **neighbour)

    account.put(one)
    case = account.case()
    assert case.status is Status.CONTAINED
    assert not allowed(client.get_object, **malicious)
    assert allowed(client.get_object, **neighbour)

    account.stack.release(case, "a test")
    account.settle()
    assert account.case().status is Status.REOPENED
    assert allowed(client.get_object, **malicious)
    assert state(account, one) == before
