"""Where: partition, account and Region, from the finding and its ARNs."""

from cordon.finding import ARN, Place
from cordon.sources import shapes
from cordon.sources.field import Field

# Region prefixes by partition (botocore partitions data); the longest that fits decides.
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
    """The partition a Region belongs to.

    >>> partition_of("us-gov-west-1"), partition_of("us-east-1")
    ('aws-us-gov', 'aws')
    """
    found = (name for prefix, name in _PREFIXES.items() if region.startswith(prefix))
    return next(found, "aws")


def place(account: Field, region: Field, partition: str = "") -> Place:
    """The place of a finding. Account and Region must be given; the partition follows."""
    where = region.required(shapes.REGION)
    return Place(partition or partition_of(where), account.required(shapes.ACCOUNT_ID), where)


def place_of(arn: str, default: Place) -> Place:
    """Where the ARN says the resource is; what it leaves open is taken from ``default``."""
    parts = ARN.fullmatch(arn)
    if parts is None:
        return default
    account = parts["account"]
    owner = account if shapes.ACCOUNT_ID.matches(account) else default.account
    region = parts["region"] if shapes.REGION.matches(parts["region"]) else default.region
    return Place(parts["partition"], owner, region)
