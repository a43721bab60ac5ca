"""Which callers each level denies, decided by a small evaluator of the condition operators.

The evaluator follows IAM User Guide, "IAM JSON policy elements: Condition operators": a missing
key fails a condition, fulfils a negated one, and fulfils any that ends in IfExists.
"""

import json
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data, get_actions_with_access_level

from cordon.actions.s3.deny_statements import (
    DENY_LEVELS,
    LEVELS,
    LOAD_BALANCERS,
    LOG_DELIVERY,
    NAMES_A_PRINCIPAL,
    READS,
    SIDS,
    denials,
)
from cordon.finding import Place

PLACE = Place("aws", "123456789012", "us-east-1")
CHINA = Place("aws-cn", "123456789012", "cn-north-1")
EXEMPT = (
    "arn:aws:iam::123456789012:role/cordon/*",
    "arn:aws:iam::123456789012:role/aws-service-role/*",
    "arn:aws:iam::*:role/break-glass",
)
ORGANIZATION = "o-exampleorgid"


def principal(arn: str, account: str, **more: str) -> dict[str, str]:
    return {
        "aws:PrincipalArn": arn,
        "aws:PrincipalAccount": account,
        "aws:PrincipalIsAWSService": "false",
        **{f"aws:{key}": value for key, value in more.items()},
    }


