"""The emulator plays an HTTP API with IAM: who may, what the function receives, the access log."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.credentials import Credentials

from tests.e2e.account import ACCOUNT, PYTHON, REGION, Account, emulator
from tests.e2e.http_requests import Response, send
from tests.e2e.small_stacks import allow, deploy, function, trust

DESK = """
import json
def handler(event, context):
    said = json.loads(event["body"]) if event.get("body") else {}
    if said.get("do") == "raise":
        raise RuntimeError("a secret of the function")
    if said.get("do") == "bare":
        return {"heard": "you"}
    return {"statusCode": 202, "headers": {"X-Made-By": "desk"}, "body": json.dumps(event)}
"""
OTHER = "444455556666"
API, LOG = {"Ref": "Api"}, {"Fn::GetAtt": ["Log", "Arn"]}
FORMAT = {
    name.rpartition(".")[2]: f"$context.{name}"
    for name in (
        "requestId",
        "requestTime",
        "httpMethod",
        "routeKey",
        "path",
        "status",
        "apiId",
        "responseLength",
        "identity.userArn",
        "identity.caller",
        "identity.sourceIp",
        "integrationErrorMessage",
        "authorizer.error",
    )
}


def route(key: str) -> dict[str, Any]:
    target = {"Fn::Sub": "integrations/${Integration}"}
    properties = {"ApiId": API, "RouteKey": key, "AuthorizationType": "AWS_IAM", "Target": target}
    return {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties}


STACK: dict[str, Any] = {
    **function(DESK, name="Desk"),
    "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "desk"}},
    "Api": {
        "Type": "AWS::ApiGatewayV2::Api",
        "Properties": {"Name": "desk", "ProtocolType": "HTTP"},
    },
    "Integration": {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {
            "ApiId": API,
            "IntegrationType": "AWS_PROXY",
            "PayloadFormatVersion": "2.0",
            "IntegrationUri": {"Fn::GetAtt": ["Desk", "Arn"]},
        },
    },
    "Approve": route("POST /approve"),
    "Release": route("POST /release"),
    "Case": route("GET /cases/{id}"),
    "Permission": {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": "Desk"},
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {
                "Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*"
            },
        },
    },
    "Stage": {
        "Type": "AWS::ApiGatewayV2::Stage",
        "Properties": {
            "ApiId": API,
            "StageName": "$default",
            "AutoDeploy": True,
            "AccessLogSettings": {"DestinationArn": LOG, "Format": json.dumps(FORMAT)},
            "DefaultRouteSettings": {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 10},
        },
    },
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    assert PYTHON.exists(), f"{PYTHON} is missing: use `make e2e`"
    with emulator(tmp_path_factory.mktemp("emulator") / "log") as running:
        deploy(running, "desk", STACK)
        running.checkpoint()
        yield running


@pytest.fixture
def api(account: Account) -> str:
    account.restore()
    (only,) = account.client("apigatewayv2").get_apis()["Items"]
    return str(only["ApiId"])


def invoke(api: str, route: str) -> dict[str, Any]:
    return allow("execute-api:Invoke", f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{route}")


def approver(account: Account, policy: dict[str, Any], owner: str = ACCOUNT) -> str:
    """A role with this policy, in an account."""
    iam = account.as_key(owner, "iam")
    document, named = json.dumps(policy), {"RoleName": "Approver"}
    made = iam.create_role(**named, AssumeRolePolicyDocument=json.dumps(trust(AWS=ACCOUNT)))
    iam.put_role_policy(**named, PolicyName="p", PolicyDocument=document)
    return str(made["Role"]["Arn"])


def user(account: Account, name: str, policy: dict[str, Any]) -> Any:
    """The key of a user with this policy."""
    iam = account.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def lines(account: Account) -> list[dict[str, Any]]:
    """The access log."""
    found = account.client("logs").filter_log_events(logGroupName="desk")["events"]
    return [json.loads(one["message"]) for one in found]


def refused(response: Response) -> bool:
    return (response.status, response.body) == (403, {"message": "Forbidden"})


# ---- who may ----


def test_a_role_may_request_what_its_policy_names(account: Account, api: str) -> None:
    role = approver(account, invoke(api, "$default/POST/approve"))
    response = account.request("POST", "/approve", {"case": "1"}, role, session="maria.keller")
    assert (response.status, response.headers["X-Made-By"]) == (202, "desk")
    assert refused(account.request("POST", "/release", {"case": "1"}, role))
    assert refused(account.request("GET", "/cases/1", role=role))


def test_any_stage_is_a_star(account: Account, api: str) -> None:
    role = approver(account, invoke(api, "*/POST/*"))
    assert account.request("POST", "/release", {}, role).status == 202
    assert refused(account.request("GET", "/cases/1", role=role))


def test_a_user_may_request_what_its_policy_names(account: Account, api: str) -> None:
    maria = user(account, "maria", invoke(api, "$default/POST/approve"))
    response = account.request("POST", "/approve", {}, signer=maria)
    caller = response.body["requestContext"]["authorizer"]["iam"]
    assert caller["userArn"] == f"arn:aws:iam::{ACCOUNT}:user/maria"
    assert caller["accessKey"] == maria.access_key
    assert refused(account.request("POST", "/release", {}, signer=maria))


def test_a_deny_wins(account: Account, api: str) -> None:
    denied = {**invoke(api, "*")["Statement"][0], "Effect": "Deny"}
    policy = invoke(api, "*")
    role = approver(account, {**policy, "Statement": [*policy["Statement"], denied]})
    assert refused(account.request("POST", "/approve", {}, role))


def test_nobody_else_may(account: Account, api: str) -> None:
    """Without a signature, with a wrong one or another service's, or from another account."""
    endpoint = account.client("apigatewayv2").get_api(ApiId=api)["ApiEndpoint"]
    assert refused(send("POST", f"{endpoint}/approve", b"{}", {}))
    key = user(account, "maria", invoke(api, "*"))
    assert account.request("POST", "/approve", signer=key).status == 202
    wrong = Credentials(key.access_key, "wrong")
    assert refused(account.request("POST", "/approve", signer=wrong))
    assert refused(account.request("POST", "/approve", signer=key, service="lambda"))
    assert refused(account.request("POST", "/approve", signer=Credentials("AKIANOBODY", "none")))
    assert refused(account.request("POST", "/approve", signer=Credentials(OTHER, "test")))
    role = approver(account, invoke(api, "*"), owner=OTHER)
    assert refused(account.request("POST", "/approve", role=role))


