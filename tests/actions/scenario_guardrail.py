"""Scenarios of the guardrail that an account enforces in a Region."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cordon.actions.enforced_guardrail import EnforceGuardrail
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import guardrails
from tests.actions.scenario import PLACE, Scenario

backends.install()  # before any session is made, which is in the first test

GUARDRAIL = "gr9z8y7x6w5v"
ENFORCE = EnforceGuardrail(PLACE, GUARDRAIL, "3")
LATER = replace(ENFORCE, version="10")
HERE = backends.here(PLACE.account, PLACE.region)
EMBEDDING = "amazon.titan-embed-text-v2:0"
NOT_EMBEDDINGS = {"includedModels": ["ALL"], "excludedModels": [EMBEDDING]}
TAGGED = {"system": "SELECTIVE", "messages": "SELECTIVE"}


def there(aws: AwsClients) -> None:
    """The versions that are named exist, and one before them."""
    for version in ("2", "3", "10"):
        guardrails.is_there(GUARDRAIL, version, HERE)


def enforced(version: str, **settings: Any) -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        there(aws)
        put(aws, version, **settings)

    return prepare


def put(aws: AwsClients, version: str, **settings: Any) -> None:
    """As a person does: it changes what is there."""
    found = read(aws)
    named = {"configId": found[0]["configId"]} if found else {}
    aws.client("bedrock").put_enforced_guardrail_configuration(
        **named,
        guardrailInferenceConfig={
            "guardrailIdentifier": GUARDRAIL,
            "guardrailVersion": version,
            **settings,
        },
    )


def read(aws: AwsClients) -> list[dict[str, Any]]:
    listed = aws.client("bedrock").list_enforced_guardrails_configuration()
    return [dict(one) for one in listed["guardrailsConfig"]]


def exclude_embeddings(aws: AwsClients) -> None:
    """A person keeps the applications alive that the enforced guardrail breaks."""
    put(aws, "3", modelEnforcement=NOT_EMBEDDINGS)


def delete(aws: AwsClients) -> None:
    for one in read(aws):
        aws.client("bedrock").delete_enforced_guardrail_configuration(configId=one["configId"])


def excluded(state: Any) -> Any:
    return [one["modelEnforcement"]["excludedModels"] for one in state]


NONE = Scenario(
    name="none",
    action=ENFORCE,
    other_case=LATER,
    prepare=there,
    read=read,
    tamper=exclude_embeddings,
    theirs=excluded,
)
OLDER = replace(NONE, name="older-version", prepare=enforced("2", selectiveContentGuarding=TAGGED))
SCENARIOS = [
    NONE,
    OLDER,
    replace(
        OLDER,
        name="older-version-for-some",
        prepare=enforced("2", modelEnforcement=NOT_EMBEDDINGS),
        tamper=lambda aws: put(aws, "3"),
        theirs=lambda state: len(state),
    ),
    replace(OLDER, name="then-deleted", tamper=delete, theirs=lambda state: None),
    replace(NONE, name="enforced-already", prepare=enforced("3"), contained_before=True),
]