def service(name: str, account: str = "") -> dict[str, str]:
    source = {"aws:SourceAccount": account} if account else {}
    return {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": name, **source}


OWNER = principal("arn:aws:iam::123456789012:role/app", "123456789012")
ROOT = principal("arn:aws:iam::123456789012:root", "123456789012")
RESPONDER = principal("arn:aws:iam::123456789012:role/cordon/quarantine", "123456789012")
MACIE = principal(
    "arn:aws:iam::123456789012:role/aws-service-role/macie.amazonaws.com/x", "123456789012"
)
BREAK_GLASS = principal("arn:aws:iam::123456789012:role/break-glass", "123456789012")
SPOOFED = principal("arn:aws:iam::999988887777:role/break-glass", "999988887777")
STRANGER = principal("arn:aws:iam::999988887777:role/thief", "999988887777")
COLLEAGUE = principal(
    "arn:aws:iam::555566667777:role/app", "555566667777", PrincipalOrgID=ORGANIZATION
)
ANONYMOUS: dict[str, str] = {}
ANONYMOUS_NAMED = {"aws:PrincipalAccount": "anonymous"}  # the form in the IAM User Guide
CLOUDFRONT = service("cloudfront.amazonaws.com", "123456789012")
FOREIGN_CLOUDFRONT = service("cloudfront.amazonaws.com", "999988887777")
CLOUDTRAIL = service("cloudtrail.amazonaws.com", "123456789012")
LOGS_WITHOUT_SOURCE = service("logging.s3.amazonaws.com")

FOREIGN_CLOUDTRAIL = service(
    "cloudtrail.amazonaws.com", "999988887777"
)  # an account that logs here
LOAD_BALANCER = principal("arn:aws:iam::127311923021:root", "127311923021")  # us-east-1's

CALLERS = {
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
    "foreign cloudtrail": FOREIGN_CLOUDTRAIL,
    "load balancer": LOAD_BALANCER,
}


def denied(level: str, action: str, *, organization: str = "", place: Place = PLACE) -> set[str]:
    statements = denials(place, "data", {level}, EXEMPT, organization)
    return {
        name
        for name, context in CALLERS.items()
        if any(_covers(s, action) and _matches(s["Condition"], context) for s in statements)
    }


def _covers(statement: dict[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(fnmatchcase(action, pattern) for pattern in statement["NotAction"])
    return fnmatchcase(action, statement["Action"])


def _matches(conditions: dict[str, dict[str, Any]], context: dict[str, str]) -> bool:
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
def test_outsiders_level_denies_other_accounts(action: str) -> None:
    assert denied("outsiders", action) == OUTSIDE | {"foreign cloudfront"} | beyond_puts(action)


def beyond_puts(action: str) -> set[str]:
    """The account of AWS that delivers the logs of load balancers may put objects only."""
    return set() if action == "s3:PutObject" else {"load balancer"}


def test_outsiders_excludes_the_organization() -> None:
    everyone = OUTSIDE | {"foreign cloudfront", "load balancer"}
    assert denied("outsiders", "s3:GetObject", organization=ORGANIZATION) == everyone - {
        "colleague"
    }


@pytest.mark.parametrize(
    "action",
    [
        "s3:PutObject",
        "s3:DeleteObjectVersion",
        "s3:PutBucketPolicy",
        "s3:PutBucketVersioning",
        "s3:TagResource",
    ],
)
def test_writes_level_denies_all_but_the_exempt(action: str) -> None:
    assert denied("writes", action) == INSIDE | OUTSIDE | UNLISTED | beyond_puts(action)


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:ListBucket", "s3:GetBucketPolicy"])
def test_writes_level_allows_reads(action: str) -> None:
    assert denied("writes", action) == set()


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"])
def test_everyone_level_denies_all_but_the_exempt(action: str) -> None:
    assert denied("everyone", action) == INSIDE | OUTSIDE | UNLISTED | beyond_puts(action)


# Deliveries of logs (B13)

DELIVERS = {  # what their pages let them do with the bucket
    "s3:PutObject": set(LOG_DELIVERY),
    "s3:GetBucketAcl": set(LOG_DELIVERY) - {"s3.amazonaws.com"},
}


def is_denied(level: str, action: str, caller: dict[str, str], place: Place) -> bool:
    statements = denials(place, "data", {level}, EXEMPT, ORGANIZATION)
    return any(_covers(s, action) and _matches(s["Condition"], caller) for s in statements)


@pytest.mark.parametrize("level", DENY_LEVELS)
def test_no_level_stops_a_delivery_of_logs(level: str) -> None:
    sources = ("", PLACE.account, "999988887777")
    for name, source, action in product(LOG_DELIVERY, sources, DELIVERS):
        caller = service(name.format(region=PLACE.region), source)
        assert not is_denied(level, action, caller, PLACE), (name, source, action)


@pytest.mark.parametrize("level", DENY_LEVELS)
def test_each_regions_load_balancers_put_their_logs_and_no_others(level: str) -> None:
    for region, account in LOAD_BALANCERS.items():
        for other, another in LOAD_BALANCERS.items():
            place = Place("aws", PLACE.account, region)
            caller = principal(f"arn:aws:iam::{another}:root", another)
            assert is_denied(level, "s3:PutObject", caller, place) is (other != region)
        assert is_denied(level, "s3:DeleteObject", principal("x", account), place)


@pytest.mark.parametrize("level", DENY_LEVELS)
def test_a_region_without_an_account_for_load_balancers_has_no_third_statement(level: str) -> None:
    statements = denials(Place("aws", PLACE.account, "il-central-1"), "data", {level}, EXEMPT, "")
    assert len(statements) == 2


def test_accounts_of_load_balancers_are_accounts() -> None:
    assert all(len(account) == 12 and account.isdigit() for account in LOAD_BALANCERS.values())
    assert len(set(LOAD_BALANCERS.values())) == len(LOAD_BALANCERS) == 26


def test_every_delivery_names_its_page() -> None:
    assert all(len(page) > 10 for page in LOG_DELIVERY.values())


def test_no_delivery_is_lost() -> None:
    """Kept a second time: whoever takes one out of the table stops somebody's logs (B13)."""
    services = (
        "bcm-data-exports bedrock billingreports cloudtrail config delivery.logs guardduty"
        " inspector2 logdelivery.elasticloadbalancing logdelivery.elb logging.s3 logs.{region}"
        " macie redshift s3 securitylake ssm storage-lens.s3"
    )
    assert {f"{name}.amazonaws.com" for name in services.split()} == {*LOG_DELIVERY}


@pytest.mark.parametrize("level", DENY_LEVELS)
@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutBucketPolicy"])
def test_no_level_denies_an_exempt_principal(level: str, action: str) -> None:
    locked_out = denied(level, action)
    assert not locked_out & {"responder", "macie", "break glass", "cloudtrail"}


def test_read_patterns_match_the_read_access_levels() -> None:
    """Compares the actions on buckets and objects, which a bucket policy can contain."""
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
    actions = set()
    for action in get_actions_with_access_level("s3", level):
        data = get_action_data("s3", action.partition(":")[2])
        arns = {row["resource_arn_format"] for row in data["s3"]} if data else set()
        if any(":s3:::" in arn for arn in arns):
            actions.add(action)
    return actions


def test_statements_use_arns_of_the_partition() -> None:
    for statement in denials(CHINA, "data", DENY_LEVELS, ("arn:aws-cn:iam::1:role/x",), ""):
        assert statement["Resource"] == ["arn:aws-cn:s3:::data", "arn:aws-cn:s3:::data/*"]
        assert statement["Effect"] == "Deny"
        assert statement["Principal"] == "*"


def test_china_exempts_log_delivery_of_both_suffixes() -> None:
    names = json.dumps(denials(CHINA, "data", {"everyone"}, EXEMPT, ""))
    assert '"cloudtrail.amazonaws.com"' in names
    assert '"cloudtrail.amazonaws.com.cn"' in names


def test_sids_are_listed_and_alphanumeric() -> None:
    statements = denials(PLACE, "data", LEVELS, EXEMPT, "")
    assert tuple(statement["Sid"] for statement in statements) == SIDS
    assert all(sid.isalnum() and sid.startswith("CordonDeny") for sid in SIDS)


def test_all_levels_together_stay_small() -> None:
    assert len(json.dumps(denials(PLACE, "data", LEVELS, EXEMPT, ORGANIZATION))) < 5500


@pytest.mark.parametrize(
    ("pattern", "is_valid"),
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
def test_exemption_pattern_must_name_a_principal(pattern: str, is_valid: bool) -> None:
    assert bool(NAMES_A_PRINCIPAL.fullmatch(pattern)) is is_valid
