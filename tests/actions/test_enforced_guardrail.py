"""What may be enforced, and what stays as it is."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import PaginationError

from cordon.actions import NotVerified, Refused, Undone
from cordon.actions.enforced_guardrail import EnforceGuardrail, listed_configurations
from cordon.clients import AwsClients
from embedded.backends import guardrails
from embedded.backends.guardrails import PROMPT_ATTACKS
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_guardrail import (
    ENFORCE,
    GUARDRAIL,
    HERE,
    NOT_EMBEDDINGS,
    TAGGED,
    put,
    read,
    there,
)

OTHER = "grother00001"
REASONING = {
    "policies": [
        f"arn:aws:bedrock:{PLACE.region}:{PLACE.account}:automated-reasoning-policy/abcdefghij12"
    ]
}


def applied(aws: AwsClients) -> tuple[Any, Any]:
    captured = ENFORCE.capture(aws)
    return captured, ENFORCE.apply(aws, captured, None)


@pytest.mark.parametrize(
    ("guardrail", "version"),
    [
        ("gr1", "DRAFT"),
        ("gr1", "0"),
        ("gr1", "123456789"),
        ("gr1", ""),
        ("", "1"),
        ("GR1", "1"),
        ("gr1/../x", "1"),
        ("g" * 65, "1"),
    ],
)
def test_odd_names_are_no_guardrail(guardrail: str, version: str) -> None:
    with pytest.raises(ValueError, match="not id:version"):
        EnforceGuardrail(PLACE, guardrail, version)


@pytest.mark.parametrize(
    ("filters", "more", "why"),
    [
        (({**PROMPT_ATTACKS, "inputAction": "NONE"},), {}, "does not block prompt attacks"),
        (({**PROMPT_ATTACKS, "inputStrength": "MEDIUM"},), {}, "does not block prompt attacks"),
        (({**PROMPT_ATTACKS, "inputEnabled": False},), {}, "does not block prompt attacks"),
        (({**PROMPT_ATTACKS, "type": "HATE"},), {}, "does not block prompt attacks"),
        ((), {"contentPolicy": {}}, "does not block prompt attacks"),
        ((), {"automatedReasoningPolicy": REASONING}, "has an automated reasoning policy"),
        ((), {"status": "FAILED"}, "is FAILED, not READY"),
    ],
)
def test_what_would_block_nothing_or_break_calls_is_not_enforced(
    aws: AwsClients, filters: tuple[Any, ...], more: dict[str, Any], why: str
) -> None:
    guardrails.is_there(GUARDRAIL, "3", HERE, *filters, **more)
    with pytest.raises(Refused, match=why):
        ENFORCE.capture(aws)
    assert read(aws) == []


def test_filter_without_an_action_blocks(aws: AwsClients) -> None:
    filter = {name: PROMPT_ATTACKS[name] for name in ("type", "inputStrength", "outputStrength")}
    guardrails.is_there(GUARDRAIL, "3", HERE, filter)
    assert ENFORCE.capture(aws) == {"enforced": None}


def test_guardrail_that_does_not_exist_is_not_enforced(aws: AwsClients) -> None:
    """AWS User Guide: with one that cannot be applied every model call fails."""
    guardrails.is_there(GUARDRAIL, "2", HERE)
    with pytest.raises(Refused, match=r"version 3 of .* does not exist"):
        ENFORCE.capture(aws)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_guardrail_of_others_stays(aws: AwsClients, when: str) -> None:
    there(aws)
    guardrails.is_there(OTHER, "1", HERE)
    captured = {"enforced": None} if when == "before" else ENFORCE.capture(aws)
    theirs = {"guardrailIdentifier": OTHER, "guardrailVersion": "1"}
    aws.client("bedrock").put_enforced_guardrail_configuration(guardrailInferenceConfig=theirs)
    before = read(aws)
    with pytest.raises(Refused, match=f"guardrail/{OTHER} is enforced here already"):
        if when == "before":
            ENFORCE.capture(aws)
        else:
            ENFORCE.apply(aws, captured, None)
    assert read(aws) == before


@pytest.mark.parametrize("before", [None, "2"])
def test_guardrail_that_a_person_put_in_its_place_stays(
    aws: AwsClients, before: str | None
) -> None:
    """By the same configId: to delete that would delete theirs."""
    there(aws)
    if before:
        put(aws, before)
    captured, written = applied(aws)
    guardrails.is_there(OTHER, "1", HERE)
    aws.client("bedrock").put_enforced_guardrail_configuration(
        configId=written["enforced"]["configId"],
        guardrailInferenceConfig={"guardrailIdentifier": OTHER, "guardrailVersion": "1"},
    )
    theirs = read(aws)
    with pytest.raises(NotVerified):
        ENFORCE.verify(aws, captured, written)
    undone = ENFORCE.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert "a person replaced" in undone.reason
    assert read(aws) == theirs


def test_how_it_is_enforced_must_be_able_to_be_put_back(aws: AwsClients) -> None:
    """inputTags is what List says of an older configuration; Put does not take it."""
    there(aws)
    old = {
        "configId": "abc",
        "guardrailArn": ENFORCE.resource,
        "guardrailId": GUARDRAIL,
        "guardrailVersion": "2",
        "inputTags": "HONOR",
    }
    stub(
        aws, "bedrock", "ListEnforcedGuardrailsConfiguration", lambda _: {"guardrailsConfig": [old]}
    )
    with pytest.raises(Refused, match="inputTags"):
        ENFORCE.capture(aws)


def test_every_page_is_read(aws: AwsClients) -> None:
    there(aws)
    other = {"configId": "b", "guardrailArn": f"{ENFORCE.resource}x", "guardrailVersion": "1"}

    def pages(params: dict[str, Any]) -> dict[str, Any]:
        if "nextToken" in params:
            return {"guardrailsConfig": [other]}
        return {"guardrailsConfig": [], "nextToken": "more"}

    stub(aws, "bedrock", "ListEnforcedGuardrailsConfiguration", pages)
    with pytest.raises(Refused, match="is enforced here already"):
        ENFORCE.capture(aws)


def test_verify_looks_and_believes_no_response(aws: AwsClients) -> None:
    there(aws)
    captured = ENFORCE.capture(aws)
    stub(aws, "bedrock", "PutEnforcedGuardrailConfiguration", lambda _: {"configId": "made"})
    written = ENFORCE.apply(aws, captured, None)
    with pytest.raises(NotVerified, match="enforced is None"):
        ENFORCE.verify(aws, captured, written)


def test_callers_cannot_leave_their_messages_unread(aws: AwsClients) -> None:
    there(aws)
    applied(aws)
    (now,) = read(aws)
    assert now["selectiveContentGuarding"] == {"system": "SELECTIVE", "messages": "COMPREHENSIVE"}
    assert now["modelEnforcement"] == {"includedModels": ["ALL"], "excludedModels": []}


def test_models_that_a_person_excluded_stay_excluded_and_are_named(aws: AwsClients) -> None:
    there(aws)
    put(aws, "2", modelEnforcement=NOT_EMBEDDINGS, selectiveContentGuarding=TAGGED)
    captured, written = applied(aws)
    ENFORCE.verify(aws, captured, written)
    (now,) = read(aws)
    assert (now["guardrailVersion"], now["modelEnforcement"]) == ("3", NOT_EMBEDDINGS)
    assert ENFORCE.note(written) == (
        "as it was set before: not for amazon.titan-embed-text-v2:0; of messages what is tagged"
    )


def test_nothing_is_noted_where_every_call_passes_it(aws: AwsClients) -> None:
    there(aws)
    assert ENFORCE.note(applied(aws)[1]) == ""


def test_models_that_a_person_includes_are_named(aws: AwsClients) -> None:
    there(aws)
    only = {"includedModels": ["amazon.nova-pro-v1:0"], "excludedModels": []}
    put(aws, "2", modelEnforcement=only)
    assert "only for amazon.nova-pro-v1:0" in ENFORCE.note(applied(aws)[1])


def test_what_a_person_adopted_stays_enforced_and_is_said_to(aws: AwsClients) -> None:
    """They excluded models while it was held, and it was contained again since."""
    there(aws)
    captured, written = applied(aws)
    put(aws, "3", modelEnforcement=NOT_EMBEDDINGS)
    written = ENFORCE.apply(aws, captured, written)
    undone = ENFORCE.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert undone.reason.endswith("it stays enforced")
    assert len(read(aws)) == 1


def test_of_a_persons_change_only_our_version_is_taken_out(aws: AwsClients) -> None:
    there(aws)
    put(aws, "2", selectiveContentGuarding=TAGGED)
    captured, written = applied(aws)
    put(aws, "3", modelEnforcement=NOT_EMBEDDINGS, selectiveContentGuarding=TAGGED)
    written = ENFORCE.apply(aws, captured, written)
    undone = ENFORCE.undo(aws, captured, written)
    assert undone.state is Undone.DRIFTED
    assert undone.reason.endswith("only Cordon's part was removed")
    (now,) = read(aws)
    assert (now["guardrailVersion"], now["modelEnforcement"]) == ("2", NOT_EMBEDDINGS)


def test_of_two_versions_the_later_is_enforced() -> None:
    """By number: 10 comes after 9."""
    nine, ten = replace(ENFORCE, version="9"), replace(ENFORCE, version="10")
    assert nine.combine(ten) == ten.combine(nine) == ten


def test_question_says_what_it_breaks() -> None:
    assert ENFORCE.only_by_a_person
    for word in ("embedding models", "bedrock:ApplyGuardrail", "fail"):
        assert word in ENFORCE.shuts_out
    for word in ("look before you approve", "text unit"):
        assert word in ENFORCE.caution


def test_page_that_leads_to_itself_is_an_error(aws: AwsClients) -> None:
    """Else the function reads until its time is over, and nobody knows why."""
    page = {"guardrailsConfig": [], "nextToken": "again"}
    stub(aws, "bedrock", "ListEnforcedGuardrailsConfiguration", lambda _: page)
    with pytest.raises(PaginationError):
        listed_configurations(aws.client("bedrock"))
