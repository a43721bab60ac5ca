"""The policy statements of each level of ``DenyBucketAccess``. Pure.

Every level has two statements: one for principals, one for AWS services with their own access.

* A negated condition matches if its key is missing. Anonymous requests have no
  ``aws:PrincipalArn`` and no organization, so they are denied.
* ``aws:PrincipalIsAWSService`` is missing from anonymous requests. ``BoolIfExists`` denies these
  too; a plain ``Bool`` would allow them.
* Services have their own statement. Without it CloudFront, a service, would continue to publish.
* NotPrincipal is never used with Deny. For an assumed role ``aws:PrincipalArn`` is the role's ARN.

Sources: IAM User Guide, "AWS global condition context keys", "IAM JSON policy elements: Condition
operators"; Service Authorization Reference, "Amazon S3".
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from cordon.finding import Place

OUTSIDERS = "outsiders"  # all accounts except the owner's account and its organization
WRITES = "writes"  # reads continue; no object or setting of the bucket can change
EVERYONE = "everyone"  # all principals except the exempt ones

# The reads of S3 are exactly s3:Get* and s3:List*. All other actions are changes.
READS = ["s3:Get*", "s3:List*"]
# Services that deliver logs: they keep access.
LOG_DELIVERY = (
    "cloudtrail.amazonaws.com",
    "config.amazonaws.com",
    "delivery.logs.amazonaws.com",
    "logging.s3.amazonaws.com",
)
NAMES_A_PRINCIPAL = re.compile(
    r"arn:aws[a-z-]*:(iam|sts)::([0-9]{12}|\*):(root|(role|user|federated-user)/.*[^*?/].*)"
)
_ANY_ACCOUNT = re.compile(r"(arn:aws[a-z-]*:(?:iam|sts)::)\*:")

Conditions = dict[str, dict[str, Any]]


def denials(
    place: Place, bucket: str, levels: Collection[str], exempt: Sequence[str], organization: str
) -> list[dict[str, Any]]:
    """The statements of the levels, always in the same order."""
    result: list[dict[str, Any]] = []
    for level, (sid, action, conditions) in DENY_LEVELS.items():
        if level in levels:
            principals, services = conditions(place, organization)
            result += [
                _deny(place, bucket, sid, action, _except(place, exempt, principals)),
                _deny(place, bucket, f"{sid}Services", action, services),
            ]
    return result


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
    """All principals except the exempt ones. Services are in the other statement.

    In a pattern for any account, the account is replaced by the owner's: anyone can create a role
    of that name in their own account.
    """
    patterns = dict.fromkeys(_ANY_ACCOUNT.sub(rf"\g<1>{place.account}:", e) for e in exempt)
    return {
        **condition,
        "ArnNotLike": {"aws:PrincipalArn": list(patterns)},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }


def _external(place: Place, organization: str) -> tuple[Conditions, Conditions]:
    """Principals of other accounts, and services that work for other accounts.

    A service call without a source account is not denied: most log delivery has none.
    """
    owner, source = {"aws:PrincipalAccount": place.account}, {"aws:SourceAccount": place.account}
    if organization:
        owner["aws:PrincipalOrgID"] = organization
        source["aws:SourceOrgID"] = organization
    return {"StringNotEquals": owner}, {
        "Bool": {"aws:PrincipalIsAWSService": "true"},
        "Null": {"aws:SourceAccount": "false"},
        "StringNotEquals": source,
    }


def _everyone(place: Place, _organization: str) -> tuple[Conditions, Conditions]:
    """All principals, and all services except those that deliver logs."""
    names = list(LOG_DELIVERY)
    if place.partition == "aws-cn":  # some services use the partition's own suffix
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
