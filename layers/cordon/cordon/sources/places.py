"""Partition, account and Region, from the finding and its ARNs; and whose event it may be."""

from typing import Protocol

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


class Home(Protocol):
    """The stack that got the event: where it is, and which other places it serves."""

    @property
    def account(self) -> str:
        """Its account, 12 digits."""

    @property
    def partition(self) -> str:
        """Its partition."""

    @property
    def region(self) -> str:
        """Its Region."""

    @property
    def other_regions(self) -> tuple[str, ...]:
        """The Regions that it serves beside its own."""

    @property
    def member_role(self) -> str:
        """The role it assumes in other accounts; "" if it serves only its own."""

    @property
    def ai_workloads(self) -> tuple[str, ...]:
        """What names the resources of AI workloads: tags, as key=value, and ARNs."""

    @property
    def stack(self) -> str:
        """Its id (AWS::StackId)."""


def not_served(place: Place, home: Home) -> str:
    """Why nothing may be changed in this place; "" when something may."""
    if place.account != home.account and not home.member_role:
        return f"account {place.account} is not served: no member role is set"
    if place.partition != home.partition:
        return f"partition {place.partition} is not served"
    if place.region not in (home.region, *home.other_regions):
        return f"Region {place.region} is not served: it is not in OtherRegions"
    return ""


def check_sender(envelope: Field, place: Place, home: Home, *, regional: bool) -> None:
    """Malformed if the event came from an account that may not speak of this place.

    EventBridge sets the envelope's ``account`` to the account that the event comes from, and keeps
    it when a rule forwards the event (EventBridge User Guide, "AWS service event metadata",
    "Sending and receiving events between AWS accounts"). An event of a member account speaks of
    that account alone. Only our own account also sends findings of others: an administrator's
    GuardDuty, Macie and Security Hub do that. ``regional``: the service sends its events in the
    finding's own Region, unlike Security Hub, which aggregates Regions.
    """
    sender = envelope["account"].required(shapes.ACCOUNT_ID)
    if sender not in (place.account, home.account):
        envelope["account"].malformed("is neither the finding's account nor this stack's")
    if regional and envelope["region"].required(shapes.REGION) != place.region:
        envelope["region"].malformed("is not the finding's Region")


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
