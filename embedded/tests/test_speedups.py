"""What is left out changes no response; outside of an account nothing is left out."""

from collections.abc import Iterator
from copy import copy
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
import requests
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from moto.core.botocore_stubber import MockRawResponse
from moto.core.request import Request
from moto.core.utils import get_service_model

from embedded.account import EmbeddedAccount
from embedded.speedups import USER_AGENT

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"
ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def account() -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(TEMPLATE, account=ACCOUNT) as entered:
        table: dict[str, Any] = {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        entered.client("dynamodb").create_table(TableName="rows", **table)
        yield entered


def headers() -> Any:
    """Those of a call that is stopped before it is sent."""
    seen: list[AWSRequest] = []
    client = boto3.session.Session().client(
        "sqs", region_name="us-east-1", aws_access_key_id="AKIA", aws_secret_access_key="s"
    )

    def stop(request: AWSRequest, **_: Any) -> AWSResponse:
        seen.append(request)
        return AWSResponse("", 200, {}, MockRawResponse("{}"))

    client.meta.events.register_first("before-send", stop)
    client.list_queues()
    return seen[0].headers


def test_calls_outside_are_signed() -> None:
    """The first of this module: no account is entered yet, or any more."""
    with EmbeddedAccount(TEMPLATE):
        pass
    sent = headers()
    assert "SignedHeaders=" in str(sent["Authorization"])
    assert f"Signature={64 * '0'}" not in str(sent["Authorization"])
    assert USER_AGENT not in str(sent["User-Agent"])


def update(account: EmbeddedAccount, expression: str, **more: Any) -> dict[str, Any]:
    given = {":a": {"S": "a"}, ":b": {"S": "b"}}
    response = account.client("dynamodb").update_item(
        TableName="rows",
        Key={"id": {"S": "one"}},
        UpdateExpression=expression,
        ExpressionAttributeValues={k: v for k, v in given.items() if k in expression},
        ReturnValues="ALL_NEW",
        **more,
    )
    return dict(response["Attributes"])


@pytest.mark.parametrize(
    "wrong",
    [
        "SET x = :a, x = :b",
        "SET x = :a, y = :b, x.z = :a",
        "SET x = :a SET y = :b",
        "SET x = :a REMOVE y REMOVE z",
        "SET id = :a",
        "SET x :a",
    ],
)
def test_a_wrong_update_is_always_refused(account: EmbeddedAccount, wrong: str) -> None:
    for _ in range(2):
        with pytest.raises(ClientError, match="ValidationException"):
            update(account, wrong)


def test_a_cached_expression_keeps_no_state(account: EmbeddedAccount) -> None:
    """The same text, with other names and values each time."""
    text = "SET #n = :a, kept = :b REMOVE third"
    for name in ("first", "second"):
        found = update(account, text, ExpressionAttributeNames={"#n": name})
        assert found[name] == {"S": "a"}
    assert set(found) == {"id", "first", "second", "kept"}


def test_a_body_arrives_whole(account: EmbeddedAccount) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="whole")
    body = bytes(range(256)) * 64
    for extra in ({}, {"ChecksumAlgorithm": "SHA256"}):
        s3.put_object(Bucket="whole", Key="key", Body=body, **extra)
        assert s3.get_object(Bucket="whole", Key="key")["Body"].read() == body


def test_an_access_key_decides_the_account(account: EmbeddedAccount) -> None:
    other = account.client("sts", account="222233334444").get_caller_identity()
    assert (account.client("sts").get_caller_identity()["Account"]) == ACCOUNT
    assert other["Account"] == "222233334444"


def test_calls_inside_are_unsigned(account: EmbeddedAccount) -> None:
    sent = headers()
    assert "/us-east-1/sqs/aws4_request" in str(sent["Authorization"])
    assert f"Signature={64 * '0'}" in str(sent["Authorization"])
    assert USER_AGENT in str(sent["User-Agent"])


def test_transaction_copies_only_changed_items(account: EmbeddedAccount) -> None:
    from moto.dynamodb.models import dynamodb_backends

    dynamodb, name = account.client("dynamodb"), account.stack.resources["Memory"].physical
    for key in ("changed", "other"):
        dynamodb.put_item(TableName=name, Item={"id": {"S": key}})
    tables = dynamodb_backends[account.place.account][account.place.region].tables
    other = next(one for one in tables[name].all_items() if one.hash_key.value == "other")
    changes = {"UpdateExpression": "SET x = id", "TableName": name}
    failing = {"TableName": name, "Key": {"id": {"S": "none"}}}
    with pytest.raises(ClientError):
        dynamodb.transact_write_items(
            TransactItems=[
                {"Update": {**changes, "Key": {"id": {"S": "changed"}}}},
                {"ConditionCheck": {**failing, "ConditionExpression": "attribute_exists(id)"}},
            ]
        )
    assert any(one is other for one in tables[name].all_items())
    found = dynamodb.get_item(TableName=name, Key={"id": {"S": "changed"}})["Item"]
    assert found == {"id": {"S": "changed"}}


def test_foreign_http_library_is_refused_and_not_served(account: EmbeddedAccount) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get("https://s3.amazonaws.com/", timeout=1)


def test_every_url_has_the_service_that_moto_finds(account: EmbeddedAccount) -> None:
    """The first pattern that matches decides."""
    stubber = import_module("moto.core.botocore_stubber")
    patterns = import_module("moto.backend_index").backend_url_patterns
    for url in (
        "https://dynamodb.eu-central-1.amazonaws.com/",
        "https://iam.amazonaws.com/",
        "https://s3.us-east-1.amazonaws.com/bucket/key",
        "https://bucket.s3.amazonaws.com/key",
        "https://111122223333.s3-control.us-east-1.amazonaws.com/v20180820/x",
        "https://sqs.cn-north-1.amazonaws.com.cn/",
        "https://example.com/",
    ):
        for _ in range(2):
            stubber.get_equivalent_url_in_aws_domain(f"{url}?query")
            expected = [one for one in patterns if one[1].match(url)]
            assert list(stubber.backend_index.backend_url_patterns) == expected