def test_a_request_is_one_of_the_calls(account: Account, api: str) -> None:
    role, since = approver(account, invoke(api, "$default/POST/approve")), len(account.calls())
    account.request("POST", "/approve", {}, role)
    account.request("POST", "/release", {}, role)
    made = [one for one in account.calls(since) if one["action"] == "execute-api:Invoke"]
    assert [(one["resource"].partition(f"{api}/")[2], one["refused"]) for one in made] == [
        ("$default/POST/approve", False),
        ("$default/POST/release", True),
    ]


@pytest.mark.parametrize(("method", "path"), [("POST", "/none"), ("GET", "/approve")])
def test_no_such_route(account: Account, api: str, method: str, path: str) -> None:
    """For whomever."""
    role = approver(account, invoke(api, "$default/POST/approve"))
    for who in (None, role):
        response = account.request(method, path, role=who)
        assert (response.status, response.body) == (404, {"message": "Not Found"})


# ---- what the function hears and says ----


def test_the_event_names_the_caller(account: Account, api: str) -> None:
    role = approver(account, invoke(api, "*"))
    response = account.request("POST", "/approve?dry=1", {"case": "1"}, role, session="maria")
    event = response.body
    context = event["requestContext"]
    caller = context["authorizer"]["iam"]
    assert caller["userArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Approver/maria"
    assert caller["accountId"] == ACCOUNT
    assert caller["userId"] == caller["callerId"]
    assert caller["userId"].endswith(":maria")
    assert {"accessKey", "cognitoIdentity", "principalOrgId"} <= caller.keys()
    assert caller["cognitoIdentity"] is None
    assert (event["version"], event["routeKey"]) == ("2.0", "POST /approve")
    assert (event["rawPath"], event["rawQueryString"]) == ("/approve", "dry=1")
    assert (json.loads(event["body"]), event["isBase64Encoded"]) == ({"case": "1"}, False)
    assert (context["apiId"], context["stage"], context["accountId"]) == (api, "$default", ACCOUNT)
    assert context["domainName"] == f"{api}.execute-api.{REGION}.amazonaws.com"
    assert (context["http"]["method"], context["http"]["path"]) == ("POST", "/approve")
    assert context["requestId"] == response.headers["apigw-requestid"]
    assert abs(context["timeEpoch"] / 1000 - time.time()) < 60
    assert None not in event.values()


def test_a_part_of_the_path(account: Account, api: str) -> None:
    event = account.request("GET", "/cases/7c98").body
    assert event["pathParameters"] == {"id": "7c98"}
    assert "body" not in event


def test_a_bare_value_is_a_body(account: Account, api: str) -> None:
    response = account.request("POST", "/approve", {"do": "bare"})
    assert (response.status, response.body) == (200, {"heard": "you"})


def test_a_failure_says_nothing(account: Account, api: str) -> None:
    response = account.request("POST", "/approve", {"do": "raise"})
    assert (response.status, response.body) == (500, {"message": "Internal Server Error"})


def test_a_throttled_function_is_not_there(account: Account, api: str) -> None:
    client = account.client("lambda")
    (name,) = [one["FunctionName"] for one in client.list_functions()["Functions"]]
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    response = account.request("POST", "/approve", {})
    client.delete_function_concurrency(FunctionName=name)
    assert (response.status, response.body) == (503, {"message": "Service Unavailable"})


def test_the_function_must_let_the_api_in(account: Account, api: str) -> None:
    client = account.client("lambda")
    (name,) = [one["FunctionName"] for one in client.list_functions()["Functions"]]
    (statement,) = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]
    client.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    permission = {
        "FunctionName": name,
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
    }
    start = f"arn:aws:execute-api:{REGION}:{ACCOUNT}"
    for number, (source, status) in enumerate(
        {
            f"{start}:{api}/*/POST/release": 500,
            f"{start}:0/*/*": 500,
            f"{start}:{api}/*/*": 202,
        }.items()
    ):
        client.add_permission(**permission, StatementId=f"s{number}", SourceArn=source)
        assert account.request("POST", "/approve", {}).status == status, source
    assert lines(account)[0]["integrationErrorMessage"] != "-"


