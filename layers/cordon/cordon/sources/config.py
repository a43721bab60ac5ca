"""AWS Config's own event: ``aws.config``, "Config Rules Compliance Change".

Source: AWS Config Developer Guide, "Example Compliance Change Notification" and "Monitoring
AWS Config with Amazon EventBridge". Required: ``messageType`` ComplianceChangeNotification,
``awsAccountId``, ``awsRegion``, ``configRuleName``, ``resourceType``, ``resourceId`` and a time.
Config gives no severity, so it is MEDIUM.

A Config event has no finding id: ``native_id`` makes one that is the same for every evaluation of
a resource by a rule. A result that is null or INSUFFICIENT_DATA says nothing about the resource:
the rule may have been deleted.

The finding's type is the managed rule in the rule's name; id and title have the name as it is
deployed. That name is all that an event has: neither the event nor Security Hub's copy says which
managed rule is behind it.

Seen, in the spellings ``s3-bucket-…``, ``S3-Bucket-…``, ``s3_bucket_…``, ``S3_BUCKET_…``,
``S3Bucket…`` and ``s3Bucket…`` (as CloudFormation names a rule by its logical id), which the
template's rules let through; of SageMaker ``SageMaker…`` and ``Sagemaker…``:

- behind anything: ``OrgConfigRule-…`` (organization rules), ``AWSControlTower_AWS-GR_…``,
  ``StackSet-…``, a team's own prefix;
- before ``-conformance-pack-<id>``, a generated suffix (``-dbgzf8ba``), a Region, anything with a
  digit in it, and one word: ``…-prod``, ``…-prod-eu-west-1``.

Not seen:

- a managed rule with two or more other words behind it: such a name is about the rule, as in
  ``my-s3-bucket-public-read-prohibited-exception-report``, and may mean the opposite;
- ``securityhub-…``: the service-linked rules behind Security Hub's controls. The control's own
  finding arrives as well, and it alone knows whether a person suppressed it;
- a name that a person chose without the managed rule in it (``no-public-buckets``).

Of SageMaker and Bedrock every rule counts, managed or not: what follows is a tag.
Sources of names: "List of AWS Config Managed Rules", "Conformance Packs"; Audit Manager User Guide,
"AWS Config rules supported by AWS Audit Manager" (organization rules and conformance packs);
Control Tower, "Controls reference" (``AWS-GR_…``).
"""

import re

from cordon.finding import Finding, Place, Resource, ResourceRole, State
from cordon.sources import arns, places, severity, shapes, text, times
from cordon.sources.field import Field
from cordon.sources.resources import from_arn, resource

_STATES = {
    "NON_COMPLIANT": State.ACTIVE,
    "COMPLIANT": State.PASSED,
    "NOT_APPLICABLE": State.ARCHIVED,
    "INSUFFICIENT_DATA": State.NOT_EVALUATED,
}
_ID = 768  # Config ResourceId
_BUCKET_RULES = (
    "s3-bucket-level-public-access-prohibited",
    "s3-bucket-public-read-prohibited",
    "s3-bucket-public-write-prohibited",
)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z0-9])")
_BUCKET_RULE = re.compile(rf"(?:^|.*-)({'|'.join(_BUCKET_RULES)})((?:-.*)?)")
_AI_RULE = re.compile(r"(?:^|.*?-)((?:sagemaker-|bedrock).+)")
# by AWS: as part of a conformance pack, or for an organization
_DEPLOYED = re.compile(r"(.+)-conformance-pack-[a-z0-9]+|org-config-rule-(.+)-[a-z0-9]{8}")
_NO_WORDS = re.compile(
    r"-([a-z]{2}|us-gov|eusc-[a-z]{2})-(north|south|central)?(east|west)?-[0-9](?=-|$)"  # a Region
)
_MOST_WORDS = 1


def read(detail: Field, digest: str) -> Finding:
    """The finding in ``detail``."""
    kind = detail["messageType"]
    if kind.choice("ComplianceChangeNotification") == "":
        kind.malformed("is missing")
    place = places.place(detail["awsAccountId"], detail["awsRegion"])
    rule = detail["configRuleName"].required(shapes.RULE_NAME)
    target = _target(detail, place)
    result, previous = detail["newEvaluationResult"], detail["oldEvaluationResult"]
    first, last = times.first_and_last(
        (result["configRuleInvokedTime"],),
        (
            result["resultRecordedTime"],
            detail["notificationCreationTime"],
            previous["resultRecordedTime"],
        ),
    )
    compliance = result["complianceType"].choice(*_STATES)
    return Finding(
        id=native_id(place, rule, detail["resourceType"].value, detail["resourceId"].value),
        source="config",
        channel="config",
        type=managed_rule(rule),
        severity=severity.medium(),
        place=place,
        first_seen=first,
        last_seen=last,
        state=_STATES.get(compliance, State.NOT_EVALUATED),
        sample=False,
        authored_by_aws=True,
        resources=(target,),
        principal=None,
        title=text.one_line(f"{rule}: {target.name} is {compliance or 'not rated'}", text.TITLE),
        description=result["annotation"].text(text.DESCRIPTION),
        detail_sha256=digest,
    )


def native_id(place: Place, rule: str, kind: str, resource: str) -> str:
    """One id for all evaluations of a resource by a rule, here and in Security Hub."""
    return f"{place.account}/{place.region}/{rule}/{kind}/{resource}"


def managed_rule(name: str) -> str:
    """The managed rule in the name, as AWS spells it; the name itself if it has none.

    >>> managed_rule("AWSControlTower_AWS-GR_S3_BUCKET_PUBLIC_READ_PROHIBITED")
    's3-bucket-public-read-prohibited'
    >>> managed_rule("OrgConfigRule-sagemaker-notebook-no-direct-internet-access-dbgzf8ba")
    'sagemaker-notebook-no-direct-internet-access'
    >>> managed_rule("no-public-buckets")
    'no-public-buckets'
    """
    hyphened = re.sub(r"[-_ ]+", "-", _WORD.sub("-", name).lower())
    spelled = hyphened.replace("sage-maker", "sagemaker")
    if spelled.startswith("securityhub-"):
        return name
    if deployed := _DEPLOYED.fullmatch(spelled):
        spelled = deployed[1] or deployed[2]
    bucket = _BUCKET_RULE.fullmatch(spelled)
    if bucket and _is_suffix(bucket[2]):
        return bucket[1]
    ai = _AI_RULE.fullmatch(spelled)
    return ai[1] if ai and not bucket else name


def _is_suffix(rest: str) -> bool:
    """Does this only distinguish one deployment of the rule from another?"""
    tokens = _NO_WORDS.sub("", rest).split("-")
    return sum(token.isalpha() for token in tokens) <= _MOST_WORDS


def _target(detail: Field, place: Place) -> Resource:
    """The evaluated resource. By type, Config gives a name, an id (AROA… of a role) or an ARN."""
    kind = detail["resourceType"].required(shapes.CLOUDFORMATION_TYPE)
    id = detail["resourceId"]
    name = id.identifier(_ID)
    if name.startswith("arn:"):
        return from_arn(id, place, kind=kind)
    bucket = kind == shapes.BUCKET
    arn = f"arn:{place.partition}:s3:::{name}" if bucket else arns.ai_arn(kind, name, place)
    return resource(id, kind, name, place, arn=arn, role=ResourceRole.TARGET)