class Meta:
    serialization_aliases = {"DBInstanceIdentifier": "identifier"}  # noqa: RUF012


def objects() -> list[Any]:
    """Two of one member's value: the names under which it is looked for differ by class."""
    return [{"db_instance_identifier": 1}, type("Aliased", (), {"Meta": Meta})(), object()]


def test_member_is_looked_for_under_the_same_names() -> None:
    serialize = import_module("moto.core.serialize")
    model = get_service_model("rds").operation_model("DescribeDBInstances").output_shape
    shape = model.members["DBInstances"].member.members["DBInstanceIdentifier"]
    uncached = type("Uncached", (serialize.XFormedAttributePicker,), {})(
        alias_providers=list(serialize.DEFAULT_ALIAS_PROVIDERS)
    )
    for obj in [*objects(), *objects()]:
        context = serialize.AttributePickerContext(obj, "DBInstanceIdentifier", shape)
        names = list(serialize.XFormedAttributePicker().get_possible_keys(context))
        assert names == list(uncached.get_possible_keys(context))


FORM = "application/x-www-form-urlencoded; charset=utf-8"
REQUESTS: list[tuple[str, str, dict[str, Any], Any]] = [
    ("POST", "https://dynamodb.us-east-1.amazonaws.com/", {"Content-Type": "json"}, b'{"a": 1}'),
    ("POST", "https://iam.amazonaws.com/", {"X-Amz-Date": b"20261128T000000Z"}, "Action=GetRole"),
    ("GET", "https://s3.amazonaws.com/b/a%2Fb%20c?versioning&x=%C3%A9", {"Host": "s3"}, None),
    ("GET", "https://s3.amazonaws.com:444/b//c", {"Content-Length": "0"}, b""),
    ("PUT", "https://s3.amazonaws.com/b/\u00e9", {"x-amz-meta-my_key": "v"}, b"x"),
    ("PUT", "https://b.s3.amazonaws.com/k", {"Transfer-Encoding": "chunked", "X-a": "b"}, "\u00e9"),
    ("POST", "https://b.s3.amazonaws.com/", {"Content-Type": "multipart/form-data; b=1"}, b"x"),
    ("PUT", "https://b.s3.amazonaws.com/k", {"Content-Type": "text/plain"}, BytesIO(b"stream")),
    ("PUT", "https://b.s3.amazonaws.com/k", {"Content-Encoding": "gzip"}, b"zipped"),
    ("POST", "https://sns.amazonaws.com/", {"Content-Type": FORM}, b"Action=Publish&Message=a%20b"),
]


@pytest.mark.parametrize(("method", "url", "more", "body"), REQUESTS)
def test_quick_request_is_moto_s_own(
    account: EmbeddedAccount, method: str, url: str, more: dict[str, Any], body: Any
) -> None:
    headers = HTTPHeaders()
    for name, value in [*more.items(), ("X-Twice", "1"), ("X-Twice", "2")]:
        headers[name] = value
    motos_own = cast("Any", Request.from_primitives).__func__.__wrapped__
    for _ in range(2):  # made, and kept
        ours = Request.from_primitives(method, url, headers, copy(body))
        motos = motos_own(Request, method, url, headers, copy(body))
        assert as_form(copy(ours)) == as_form(copy(motos))
        assert as_plain(ours) == as_plain(motos)


def as_form(request: Any) -> list[Any]:
    """The request as moto reads it first."""
    request.environ["wsgi.input"].seek(0)
    read = [request.data, request.form, request.files, request.stream.read()]
    request.environ["wsgi.input"].seek(0)
    return read


def as_plain(request: Any) -> dict[str, Any]:
    left_out = ("wsgi.input", "wsgi.errors", "werkzeug.request", "embedded.raw_url")
    environ = {key: value for key, value in request.environ.items() if key not in left_out}
    read = {"body": request.get_data(), "sent": sorted(request.headers), "url": request.raw_url}
    return {**environ, **read}


def test_only_a_symmetric_key_has_no_key_pair_of_its_own(account: EmbeddedAccount) -> None:
    kms = account.client("kms")

    def made(**of: str) -> Any:
        return kms.create_key(**of)["KeyMetadata"]["KeyId"]

    signing = [made(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY") for _ in range(2)]
    assert len({kms.get_public_key(KeyId=one)["PublicKey"] for one in signing}) == 2
    first, second = made(), made()
    sealed = kms.encrypt(KeyId=first, Plaintext=b"text")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, KeyId=first)["Plaintext"] == b"text"
    with pytest.raises(ClientError):
        kms.decrypt(CiphertextBlob=sealed, KeyId=second)


def test_a_clients_events_have_the_names_that_botocore_gives_them() -> None:
    """An old name of a service is heard under its new one, in every client."""
    old, new = (
        "heard.elbv2.DescribeTags",
        "heard.elastic-load-balancing-v2.DescribeTags",
    )
    session = boto3.session.Session("id", "secret", region_name="us-east-1")
    for service in ("sqs", "s3"):
        heard: list[str] = []
        events = session.client(service).meta.events
        events.register(old, lambda event_name, into=heard, **_: into.append(event_name))
        events.emit(new)
        assert heard == [new]
