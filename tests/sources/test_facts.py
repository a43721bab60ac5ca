"""What a source states beside the resources."""

import json
from typing import Any

import pytest

from cordon.finding import MALICIOUS_OBJECT, MOST_OF_A_FACT, Fact, Finding
from cordon.sources import read
from tests.make import a_finding
from tests.sources import samples


def guarded(*actions: Any, others: tuple[tuple[Any, str], ...] = ()) -> Finding:
    named = [*(("PROMPT_ATTACK", action) for action in actions), *others]
    filters = [{"type": type, "confidence": "HIGH", "action": action} for type, action in named]
    resource = samples.guardduty()["detail"]["resource"]
    details = {"guardrailAction": "GUARDRAIL_INTERVENED", "contentPolicyFilters": filters}
    return read(samples.guardduty(resource=resource | {"bedrockGuardrailDetails": details}))


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (["BLOCKED"], "blocked"),
        (["NONE"], "passed"),
        (["BLOCKED", "NONE"], "passed"),
        ([None], "passed"),
        ([], ""),
    ],
)
def test_attack_is_blocked_only_where_every_filter_of_attacks_says_so(
    actions: list[Any], expected: str
) -> None:
    assert guarded(*actions).fact(Fact.GUARDRAIL) == expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ((("MISCONDUCT", "NONE"),), "blocked"),
        ((("JAILBREAK", "NONE"),), "passed"),
        ((("JAILBREAK", "BLOCKED"), ("HATE", "NONE")), "blocked"),
    ],
)
def test_other_filters_say_nothing_of_the_attack(
    others: tuple[tuple[str, str], ...], expected: str
) -> None:
    assert guarded("BLOCKED", others=others).fact(Fact.GUARDRAIL) == expected
    assert guarded("NONE", others=others).fact(Fact.GUARDRAIL) == "passed"
    assert guarded(others=(("MISCONDUCT", "BLOCKED"), (None, "BLOCKED"))).fact(Fact.GUARDRAIL) == ""


def test_what_a_guardrail_blocked_was_denied() -> None:
    assert guarded("BLOCKED").denied
    assert not guarded("NONE").denied
    assert not guarded().denied


def test_rule_and_sequence_of_guardduty() -> None:
    sequence = "arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/s"
    finding = read(
        samples.guardduty(
            customDetectionRuleName="SageMakerLifecycleConfigModified",
            associatedAttackSequenceArn=sequence,
        )
    )
    assert finding.fact(Fact.RULE) == "SageMakerLifecycleConfigModified"
    assert finding.fact(Fact.SEQUENCE) == sequence
    assert finding.fact(Fact.INVOCATIONS) == ""


def test_count_of_invocations_is_a_fact_of_models() -> None:
    detail = samples.guardduty()["detail"]
    finding = read(
        samples.guardduty(
            resource=detail["resource"] | {"modelDetails": [{"modelId": "amazon.nova-pro-v1:0"}]},
            service=detail["service"] | {"count": 12000},
        )
    )
    assert finding.fact(Fact.INVOCATIONS) == "12000"


@pytest.mark.parametrize("hostile", ["x" * 9_000, "a\x1b[31m\u202eb\n", {"a": 1}, ["x"], True])
def test_fact_is_bounded_and_printable_or_absent(hostile: Any) -> None:
    said = read(samples.guardduty(customDetectionRuleName=hostile)).fact(Fact.RULE)
    assert len(said) <= MOST_OF_A_FACT
    assert said.isprintable()
    assert isinstance(hostile, str) or said == ""


def test_facts_survive_memory() -> None:
    finding = a_finding(facts=(("rule", "x"),))
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding
    old = finding.to_json()
    del old["facts"]
    assert Finding.from_json(old).facts == ()


def found_in(*objects: Any) -> Finding:
    bucket = {"arn": "arn:aws:s3:::data", "name": "data", "s3ObjectDetails": list(objects)}
    resource = samples.guardduty()["detail"]["resource"] | {"s3BucketDetails": [bucket]}
    return read(samples.guardduty(type=MALICIOUS_OBJECT, resource=resource))


@pytest.mark.parametrize(
    ("stated", "version", "etag"),
    [
        ({"versionId": "a.B_-~9", "eTag": '"0a-2"'}, "a.B_-~9", "0a-2"),
        ({"versionId": "null", "eTag": "0a"}, "", "0a"),
        ({"versionId": "x" * 257, "eTag": "a b"}, "", ""),
        ({"versionId": "a@b", "eTag": None}, "", ""),
        ({"versionId": 7, "eTag": ["x"]}, "", ""),
        ({}, "", ""),
    ],
)
def test_version_and_etag_of_the_one_object(
    stated: dict[str, Any], version: str, etag: str
) -> None:
    finding = found_in({"key": "k", **stated})
    assert finding.fact(Fact.OBJECT_VERSION) == version
    assert finding.fact(Fact.OBJECT_ETAG) == etag
    details = {"VersionId": stated.get("versionId"), "ETag": stated.get("eTag")}
    item = {"Type": "AwsS3Object", "Id": "arn:aws:s3:::data/k", "Details": {"AwsS3Object": details}}
    copy = read(samples.asff(Resources=[*samples.an_asff()["Resources"], item]))
    assert copy.fact(Fact.OBJECT_VERSION) == version
    assert copy.fact(Fact.OBJECT_ETAG) == etag


def test_of_several_objects_no_version_is_stated() -> None:
    finding = found_in({"key": "k", "versionId": "v"}, {"key": "l", "versionId": "w"})
    assert finding.fact(Fact.OBJECT_VERSION) == ""
