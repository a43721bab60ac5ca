"""Detection that was switched off, as deployed: on again, and no release switches it off."""

from typing import Any

from botocore.exceptions import ClientError

from cordon.memory.cases import Case
from cordon.sources import read
from cordon.statuses import Status
from tests.e2e.account import Account
from tests.e2e.test_playbooks import staged

TRAIL = "cloudtrail_trail_stopped"
RECORDER = "cloudtrail_recorder_stopped"
KEY = "cloudtrail_key_disabled"


def restored(account: Account, one: dict[str, Any]) -> Case:
    """Put the call; the case. There is no finding of another service behind it to update."""
    account.put(one)
    case = account.case()
    assert case.status is Status.CONTAINED
    assert {str(result.status) for result in case.results} == {"verified"}
    assert account.finding_of(case)["ProductFields"]["cordon/status"] == case.status
    return case


def test_a_stopped_trail_logs_again_and_stays_on(account: Account) -> None:
    one = staged(account, TRAIL)
    trails, (trail,) = account.client("cloudtrail"), arns_of(one, "AWS::CloudTrail::Trail")
    assert not trails.get_trail_status(Name=trail)["IsLogging"]
    case = restored(account, one)
    assert trails.get_trail_status(Name=trail)["IsLogging"]
    account.stack.release(case, "it was meant")
    account.settle()
    released = account.case()
    assert {str(result.status) for result in released.results} == {"kept"}
    assert released.status is Status.RELEASED
    assert trails.get_trail_status(Name=trail)["IsLogging"]


def test_a_stopped_recorder_records_again_and_stays_on(account: Account) -> None:
    one, config = staged(account, RECORDER), account.client("config")

    def records() -> bool:
        (recorder,) = config.describe_configuration_recorder_status()[
            "ConfigurationRecordersStatus"
        ]
        return bool(recorder["recording"])

    assert not records()
    restored(account, one)
    assert records()
    account.stack.release(account.case(), "it was meant")
    account.settle()
    assert account.case().status is Status.RELEASED
    assert records()


def test_a_disabled_key_encrypts_again_and_stays_enabled(account: Account) -> None:
    one = staged(account, KEY)
    kms, (key,) = account.client("kms"), arns_of(one, "AWS::KMS::Key")

    def encrypts() -> bool:
        try:
            kms.encrypt(KeyId=key, Plaintext=b"x")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "DisabledException"
            return False
        return True

    assert not encrypts()
    case = restored(account, one)
    assert encrypts()
    account.stack.release(case, "it was meant")
    account.settle()
    assert account.case().status is Status.RELEASED
    assert encrypts()


def arns_of(one: dict[str, Any], kind: str) -> list[str]:
    """The resources of a type that an event names."""
    return [r.arn for r in read(one).resources_of(kind)]