# ---- the access log and the stage ----


def test_each_request_is_a_line_of_the_access_log(account: Account, api: str) -> None:
    role = approver(account, invoke(api, "$default/POST/approve"))
    done = account.request("POST", "/approve", {}, role, session="maria")
    account.request("POST", "/release", {}, role)
    account.request("POST", "/none", {}, role)
    account.request("POST", "/approve", {}, signer=Credentials("AKIANOBODY", "none"))
    first, second, third, fourth = lines(account)
    assert first["requestId"] == done.body["requestContext"]["requestId"]
    assert first["userArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Approver/maria"
    assert first["caller"].endswith(":maria")
    assert (first["status"], first["routeKey"]) == ("202", "POST /approve")
    assert (first["httpMethod"], first["path"]) == ("POST", "/approve")
    assert (first["apiId"], first["sourceIp"], first["error"]) == (api, "127.0.0.1", "-")
    assert int(first["responseLength"]) == len(json.dumps(done.body))
    assert (second["status"], second["routeKey"]) == ("403", "POST /release")
    assert second["userArn"].endswith("/Approver/test")
    assert (third["status"], third["routeKey"]) == ("404", "-")
    assert (fourth["status"], fourth["userArn"]) == ("403", "-")


def test_a_checkpoint_holds_the_access_log(account: Account, api: str) -> None:
    account.request("POST", "/approve", {})
    assert len(lines(account)) == 1
    account.restore()
    assert lines(account) == []


def test_the_stage_has_its_settings(account: Account, api: str) -> None:
    stage = account.client("apigatewayv2").get_stage(ApiId=api, StageName="$default")
    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 10}
    assert (
        stage["AccessLogSettings"]["DestinationArn"].partition("log-group:")[2].startswith("desk")
    )


def test_a_log_group_must_be_there(account: Account, api: str) -> None:
    settings = {"DestinationArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:none", "Format": "$"}
    properties = {"ApiId": api, "StageName": "other", "AccessLogSettings": settings}
    with pytest.raises(AssertionError, match="log group does not exist"):
        deploy(
            account,
            "other",
            {"Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": properties}},
        )
