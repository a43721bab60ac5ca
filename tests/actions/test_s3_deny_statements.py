"""Whom each level denies, told by a small evaluator of the operators the statements use.

The evaluator follows IAM User Guide, "IAM JSON policy elements: Condition operators": a missing
key fails a condition, fulfils a negated one, and fulfils any that ends in IfExists.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data, get_actions_with_access_level

from cordon.actions.s3.deny_statements import DENY_LEVELS, NAMES_SOMEBODY, READS, SIDS, denials
from cordon.finding import Place

PLACE = Place("aws", "123456789012", "us-east-1")
CHINA = Place("aws-cn", "123456789012", "cn-north-1")
EXEMPT = (
    "arn:aws:iam::123456789012:role/cordon/*",
    "arn:aws:iam::123456789012:role/aws-service-role/*",
    "arn:aws:iam::*:role/break-glass",
)
ORGANIZATION = "o-exampleorgid"


def person(arn: str, account: str, **more: str) -> dict[str, str]:
    return {
        "aws:PrincipalArn": arn,
        "aws:PrincipalAccount": account,
        "aws:PrincipalIsAWSService": "false",
        **{f"aws:{key}": value for key, value in more.items()},
    }


def service(name: str, account: str = "") -> dict[str, str]:
    source = {"aws:SourceAccount": account} if account else {}
    return {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": name, **source}


OWNER = person("arn:aws:iam::123456789012:role/app", "123456789012")
ROOT = person("arn:aws:iam::123456789012:root", "123456789012")
RESPONDER = person("arn:aws:iam::123456789012:role/cordon/quarantine", "123456789012")
MACIE = person(
    "arn:aws:iam::123456789012:role/aws-service-role/macie.amazonaws.com/x", "123456789012"
)
BREAK_GLASS = person("arn:aws:iam::123456789012:role/break-glass", "123456789012")
SPOOFED = person("arn:aws:iam::999988887777:role/break-glass", "999988887777")
STRANGER = person("arn:aws:iam::999988887777:role/thief", "999988887777")
COLLEAGUE = person(
    "arn:aws:iam::555566667777:role/app", "555566667777", PrincipalOrgID=ORGANIZATION
)
ANONYMOUS: dict[str, str] = {}
ANONYMOUS_NAMED = {"aws:PrincipalAccount": "anonymous"}  # as the IAM User Guide says it comes
CLOUDFRONT = service("cloudfront.amazonaws.com", "123456789012")
FOREIGN_CLOUDFRONT = service("cloudfront.amazonaws.com", "999988887777")
CLOUDTRAIL = service("cloudtrail.amazonaws.com", "123456789012")
LOGS_WITHOUT_SOURCE = service("logging.s3.amazonaws.com")

EVERYBODY = {
    "owner": OWNER,
    "root": ROOT,
    "responder": RESPONDER,
    "macie": MACIE,
    "break glass": BREAK_GLASS,
    "spoofed break glass": SPOOFED,
    "stranger": STRANGER,
    "colleague": COLLEAGUE,
    "anonymous": ANONYMOUS,
    "anonymous, named": ANONYMOUS_NAMED,
    "cloudfront": CLOUDFRONT,
    "foreign cloudfront": FOREIGN_CLOUDFRONT,
    "cloudtrail": CLOUDTRAIL,
    "logs without source": LOGS_WITHOUT_SOURCE,
}


def denied(level: str, action: str, *, organization: str = "", place: Place = PLACE) -> set[str]:
    made = denials(place, "data", {level}, EXEMPT, organization)
    return {
        name
        for name, context in EVERYBODY.items()
        if any(_covers(s, action) and _holds(s["Condition"], context) for s in made)
    }


def _covers(statement: dict[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(fnmatchcase(action, pattern) for pattern in statement["NotAction"])
    return fnmatchcase(action, statement["Action"])


def _holds(conditions: dict[str, dict[str, Any]], context: dict[str, str]) -> bool:
    return all(
        _compares(operator, key, wanted, context)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _compares(operator: str, key: str, wanted: Any, context: dict[str, str]) -> bool:
    values = wanted if isinstance(wanted, list) else [wanted]
    if operator == "Null":
        return (key not in context) is (values == ["true"])
    if key not in context:
        return operator.endswith("IfExists") or "Not" in operator
    matches = any(fnmatchcase(context[key], value) for value in values)
    return matches is ("Not" not in operator)


OUTSIDE = {"spoofed break glass", "stranger", "colleague", "anonymous", "anonymous, named"}
UNLISTED = {"cloudfront", "foreign cloudfront"}
INSIDE = {"owner", "root"}


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:GetBucketPolicy"])
def test_outsiders_are_denied_everything(action: str) -> None:
    assert denied("outsiders", action) == OUTSIDE | {"foreign cloudfront"}


def test_the_organization_is_no_outsider() -> None:
    everyone = OUTSIDE | {"foreign cloudfront"}
    assert denied("outsiders", "s3:GetObject", organization=ORGANIZATION) == everyone - {
        "colleague"
    }


@pytest.mark.parametrize(
    "action", ["s3:PutObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:TagResource"]
)
def test_writes_are_denied_to_all_but_the_exempt_and_log_delivery(action: str) -> None:
    assert denied("writes", action) == INSIDE | OUTSIDE | UNLISTED


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:ListBucket", "s3:GetBucketPolicy"])
def test_a_write_freeze_leaves_reads(action: str) -> None:
    assert denied("writes", action) == set()


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"])
def test_everyone_is_all_but_the_exempt_and_log_delivery(action: str) -> None:
    assert denied("everyone", action) == INSIDE | OUTSIDE | UNLISTED


@pytest.mark.parametrize("level", DENY_LEVELS)
@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutBucketPolicy"])
def test_nobody_exempt_is_ever_locked_out(level: str, action: str) -> None:
    locked_out = denied(level, action)
    assert not locked_out & {"responder", "macie", "break glass", "cloudtrail"}


def test_reads_are_exactly_what_aws_calls_reading_and_listing() -> None:
    """Of the actions a bucket policy can name: those on buckets and on objects."""
    reads = set[str]()
    writes = set[str]()
    for level in ("Read", "List"):
        reads |= _on_buckets_and_objects(level)
    for level in ("Write", "Permissions management", "Tagging"):
        writes |= _on_buckets_and_objects(level)
    assert len(reads) > 40
    assert len(writes) > 40
    assert {a for a in reads if not any(fnmatchcase(a, p) for p in READS)} == set()
    assert {a for a in writes if any(fnmatchcase(a, p) for p in READS)} == set()


def _on_buckets_and_objects(level: str) -> set[str]:
    found = set()
    for action in get_actions_with_access_level("s3", level):
        data = get_action_data("s3", action.partition(":")[2])
        arns = {row["resource_arn_format"] for row in data["s3"]} if data else set()
        if any(":s3:::" in arn for arn in arns):
            found.add(action)
    return found


def test_statements_name_bucket_and_objects_in_the_places_partition() -> None:
    for statement in denials(CHINA, "data", DENY_LEVELS, ("arn:aws-cn:iam::1:role/x",), ""):
        assert statement["Resource"] == ["arn:aws-cn:s3:::data", "arn:aws-cn:s3:::data/*"]
        assert statement["Effect"] == "Deny"
        assert statement["Principal"] == "*"


def test_log_delivery_in_china_goes_by_either_suffix() -> None:
    names = json.dumps(denials(CHINA, "data", {"everyone"}, EXEMPT, ""))
    assert '"cloudtrail.amazonaws.com"' in names
    assert '"cloudtrail.amazonaws.com.cn"' in names


def test_every_sid_is_known_and_is_plain_letters() -> None:
    made = denials(PLACE, "data", DENY_LEVELS, EXEMPT, "")
    assert tuple(statement["Sid"] for statement in made) == SIDS
    assert all(sid.isalnum() and sid.startswith("CordonDeny") for sid in SIDS)


def test_all_levels_together_leave_room_for_the_bucket_owners_own() -> None:
    assert len(json.dumps(denials(PLACE, "data", DENY_LEVELS, EXEMPT, ORGANIZATION))) < 5000


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("arn:aws:iam::123456789012:role/cordon/*", True),
        ("arn:aws:iam::*:role/break-glass", True),
        ("arn:aws:iam::123456789012:user/alice", True),
        ("arn:aws:iam::123456789012:root", True),
        ("arn:aws-us-gov:sts::123456789012:federated-user/alice", True),
        ("*", False),
        ("arn:aws:iam::*:*", False),
        ("arn:aws:iam::123456789012:role/*", False),
        ("arn:aws:iam::123456789012:*", False),
        ("arn:aws:iam::1234*:role/x", False),
        ("arn:aws:iam::123456789012:role/**", False),
        ("", False),
    ],
)
def test_an_exemption_must_name_somebody(pattern: str, names: bool) -> None:
    assert bool(NAMES_SOMEBODY.fullmatch(pattern)) is names
