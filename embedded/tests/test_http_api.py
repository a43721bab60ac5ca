"""An HTTP API with IAM: who may use which route, what the function gets, what is logged."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from embedded.account import EmbeddedAccount
from embedded.http_api import HttpResponse
from embedded.journal import Invoked
from embedded.stack import Unresolved

STACK = Path(__file__).parent / "stack" / "http"
START = datetime(2026, 11, 24, 6, tzinfo=UTC)
SESSION = "arn:aws:sts::111122223333:assumed-role/approver/ann@example.com"
USER = "arn:aws:iam::111122223333:user/ann"
FORBIDDEN = HttpResponse(403, {"message": "Forbidden"})
BROKEN = HttpResponse(500, {"message": "Internal Server Error"})
ALL = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "execute-api:*", "Resource": "*"}],
    }
)


def enter(template: Path = STACK / "template.yaml", **more: Any) -> EmbeddedAccount:
    return EmbeddedAccount(template, region="eu-central-1", start=START, **more)


@pytest.fixture
def account() -> Iterator[EmbeddedAccount]:
    with enter() as entered:
        yield entered


def approve(account: EmbeddedAccount, body: Any = None, caller: str = SESSION) -> HttpResponse:
    return account.request("POST", "/approve", body, caller=caller)


def logged(account: EmbeddedAccount) -> list[dict[str, str]]:
    found = account.client("logs").filter_log_events(logGroupName="/example/access")
    return [json.loads(one["message"]) for one in found["events"]]


# ---- who may ----


def test_session_may_use_the_route_of_its_policy(account: EmbeddedAccount) -> None:
    assert approve(account).status == 200
    assert account.request("POST", "/reject", caller=SESSION) == FORBIDDEN
    assert len(account.journal.of(Invoked)) == 1


def test_condition_of_the_policy_counts(account: EmbeddedAccount) -> None:
    elsewhere = account.request("POST", "/approve", caller=SESSION, source_ip="198.51.100.1")
    assert elsewhere == FORBIDDEN


@pytest.mark.parametrize(
    "caller",
    [
        "",
        USER,
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/nobody",
        "arn:aws:sts::111122223333:assumed-role/nobody/x",
        "arn:aws:sts::999988887777:assumed-role/approver/x",
        "arn:aws:sts::111122223333:federated-user/x",
    ],
)
def test_others_are_refused(account: EmbeddedAccount, caller: str) -> None:
    assert approve(account, caller=caller) == FORBIDDEN
    assert account.journal.of(Invoked) == []


def test_user_with_a_policy_may(account: EmbeddedAccount) -> None:
    account.client("iam").put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=ALL)
    response = approve(account, caller=USER)
    iam = response.body["event"]["requestContext"]["authorizer"]["iam"]
    assert iam["userArn"] == USER
    assert iam["callerId"] == account.client("iam").get_user(UserName="ann")["User"]["UserId"]
    assert iam["accessKey"].startswith("AKIA")


def test_role_itself_makes_no_requests(account: EmbeddedAccount) -> None:
    with pytest.raises(ValueError, match="sessions"):
        approve(account, caller="arn:aws:iam::111122223333:role/people/approver")


def test_unknown_route_is_not_found(account: EmbeddedAccount) -> None:
    missing = HttpResponse(404, {"message": "Not Found"})
    assert account.request("POST", "/nothing", caller=SESSION) == missing
    assert account.request("GET", "/approve", caller=SESSION) == missing
    assert account.request("POST", "/approve/x", caller="") == missing


def test_route_without_authorization_is_open(account: EmbeddedAccount) -> None:
    response = account.request("GET", "/cases/a-1?b=1&b=2&c=", caller="")
    event = response.body["event"]
    assert event["pathParameters"] == {"name": "a-1"}
    assert event["queryStringParameters"] == {"b": "1,2", "c": ""}
    assert (event["rawPath"], event["rawQueryString"]) == ("/cases/a-1", "b=1&b=2&c=")
    assert "authorizer" not in event["requestContext"]


def test_more_exact_route_comes_first(account: EmbeddedAccount) -> None:
    def key(method: str, path: str) -> str:
        response = account.request(method, path, caller="")
        return str(response.body["event"]["routeKey"])

    assert key("GET", "/cases/a") == "GET /cases/{name}"
    assert key("GET", "/cases/new") == "GET /cases/new"
    assert key("PUT", "/cases/a") == "ANY /cases/{rest+}"
    assert key("GET", "/cases/a/b") == "ANY /cases/{rest+}"


@pytest.mark.parametrize("source", ["POST/approve", "*/*", "*"])
def test_function_must_permit_the_gateway(source: str) -> None:
    with enter(parameters={"Source": source}) as account:
        assert approve(account).status == 200


@pytest.mark.parametrize("source", ["POST/reject", "GET/*"])
def test_without_permission_the_gateway_fails(source: str) -> None:
    with enter(parameters={"Source": source}) as account:
        assert approve(account) == BROKEN
        assert account.journal.of(Invoked) == []


# ---- what the function gets ----


def test_event_has_payload_format_2(account: EmbeddedAccount) -> None:
    event = approve(account, {"case": "é"}).body["event"]
    context = event.pop("requestContext")
    headers = event.pop("headers")
    assert event == {
        "version": "2.0",
        "routeKey": "POST /approve",
        "rawPath": "/approve",
        "rawQueryString": "",
        "body": json.dumps({"case": "é"}),
        "isBase64Encoded": False,
    }
    assert headers["content-length"] == str(len(event["body"]))
    role = account.client("iam").get_role(RoleName="approver")["Role"]
    caller = f"{role['RoleId']}:ann@example.com"
    iam = context.pop("authorizer")["iam"]
    assert iam.pop("accessKey").startswith("ASIA")
    assert iam == {
        "accountId": "111122223333",
        "callerId": caller,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": SESSION,
        "userId": caller,
    }
    api = account.stack.outputs["Id"]
    assert account.stack.outputs["Endpoint"] == f"https://{context['domainName']}"
    assert context.pop("http")["sourceIp"] == "203.0.113.7"
    assert context == {
        "accountId": "111122223333",
        "apiId": api,
        "domainName": f"{api}.execute-api.eu-central-1.amazonaws.com",
        "domainPrefix": api,
        "requestId": "embedded0000001=",
        "routeKey": "POST /approve",
        "stage": "$default",
        "time": "24/Nov/2026:06:00:00 +0000",
        "timeEpoch": int(START.timestamp() * 1000),
    }


def test_event_names_the_organization() -> None:
    with enter(organization="o-1") as account:
        context = approve(account).body["event"]["requestContext"]
        assert context["authorizer"]["iam"]["principalOrgId"] == "o-1"


# ---- what the caller gets ----


@pytest.mark.parametrize(
    ("result", "response"),
    [
        ({"statusCode": 409, "body": '{"a": 1}'}, HttpResponse(409, {"a": 1})),
        ({"statusCode": 202}, HttpResponse(202, "")),
        ({"statusCode": 200, "body": "text"}, HttpResponse(200, "text")),
        ({"statusCode": 200, "body": "eA==", "isBase64Encoded": True}, HttpResponse(200, "x")),
        ({"statusCode": "200"}, BROKEN),
        ({"statusCode": True}, BROKEN),
        ({"statusCode": 200, "body": {"a": 1}}, BROKEN),
        ({"a": 1}, HttpResponse(200, {"a": 1})),
        ("text", HttpResponse(200, "text")),
        (None, HttpResponse(200, None)),
    ],
)
def test_result_becomes_a_response(
    account: EmbeddedAccount, result: Any, response: HttpResponse
) -> None:
    assert approve(account, {"return": result}) == response


def test_failed_function_is_an_internal_error(account: EmbeddedAccount) -> None:
    assert approve(account, {"raise": "no"}) == BROKEN


def test_slow_function_is_not_waited_for(account: EmbeddedAccount) -> None:
    account.runtime._handlers["Desk"] = lambda event, context: account.clock.sleep(11)
    assert approve(account) == HttpResponse(503, {"message": "Service Unavailable"})


# ---- what is logged ----


def test_each_request_is_a_line_of_the_log(account: EmbeddedAccount) -> None:
    approve(account)
    approve(account, {"raise": "no"})
    account.request("POST", "/reject", caller=SESSION)
    approve(account, caller="")
    account.request("GET", '/"}', caller=SESSION)
    lines = logged(account)
    assert lines[0] == {
        "id": "embedded0000001=",
        "who": SESSION,
        "from": "203.0.113.7",
        "route": "POST /approve",
        "method": "POST",
        "path": "/approve",
        "status": "200",
        "time": "24/Nov/2026:06:00:00 +0000",
        "why": "-",
        "odd": "-",
    }
    seen = [(one["status"], one["who"], one["route"], one["why"]) for one in lines[1:]]
    assert seen == [
        ("500", SESSION, "POST /approve", "Internal Server Error"),
        ("403", SESSION, "POST /reject", "Forbidden"),
        ("403", "-", "POST /approve", "Forbidden"),
        ("404", "-", "-", "Not Found"),
    ]
    assert lines[4]["path"] == '/"}'
    assert [one["id"] for one in lines] == [f"embedded{n:07d}=" for n in range(1, 6)]


def test_restored_account_has_an_empty_log() -> None:
    for _ in range(2):
        with enter() as account:
            assert logged(account) == []
            approve(account)
            assert len(logged(account)) == 1


# ---- what is not played ----


@pytest.mark.parametrize(
    ("written", "instead", "why"),
    [
        ("ProtocolType: HTTP", "ProtocolType: WEBSOCKET", "only HTTP APIs"),
        ("AutoDeploy: true", "AutoDeploy: false", "AutoDeploy"),
        ("StageName: $default", "StageName: v1", "one stage"),
        ('PayloadFormatVersion: "2.0"', 'PayloadFormatVersion: "1.0"', "format 2.0"),
        ("AuthorizationType: AWS_IAM", "AuthorizationType: JWT", "JWT"),
        ("integrations/${ToDesk}", "integrations/other", "no integration"),
        ("IntegrationUri: !GetAtt Desk.Arn", "IntegrationUri: arn:aws:lambda:x:y:z", "no such"),
        ("TimeoutInMillis: 10000", "ConnectionType: VPC_LINK", "ConnectionType"),
    ],
)
def test_the_rest_is_refused(tmp_path: Path, written: str, instead: str, why: str) -> None:
    text = (STACK / "template.yaml").read_text()
    assert written in text
    (tmp_path / "desk").symlink_to(STACK / "desk")
    (tmp_path / "template.yaml").write_text(text.replace(written, instead, 1))
    with pytest.raises(Unresolved, match=why):
        enter(tmp_path / "template.yaml").__enter__()


def test_stack_without_an_api_has_none() -> None:
    with (
        EmbeddedAccount(STACK.parent / "template.yaml", start=START) as account,
        pytest.raises(LookupError),
    ):
        approve(account)
