"""Partition, account and Region, from the finding and its ARNs."""

from cordon.finding import ARN, Place
from cordon.sources import shapes
from cordon.sources.field import Field

# Region prefixes by partition (botocore partitions data).
_PREFIXES = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eu-isof-": "aws-iso-f",
}


def partition_of(region: str) -> str:
    """The partition of a Region.

    >>> partition_of("us-gov-west-1"), partition_of("us-east-1")
    ('aws-us-gov', 'aws')
    """
    matches = (name for prefix, name in _PREFIXES.items() if region.startswith(prefix))
    return next(matches, "aws")


def place(account: Field, region: Field, partition: str = "") -> Place:
    """The place of a finding. Account and Region are required; the Region gives the partition."""
    where = region.required(shapes.REGION)
    return Place(partition or partition_of(where), account.required(shapes.ACCOUNT_ID), where)


def place_of(arn: str, default: Place) -> Place:
    """The place in an ARN. What the ARN leaves empty comes from ``default``."""
    parts = ARN.fullmatch(arn)
    if parts is None:
        return default
    account = parts["account"]
    owner = account if shapes.ACCOUNT_ID.matches(account) else default.account
    region = parts["region"] if shapes.REGION.matches(parts["region"]) else default.region
    return Place(parts["partition"], owner, region)
