"""What a source states beside the resources."""

import json
from typing import Any

import pytest

from cordon.finding import MOST_OF_A_FACT, Fact, Finding
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
    assert guarded(others=(("MISCONDUCT", "BLOCKED"), (None, "BLOCKED"))).facts == ()


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
