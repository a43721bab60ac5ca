"""Scenarios of single access keys, exposed keys and Bedrock API keys."""

from collections.abc import Callable

from cordon.actions.access_keys import DisableAccessKeys
from cordon.actions.action import Undone
from cordon.actions.bedrock_api_keys import DisableBedrockApiKeys
from cordon.actions.exposed_key import DisableExposedKey
from cordon.clients import AwsClients
from cordon.sources.shapes import BEDROCK
from embedded import backends
from embedded.backends import iam as iam_backend
from tests.actions.scenario import PLACE, Scenario
from tests.actions.scenario_iam import (
    KEY,
    SECOND_KEY,
    USER,
    a_user,
    delete_key,
    delete_user,
    keys,
    read_key,
    set_key,
)

API_KEY, SECOND_API_KEY, GIT = (f"ACCAEXAMPLE00{n}EXAMPLE" for n in "123")
ONE_KEY = DisableAccessKeys(PLACE, USER, (KEY,))
EVERY_KEY = DisableAccessKeys(PLACE, USER)
EXPOSED = DisableExposedKey(PLACE, KEY)
ONE_API_KEY = DisableBedrockApiKeys(PLACE, USER, (API_KEY,))
EVERY_API_KEY = DisableBedrockApiKeys(PLACE, USER)
WHERE = backends.here(PLACE.account, PLACE.region)


def api_keys(*ids: str) -> Callable[[AwsClients], None]:
    """A user with these Bedrock API keys, and a credential for Git that stays as it is."""

    def prepare(aws: AwsClients) -> None:
        a_user()(aws)
        iam_backend.make_credential(GIT, USER, "codecommit.amazonaws.com", WHERE)
        for one in ids:
            iam_backend.make_credential(one, USER, BEDROCK, WHERE)

    return prepare


def read_api_keys(aws: AwsClients) -> dict[str, str]:
    return iam_backend.all_credentials()


def set_api_key(status: str, credential: str = API_KEY) -> Callable[[AwsClients], None]:
    def set_status(aws: AwsClients) -> None:
        aws.client("iam").update_service_specific_credential(
            UserName=USER, ServiceSpecificCredentialId=credential, Status=status
        )

    return set_status


SCENARIOS = (
    Scenario(
        "one-of-two-by-name",
        ONE_KEY,
        EVERY_KEY,
        prepare=keys(KEY="Active", SECOND_KEY="Active"),
        read=read_key,
        tamper=set_key("Inactive", SECOND_KEY),
        theirs=lambda shown: shown[SECOND_KEY],
        missing=delete_key,
    ),
    Scenario(
        "active",
        EXPOSED,
        EXPOSED,
        prepare=keys(KEY="Active", SECOND_KEY="Active"),
        read=read_key,
        tamper=set_key("Active"),
        after_tamper=Undone.KEPT,
    ),
    Scenario(
        "one-of-two-by-name",
        ONE_API_KEY,
        EVERY_API_KEY,
        prepare=api_keys(API_KEY, SECOND_API_KEY),
        read=read_api_keys,
        tamper=set_api_key("Inactive", SECOND_API_KEY),
        theirs=lambda shown: shown[SECOND_API_KEY],
        missing=delete_user,
    ),
    Scenario(
        "every-one",
        EVERY_API_KEY,
        EVERY_API_KEY,
        prepare=api_keys(API_KEY),
        read=read_api_keys,
        tamper=set_api_key("Active"),
        missing=delete_user,
        after_tamper=Undone.RESTORED,
    ),
)
