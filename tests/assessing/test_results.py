"""What reaches AWS Config: all that was found, what is no longer there, nothing that is unknown."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from cordon.assessing.evaluation import ACCOUNT, Compliance, Evaluation, Unlisted, Unread
from cordon.assessing.handler import RULES, handler
from cordon.assessing.request import Request
from cordon.assessing.results import Results
from cordon.errors import Malformed, RunIncomplete

AT = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
REQUEST = Request("cordon-some-rule", "aws", "111122223333", "a token", AT, {})
TYPE = "AWS::SageMaker::ModelPackage"


@dataclass
class Config:
    """AWS Config: what it knows of the rule, and what it is sent."""

    known: Sequence[str] = ()
    refuses: int = 0  # of each call
    sent: list[list[Mapping[str, Any]]] = field(default_factory=list)

    def put_evaluations(self, **named: Any) -> dict[str, Any]:
        assert named["ResultToken"] == REQUEST.token
        assert len(named["Evaluations"]) <= 100
        self.sent.append(named["Evaluations"])
        return {"FailedEvaluations": named["Evaluations"][: self.refuses]}

    def get_paginator(self, _: str) -> "Config":
        return self

    def paginate(self, **named: Any) -> list[Any]:
        assert named["ComplianceTypes"] == ["COMPLIANT", "NON_COMPLIANT"]
        return [{"EvaluationResults": [
            {"EvaluationResultIdentifier": {
                "EvaluationResultQualifier": {"ResourceType": TYPE, "ResourceId": one}}}
            for one in self.known
        ]}]  # fmt: skip

    @property
    def said(self) -> dict[str, str]:
        """Each resource, and what is said of it at last."""
        every = [one for some in self.sent for one in some]
        assert {one["OrderingTimestamp"] for one in every} <= {AT}
        return {one["ComplianceResourceId"]: one["ComplianceType"] for one in every}


def of(id: str, compliance: Compliance = Compliance.COMPLIANT, note: str = "") -> Evaluation:
    return Evaluation(TYPE, id, compliance, note)


def put(config: Config, *found: Evaluation | Unread | Unlisted, time: Any = lambda: True) -> None:
    Results(config, REQUEST).put_all(iter(found), time)


def test_a_hundred_at_a_time() -> None:
    config = Config()
    put(config, *(of(str(n)) for n in range(205)))
    assert [len(some) for some in config.sent] == [100, 100, 5]


def test_what_is_no_longer_found_is_no_longer_applicable() -> None:
    config = Config(known=["deleted", "there"])
    put(config, of("there", Compliance.NON_COMPLIANT))
    assert config.said == {"there": "NON_COMPLIANT", "deleted": "NOT_APPLICABLE"}


def test_what_could_not_be_read_stays_as_it_was() -> None:
    config = Config(known=["unread"])
    with pytest.raises(RunIncomplete, match="unread: access to it is denied"):
        put(config, Unread(TYPE, "unread", "access to it is denied"), of("there"))
    assert config.said == {"there": "COMPLIANT"}


def test_what_could_not_be_listed_stays_as_it_was() -> None:
    config = Config(known=["deleted"])
    put(config, of("there"), Unlisted("AWS::BedrockAgentCore::", "it cannot be reached"))
    assert config.said == {"there": "COMPLIANT", "deleted": "NOT_APPLICABLE"}
    config = Config(known=["not listed"])
    with pytest.raises(RunIncomplete, match="not listed: it cannot be reached"):
        put(config, of("there"), Unlisted("AWS::SageMaker::", "it cannot be reached"))
    assert config.said == {"there": "COMPLIANT"}


def test_a_run_that_did_not_see_all_says_of_nothing_that_it_is_no_longer_there() -> None:
    config, left = Config(known=["not seen"]), iter((True, False))
    with pytest.raises(RunIncomplete, match="time"):
        put(config, of("there"), of("last"), of("too late"), time=lambda: next(left))
    assert config.said == {"there": "COMPLIANT", "last": "COMPLIANT"}

    def breaks() -> Iterator[Evaluation]:
        yield of("there")
        raise OSError

    with pytest.raises(OSError):
        put(config, *breaks())
    assert "not seen" not in config.said


def test_a_rule_without_a_resource_is_about_the_account() -> None:
    config = Config()
    put(config)
    assert config.said == {"111122223333": "NOT_APPLICABLE"}
    assert config.sent[0][0]["ComplianceResourceType"] == ACCOUNT


def test_what_config_does_not_take_is_a_failure() -> None:
    with pytest.raises(RunIncomplete, match="did not take 1"):
        put(Config(refuses=1), of("there"))


def test_a_note_is_short_and_one_line() -> None:
    sent = of("there", note="x" * 300 + "\n\u202e").to_json(AT)
    assert len(sent["Annotation"]) == 256
    assert sent["Annotation"].isprintable()
    assert "Annotation" not in of("there").to_json(AT)


# What Config sends

INVOKING = {
    "awsAccountId": "111122223333",
    "notificationCreationTime": "2026-11-24T06:00:00.373Z",
    "messageType": "ScheduledNotification",
    "recordVersion": "1.0",
}
EVENT = {
    "invokingEvent": json.dumps(INVOKING),
    "ruleParameters": '{"regions": "eu-west-1"}',
    "accountId": "111122223333",
    "configRuleArn": "arn:aws-cn:config:cn-north-1:111122223333:config-rule/config-rule-1",
    "resultToken": "a token",
    "configRuleName": "cordon-some-rule",
}


def test_a_request_is_read() -> None:
    request = Request.of(EVENT)
    assert (request.rule, request.token) == ("cordon-some-rule", "a token")
    assert (request.partition, request.account) == ("aws-cn", "111122223333")
    assert request.at.replace(microsecond=0) == AT
    assert request.parameters == {"regions": "eu-west-1"}
    assert Request.of({**EVENT, "ruleParameters": ""}).parameters == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"invokingEvent": ""},
        {"invokingEvent": "{"},
        {"invokingEvent": "[]"},
        {"invokingEvent": json.dumps({**INVOKING, "messageType": "ConfigurationSnapshot"})},
        {"invokingEvent": json.dumps({**INVOKING, "notificationCreationTime": "now"})},
        {"invokingEvent": json.dumps({"messageType": "ScheduledNotification"})},
        {"ruleParameters": "["},
        {"ruleParameters": {"regions": "eu-west-1"}},
        {"resultToken": None},
        {"accountId": None},
        {"configRuleArn": "aws-cn"},
        {"configRuleName": 7},
    ],
)
def test_what_config_would_not_send_is_malformed(changed: Any) -> None:
    with pytest.raises(Malformed):
        Request.of({**EVENT, **changed})


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"configRuleName": "cordon-other"}, "no rule of ours"), ({}, "another account")],
)
def test_a_rule_or_an_account_of_somebody_else_is_refused(
    changed: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ACCOUNT", "PARTITION", "STACK", "TABLE"):
        monkeypatch.setenv(f"CORDON_{name}", "444455556666")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(Malformed, match=why):
        handler({**EVENT, "configRuleName": next(iter(RULES)), **changed}, None)


def test_an_event_is_an_object() -> None:
    events: tuple[Any, ...] = (None, [], "text")
    for event in events:
        with pytest.raises(Malformed):
            Request.of(event)
