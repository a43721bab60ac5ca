"""A Config rule is found by the managed rule in its name: by the template and by the exact gate.

Names as AWS deploys rules: Audit Manager User Guide, "AWS Config rules supported by AWS Audit
Manager" (organizations, conformance packs); Control Tower, "Controls reference".
"""

import pytest

from cordon.sources.config import managed_rule
from tests.architecture.test_template_rules import config, reached
from tests.examples import ESCALATE, QUARANTINE, TAG

READ_RULES = (  # as AWS deploys the managed rule, and as people do
    "OrgConfigRule-{}-abc123",
    "OrgConfigRule-{}-dbgzfyba",
    "AWSControlTower_AWS-GR_{}",
    "{}-conformance-pack-szsm1uv0w",
    "OrgConfigRule-{}-conformance-pack-abcdefgh",
    "StackSet-baseline-0a1b2c3d-{}-1ABCDEFGHIJK",
    "acme-{}-prod-eu-central-1",
    "{}",
)
UNREAD_RULES = (
    "my-{}-exception-report",
    "{}-exception-report",
    "{}-an-exception-report-1",
    "securityhub-{}-1a2b3c4d",
    "my{}",
    "{}s",
    "no-public-buckets",
)
BUCKET_RULES = (
    "s3-bucket-public-read-prohibited",
    "s3-bucket-public-write-prohibited",
    "s3-bucket-level-public-access-prohibited",
)


def spellings(rule: str) -> list[str]:
    camel = "".join(word.capitalize() for word in rule.split("-"))
    lower = camel[0].lower() + camel[1:]
    title = "-".join(word.capitalize() for word in rule.split("-"))
    return [rule, rule.replace("-", "_"), rule.replace("-", "_").upper(), camel, lower, title]


@pytest.mark.parametrize("form", READ_RULES)
@pytest.mark.parametrize("rule", BUCKET_RULES)
def test_bucket_rule_is_found_anywhere_in_the_name(rule: str, form: str) -> None:
    for spelled in spellings(rule):
        name = form.format(spelled)
        both = {QUARANTINE.name, ESCALATE.name}
        assert reached(config(name)) == both, name
        assert managed_rule(name) == rule, name


@pytest.mark.parametrize("form", UNREAD_RULES)
@pytest.mark.parametrize("rule", BUCKET_RULES)
def test_name_about_a_bucket_rule_is_not_the_rule(rule: str, form: str) -> None:
    """The coarse gate may let it through, the exact one does not."""
    for spelled in spellings(rule):
        name = form.format(spelled)
        if name.startswith("myS3"):
            continue  # a capital letter begins a word
        assert f"config:{managed_rule(name)}" not in QUARANTINE.handles, name


@pytest.mark.parametrize("form", READ_RULES)
@pytest.mark.parametrize(
    "rule", ["sagemaker-domain-in-vpc", "bedrock-data-source-encryption-enabled"]
)
def test_ai_rule_is_found_anywhere_in_the_name(rule: str, form: str) -> None:
    for spelled in (*spellings(rule), spellings(rule)[3].replace("Sagemaker", "SageMaker")):
        name = form.format(spelled)
        assert reached(config(name)) == {TAG.name}, name
        suffix = "-prod-eu-central-1" if name.endswith("-prod-eu-central-1") else ""
        if form.startswith("StackSet"):
            suffix = "-1abcdefghijk"
        if form.endswith("-abc123"):
            suffix = "-abc123"  # Organizations makes eight characters: this is somebody's own
        assert managed_rule(name) == rule + suffix, name
