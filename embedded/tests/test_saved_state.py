"""An account that is restored is the one that was built, and no event changes what is restored."""

import json
from pathlib import Path
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.core.model_instances import model_data
from moto.s3.models import s3_backends

from embedded import account as module
from embedded import saved_state
from embedded.account import EmbeddedAccount

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has been deployed yet in this process."""
    monkeypatch.setattr(module, "_DEPLOYED", {})


def everything(account: EmbeddedAccount) -> dict[str, Any]:
    """What one can see of the stack's own resources, and an id that moto makes up."""
    client = account.client
    queues = client("sqs").list_queues()["QueueUrls"]
    listed = {
        "parameters": client("ssm").describe_parameters()["Parameters"],
        "rules": client("events").list_rules()["Rules"],
        "functions": client("lambda").list_functions()["Functions"],
        "machines": client("stepfunctions").list_state_machines()["stateMachines"],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "topics": client("sns").list_topics()["Topics"],
        "keys": client("kms").list_keys()["Keys"],
        "queues": [client("sqs").get_queue_attributes(QueueUrl=q) for q in queues],
        "hub": client("securityhub").describe_hub()["HubArn"],
    }
    shown = json.loads(json.dumps({**account.snapshot(exclude_own=False), **listed}, default=str))
    client("iam").create_user(UserName="somebody")
    key = client("iam").create_access_key(UserName="somebody")["AccessKey"]["AccessKeyId"]
    return {"next key": key, **{k: _without_requests(v) for k, v in shown.items()}}


def _without_requests(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_requests(v) for k, v in value.items() if k != "ResponseMetadata"}
    return [_without_requests(v) for v in value] if isinstance(value, list) else value


def test_a_restored_account_equals_the_built(monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedAccount(TEMPLATE) as account:
        built = everything(account)
        bucket = account.client("s3").list_buckets()["Buckets"][0]["Name"]
        owner = s3_backends.bucket_accounts[bucket]

    def never(*_: object) -> None:
        raise AssertionError("built a second time")

    monkeypatch.setattr(module, "build", never)
    for _ in range(2):  # what the first did to its account is not in the second
        with EmbeddedAccount(TEMPLATE) as account:
            assert s3_backends.bucket_accounts[bucket] == owner
            assert everything(account) == built
            account.client("s3").create_bucket(Bucket="another")
            for rule in account.client("events").list_rules()["Rules"]:
                account.client("events").delete_rule(Name=rule["Name"], Force=True)


def test_a_restored_account_works() -> None:
    for _ in range(2):
        with EmbeddedAccount(TEMPLATE) as account:
            sent = account.client("sqs").list_queues()["QueueUrls"][0]
            account.client("sqs").send_message(QueueUrl=sent, MessageBody="there")
            got = account.client("sqs").receive_message(QueueUrl=sent)
            assert [m["Body"] for m in got["Messages"]] == ["there"]
            name = account.client("lambda").list_functions()["Functions"][0]["FunctionArn"]
            assert account.client("lambda").get_function(FunctionName=name)["Configuration"]


def test_each_deployment_is_built_once() -> None:
    with EmbeddedAccount(TEMPLATE, region="us-east-1"):
        pass
    with EmbeddedAccount(TEMPLATE, region="eu-central-1") as account:
        queues = account.client("sqs").list_queues()["QueueUrls"]
        assert queues
        assert all("eu-central-1" in url for url in queues)
    assert len(module._DEPLOYED) == 2


def test_a_process_keeps_few_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAVED_STACKS", 1)
    for region in ("us-east-1", "eu-central-1", "us-east-1"):
        with EmbeddedAccount(TEMPLATE, region=region):
            pass
        assert len(module._DEPLOYED) == 1


def test_leaving_empties_every_service() -> None:
    with EmbeddedAccount(TEMPLATE):
        pass
    assert vars(BackendDict)["_instances"] == []
    assert [
        m for s in model_data.values() for m in s.values() if vars(m)["instances_tracked"]
    ] == []


def test_state_in_a_closure_is_not_saved() -> None:
    hidden = {"count": 0}
    with EmbeddedAccount(TEMPLATE) as account:
        from moto.sns.models import sns_backends

        backend = sns_backends[account.place.account][account.place.region]
        vars(backend)["hidden"] = lambda: hidden
        with pytest.raises(saved_state.CannotSave, match="state of its own"):
            saved_state.save()
