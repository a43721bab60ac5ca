"""A bucket whose policy S3 does not take beside ours: replaced in part, or refused and said."""

import json

from cordon.memory.cases import ActionStatus
from cordon.statuses import Status
from tests.examples import event
from tests.promises.test_holds_on_one_bucket import bucket_of, case_of, pair
from tests.promises.world import HOME, World

SHUT = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def test_bucket_that_its_block_contains_is_closed_when_it_is_attacked(world: World) -> None:
    """Only the public statement is out; the owner's others stay (B10)."""
    one, other = pair("guardduty_public_access", "guardduty_exfiltration_malicious_ip")
    for each in (one, other):
        world.stage(each)
    s3, name = world.account.client("s3"), bucket_of(one)
    base = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    world.account.deliver(one)
    world.account.deliver(other)
    assert case_of(world, other).status is Status.CONTAINED
    shown = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    kept = [s for s in shown if not s["Sid"].startswith("CordonDeny")]
    assert kept == [s for s in base["Statement"] if s["Principal"] != "*"] != base["Statement"]
    held = world.holds[f"bucket-policy:arn:aws:s3:::{name}"].written
    assert held is not None
    assert held["form"] == "replaced"
    assert "AnybodyReads" in held["left_out"]


def test_public_policy_under_the_accounts_block_is_left_as_it_is(world: World) -> None:
    """It could not be put back: the case says why, and the other changes are made."""
    one = event("macie_shared_externally")
    world.stage(one)
    s3, name = world.account.client("s3"), bucket_of(one)
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Sid": "Public"}
    document = {"Statement": [{**public, "Resource": f"arn:aws:s3:::{name}/*"}]}
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    world.account.client("s3control").put_public_access_block(
        AccountId=HOME[0], PublicAccessBlockConfiguration=SHUT
    )
    world.account.deliver(one)
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == document
    case = world.case()
    assert case.status is Status.PARTLY_CONTAINED
    (refused,) = [r for r in case.results if r.status is ActionStatus.REFUSED]
    assert "BlockPublicPolicy" in refused.reason
    assert "Public" in refused.reason.rpartition(": ")[2]
