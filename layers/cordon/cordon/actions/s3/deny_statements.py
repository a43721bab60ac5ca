"""The policy statements of each level of ``DenyBucketAccess``. Pure.

Every level of ``DENY_LEVELS`` has two statements: one for principals, one for AWS services with
their own access. In a Region whose load balancers deliver their logs from an account of AWS there
is a third: that account may put objects, and nothing else.

* A negated condition matches if its key is missing. Anonymous requests have no
  ``aws:PrincipalArn`` and no organization, so they are denied.
* ``aws:PrincipalIsAWSService`` is missing from anonymous requests. ``BoolIfExists`` denies these
  too; a plain ``Bool`` would allow them.
* Services have their own statement. Without it CloudFront, a service, would continue to publish.
* NotPrincipal is never used with Deny. For an assumed role ``aws:PrincipalArn`` is the role's ARN.

The level ``QUARANTINED_OBJECTS`` has one, for everybody, services too: no service delivers by
reading. S3 knows an object's tags where it is read or tagged, never where it is overwritten or
deleted (Amazon S3 User Guide, "Tagging and access control policies").

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
QUARANTINED_OBJECTS = "quarantined_objects"  # all of these, from objects with the tag; none else

QUARANTINED = ("cordon:status", "quarantined")  # the tag
# What s3:ExistingObjectTag is known for, and needed to read an object or to take its tag off.
READ_OR_TAG = [
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
]

# The reads of S3 are exactly s3:Get* and s3:List*. All other actions are changes.
READS = ["s3:Get*", "s3:List*"]
# Services that deliver logs, findings and reports into buckets: they keep access, for whichever
# account they deliver. Each with the page that names it. ``{region}`` is the bucket's.
# Firehose, DMS and the like deliver with a role of the owner's: exempt that role.
# CloudFront's legacy standard logs come by an ACL from an account that AWS does not document: a
# bucket that receives them must be protected by its name.
LOG_DELIVERY = {
    "bcm-data-exports.amazonaws.com": "Data Exports, Setting up an Amazon S3 bucket",
    "bedrock.amazonaws.com": "Bedrock, Monitor model invocation using CloudWatch Logs and S3",
    "billingreports.amazonaws.com": "Cost and Usage Reports, Setting up an Amazon S3 bucket",
    "cloudtrail.amazonaws.com": "CloudTrail, Amazon S3 bucket policy for CloudTrail",
    "config.amazonaws.com": "Config, Permissions for the S3 bucket of the delivery channel",
    "delivery.logs.amazonaws.com": "CloudWatch Logs, Enable logging from AWS services: flow logs, "
    "network load balancers, WAF, Network Firewall, Resolver queries, CloudFront v2 and others",
    "guardduty.amazonaws.com": "GuardDuty, Exporting generated findings to Amazon S3",
    "inspector2.amazonaws.com": "Inspector, Exporting Amazon Inspector findings reports",
    "logdelivery.elasticloadbalancing.amazonaws.com": "Elastic Load Balancing, Enable access logs "
    "for your Application Load Balancer",
    "logdelivery.elb.amazonaws.com": "the same page: Outposts Zones",
    "logging.s3.amazonaws.com": "S3, Enabling Amazon S3 server access logging",
    "logs.{region}.amazonaws.com": "CloudWatch Logs, Exporting log data to Amazon S3",
    "macie.amazonaws.com": "Macie, Storing and retaining sensitive data discovery results",
    "redshift.amazonaws.com": "Redshift, Database audit logging",
    "s3.amazonaws.com": "S3, Grant permissions for S3 Inventory and S3 analytics",
    "securitylake.amazonaws.com": "Security Lake, Bucket permissions",
    "ssm.amazonaws.com": "Systems Manager, Creating a resource data sync for Inventory",
    "storage-lens.s3.amazonaws.com": "S3, Setting permissions to use S3 Storage Lens: export",
}
# Where load balancers deliver access logs from an account of AWS, not as a service: by Region.
# Newer Regions have none. Elastic Load Balancing, "Enable access logs for your Application Load
# Balancer" and "… Classic Load Balancer": the account may put objects.
LOAD_BALANCERS = {
    "af-south-1": "098369216593",
    "ap-east-1": "754344448648",
    "ap-northeast-1": "582318560864",
    "ap-northeast-2": "600734575887",
    "ap-northeast-3": "383597477331",
    "ap-south-1": "718504428378",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
    "ap-southeast-3": "589379963580",
    "ca-central-1": "985666609251",
    "cn-north-1": "638102146993",
    "cn-northwest-1": "037604701340",
    "eu-central-1": "054676820928",
    "eu-north-1": "897822967062",
    "eu-south-1": "635631232127",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-west-3": "009996457667",
    "me-south-1": "076674570225",
    "sa-east-1": "507241528517",
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-gov-east-1": "190560391635",
    "us-gov-west-1": "048591011584",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
}
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
            if account := LOAD_BALANCERS.get(place.region):
                only_puts = {"NotAction": [*action.get("NotAction", ()), "s3:PutObject"]}
                condition = {"StringEquals": {"aws:PrincipalAccount": account}}
                result.append(_deny(place, bucket, f"{sid}LoadBalancers", only_puts, condition))
    if QUARANTINED_OBJECTS in levels:
        result.append(_quarantined(place, bucket, exempt))
    return result


def _quarantined(place: Place, bucket: str, exempt: Sequence[str]) -> dict[str, Any]:
    key, value = QUARANTINED
    return {
        "Sid": QUARANTINED_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": READ_OR_TAG,
        "Resource": f"arn:{place.partition}:s3:::{bucket}/*",
        "Condition": {
            "StringEquals": {f"s3:ExistingObjectTag/{key}": value},
            "ArnNotLike": {"aws:PrincipalArn": _patterns(place, exempt)},
        },
    }


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
    """All principals except the exempt ones. Services are in the other statement."""
    return {
        **condition,
        "ArnNotLike": {"aws:PrincipalArn": _patterns(place, exempt)},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }


def _patterns(place: Place, exempt: Sequence[str]) -> list[str]:
    """In a pattern for any account, the account is replaced by the owner's: anyone can create a
    role of that name in their own account.
    """
    return list(dict.fromkeys(_ANY_ACCOUNT.sub(rf"\g<1>{place.account}:", e) for e in exempt))


def _external(place: Place, organization: str) -> tuple[Conditions, Conditions]:
    """Principals of other accounts, and services that work for other accounts.

    A service call without a source account is not denied: most log delivery has none.
    """
    owner: dict[str, Any] = {
        "aws:PrincipalAccount": [place.account, *_load_balancers(place)],
    }
    source: dict[str, Any] = {
        "aws:SourceAccount": place.account,
        "aws:PrincipalServiceName": log_delivery(place),
    }
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
    accounts = _load_balancers(place)
    principals = {"StringNotEquals": {"aws:PrincipalAccount": accounts}} if accounts else {}
    return principals, {
        "Bool": {"aws:PrincipalIsAWSService": "true"},
        "StringNotEquals": {"aws:PrincipalServiceName": log_delivery(place)},
    }


def log_delivery(place: Place) -> list[str]:
    """The service principals that deliver logs to a bucket there."""
    names = [name.format(region=place.region) for name in LOG_DELIVERY]
    if place.partition == "aws-cn":  # some services use the partition's own suffix
        names += [f"{name}.cn" for name in names]
    return names


def _load_balancers(place: Place) -> list[str]:
    account = LOAD_BALANCERS.get(place.region)
    return [account] if account else []


_PARTS = ("", "Services", "LoadBalancers")
DENY_LEVELS: dict[
    str,
    tuple[str, dict[str, Any], Callable[[Place, str], tuple[Conditions, Conditions]]],
] = {
    OUTSIDERS: ("CordonDenyOutsiders", {"Action": "s3:*"}, _external),
    WRITES: ("CordonDenyWrites", {"NotAction": READS}, _everyone),
    EVERYONE: ("CordonDenyEveryone", {"Action": "s3:*"}, _everyone),
}
LEVELS = (*DENY_LEVELS, QUARANTINED_OBJECTS)
QUARANTINED_SID = "CordonDenyQuarantinedObjects"
SIDS = (
    *(f"{sid}{part}" for sid, *_ in DENY_LEVELS.values() for part in _PARTS),
    QUARANTINED_SID,
)
