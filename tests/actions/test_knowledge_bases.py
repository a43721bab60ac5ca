"""A managed knowledge base is closed by its policy; any other one is for a person."""

import json

import pytest

from cordon.actions import Refused
from cordon.actions.knowledge_bases import DenyKnowledgeBase
from cordon.clients import AwsClients
from tests.actions.scenario import PLACE
from tests.actions.scenario_knowledge_bases import DENY, made, policy, put, read


@pytest.mark.parametrize("type", ["VECTOR", "KENDRA", "SQL"])
def test_only_a_managed_one_has_a_policy(aws: AwsClients, type: str) -> None:
    made(type=type)(aws)
    with pytest.raises(Refused, match=f"of type {type}.*contain their roles"):
        DENY.capture(aws)


def test_deny_names_everybody_and_all_that_can_be_read(aws: AwsClients) -> None:
    made(policy("Partner"))(aws)
    DENY.apply(aws, DENY.capture(aws), None)
    partner, ours = json.loads(read(aws))["Statement"]
    assert partner["Sid"] == "Partner"
    assert (ours["Effect"], ours["Principal"], ours["Resource"]) == ("Deny", "*", DENY.resource)
    assert ours["Action"] == ["bedrock:GetDocumentContent", "bedrock:Retrieve"]


def test_policy_without_room_is_for_a_person(aws: AwsClients) -> None:
    made()(aws)
    long = json.loads(policy("Partner"))
    long["Statement"][0]["Principal"]["AWS"] = ["arn:aws:iam::444455556666:root"] * 612
    put(aws, json.dumps(long, separators=(",", ":")))
    with pytest.raises(Refused, match="20,480"):
        DENY.capture(aws)


@pytest.mark.parametrize("id", ["", "KB", "KB*AAAAAAA", "KBAAAAAAAA/x"])
def test_what_is_no_id_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="base"):
        DenyKnowledgeBase(PLACE, id)
