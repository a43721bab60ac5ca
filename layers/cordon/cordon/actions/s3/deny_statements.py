"""What each level of ``DenyBucketAccess`` denies, as policy statements. Pure.

Every level has two statements: for principals, and for AWS services that act by themselves.

* Negated conditions hold where the key is missing, so anonymous requests, which carry no
  ``aws:PrincipalArn`` and no organization, are denied.
* ``aws:PrincipalIsAWSService`` is missing from anonymous requests: ``BoolIfExists`` denies those
  too; a plain ``Bool`` would let them in.
* Services get their own statement: CloudFront is a service, and would go on publishing.
* Never NotPrincipal with Deny; for an assumed role ``aws:PrincipalArn`` is the role's ARN.

Sources: IAM User Guide, "AWS global condition context keys", "IAM JSON policy elements: Condition
operators"; Service Authorization Reference, "Amazon S3".
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from cordon.finding import Place

OUTSIDERS = "outsiders"  # everybody who is not of the owner's account, or organization
WRITES = "writes"  # reading goes on; nothing in the bucket or of its settings is changed
EVERYONE = "everyone"  # all but the exempt

# Reads of S3 are exactly s3:Get* and s3:List*; what is none of them changes something.
READS = ["s3:Get*", "s3:List*"]
# Services that deliver logs and go on doing so.
LOG_DELIVERY = (
    "cloudtrail.amazonaws.com",
    "config.amazonaws.com",
    "delivery.logs.amazonaws.com",
    "logging.s3.amazonaws.com",
)
NAMES_SOMEBODY = re.compile(
    r"arn:aws[a-z-]*:(iam|sts)::([0-9]{12}|\*):(root|(role|user|federated-user)/.*[^*?/].*)"
)
_ANY_ACCOUNT = re.compile(r"(arn:aws[a-z-]*:(?:iam|sts)::)\*:")

Conditions = dict[str, dict[str, Any]]


def denials(
    place: Place, bucket: str, levels: Collection[str], exempt: Sequence[str], organization: str
) -> list[dict[str, Any]]:
    """The statements of the levels, always in the same order."""
    made: list[dict[str, Any]] = []
    for level, (sid, action, others) in DENY_LEVELS.items():
        if level in levels:
            people, services = others(place, organization)
            made += [
                _deny(place, bucket, sid, action, _except(place, exempt, people)),
                _deny(place, bucket, f"{sid}Services", action, services),
            ]
    return made


def _deny(
    place: Place, bucket: str, sid: str, action: Mapping[str, Any], condition: Conditions
) -> dict[str, Any]:
    arn = f"arn:{place.partition}:s3:::{bucket}"
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        **action,
        "Resource": [arn, f"{arn}/*"],
        "Condition": condition,
    }


def _except(place: Place, exempt: Sequence[str], condition: Conditions) -> Conditions:
    """Principals but the exempt; services are left to the other statement.

    A pattern for any account is read as the owner's: anyone can make a role of that name in an
    account of their own.
    """
    patterns = dict.fromkeys(_ANY_ACCOUNT.sub(rf"\g<1>{place.account}:", e) for e in exempt)
    return {
        **condition,
        "ArnNotLike": {"aws:PrincipalArn": list(patterns)},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }


def _external(place: Place, organization: str) -> tuple[Conditions, Conditions]:
    """Principals of other accounts, and services acting for other accounts.

    A service call without a source account is let pass: most log delivery carries none.
    """
    people, source = {"aws:PrincipalAccount": place.account}, {"aws:SourceAccount": place.account}
    if organization:
        people["aws:PrincipalOrgID"] = organization
        source["aws:SourceOrgID"] = organization
    return {"StringNotEquals": people}, {
        "Bool": {"aws:PrincipalIsAWSService": "true"},
        "Null": {"aws:SourceAccount": "false"},
        "StringNotEquals": source,
    }


def _everyone(place: Place, _organization: str) -> tuple[Conditions, Conditions]:
    """All principals, and all services but those that deliver logs."""
    names = list(LOG_DELIVERY)
    if place.partition == "aws-cn":  # some services are named under the partition's own suffix
        names += [f"{name}.cn" for name in LOG_DELIVERY]
    return {}, {
        "Bool": {"aws:PrincipalIsAWSService": "true"},
        "StringNotEquals": {"aws:PrincipalServiceName": names},
    }


DENY_LEVELS: dict[
    str,
    tuple[str, dict[str, Any], Callable[[Place, str], tuple[Conditions, Conditions]]],
] = {
    OUTSIDERS: ("CordonDenyOutsiders", {"Action": "s3:*"}, _external),
    WRITES: ("CordonDenyWrites", {"NotAction": READS}, _everyone),
    EVERYONE: ("CordonDenyEveryone", {"Action": "s3:*"}, _everyone),
}
SIDS = tuple(name for sid, *_ in DENY_LEVELS.values() for name in (sid, f"{sid}Services"))
