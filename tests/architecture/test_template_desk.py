"""The desk's API and role: a route a verb, signed, logged, throttled; decisions, nothing else."""

import json
from typing import Any

import pytest

from cordon.deciding.redeliver import SENDERS
from cordon.deciding.request import ROUTES
from cordon.deployment import Deployment
from cordon.memory import parts
from embedded.custom_resources import as_text
from embedded.policy_evaluation import Decision, Policies, Request, decide
from tests.architecture import stack as seen
from tests.architecture.stack import PLAYBOOKS, listed, logical, raw, stack
from tests.examples import QUARANTINE
from tests.fencing.stand_ins import MemoryTable

ROLE = "DecideCasesRole"


def resource(name: str) -> dict[str, Any]:
    found = next(r for r in (*stack().resources.values(), *stack().unbuilt) if r.logical == name)
    return dict(found.properties)


def of(kind: str) -> list[dict[str, Any]]:
    everything = (*stack().resources.values(), *stack().unbuilt)
    return [dict(r.properties) for r in everything if r.type == f"AWS::ApiGatewayV2::{kind}"]


def may(action: str, arn: str, *keys: str) -> bool:
    """May the desk's role make this call? None: a call that names no key of the table."""
    built = stack(full=True)
    role = built.resources[ROLE]
    managed = {
        p.physical: p.properties["PolicyDocument"] for p in built.of("AWS::IAM::ManagedPolicy")
    }
    documents = [managed[one] for one in role.properties["ManagedPolicyArns"]]
    documents += [p["PolicyDocument"] for p in role.properties["Policies"]]
    context: dict[str, Any] = {"aws:ResourceAccount": "111122223333"}
    context |= {"dynamodb:LeadingKeys": list(keys)} if keys else {}
    return decide(Request(role.arn, action, arn, context), Policies(documents)) is Decision.ALLOWED


# ── the API ──────────────────────────────────────────────────────────────────


def test_each_verb_has_a_route_that_must_be_signed() -> None:
    routes = of("Route")
    assert {one["RouteKey"] for one in routes} == {f"POST /{verb}" for verb in ROUTES}
    assert len(routes) == len(ROUTES)
    assert {one["AuthorizationType"] for one in routes} == {"AWS_IAM"}


def test_access_is_logged_and_throttled() -> None:
    (stage,) = of("Stage")
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert logged["requestId"] == "$context.requestId"
    assert logged["userArn"] == "$context.identity.userArn"
    assert logged["invocation"] == "$context.integration.requestId"
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0


def test_function_ends_before_the_api_does() -> None:
    (integration,) = of("Integration")
    timeout = stack().resources["DecideCases"].properties["Timeout"]
    assert timeout * 1000 < integration["TimeoutInMillis"] <= 30_000
    assert integration["PayloadFormatVersion"] == "2.0"


def test_only_this_api_may_invoke() -> None:
    (permission,) = (
        one.properties
        for one in stack().of("AWS::Lambda::Permission")
        if one.properties["Principal"] == "apigateway.amazonaws.com"
    )
    assert permission["SourceArn"].endswith("/$default/POST/*")
    assert ":*/" not in permission["SourceArn"]


@pytest.mark.parametrize("full", [False, True])
def test_function_finds_what_it_needs(full: bool) -> None:
    function = stack(full=full).resources["DecideCases"].properties
    env = {**function["Environment"]["Variables"], "AWS_REGION": "eu-central-1"}
    found = Deployment.from_environment(env)
    assert set(found.dead_letters) == set(SENDERS)
    assert found.reports_queue and found.desk_api
    assert not found.two_approvers and found.release_from_security_hub


def test_parts_are_each_function_queue_and_role() -> None:
    """The roles in the order of a playbook's environment: so a plan has one hash."""
    built, table = stack(), MemoryTable()
    parts.save(table, parts.names_of(as_text(built.resources["Parts"].properties)))
    found = parts.read(table, deployment("DecideCases"))
    queues = {name: built.resources.get(f"{logical(name)}BulkQueue") for name in PLAYBOOKS}
    assert found.functions == {name: built.resources[logical(name)].arn for name in PLAYBOOKS}
    assert found.bulk_queues == {name: one.physical for name, one in queues.items() if one}
    assert len(found.bulk_queues) > 1
    for name in PLAYBOOKS:
        assert found.own_roles == deployment(logical(name)).own_roles


def test_who_reads_the_parts_is_made_after_them() -> None:
    declared = raw()["Resources"]
    readers = {name for name, one in declared.items() if one.get("DependsOn") == "Parts"}
    assert readers == {"DecideCases", "ReconcileCases", "SweepFindings"}


def test_no_deletion_of_the_parts_reaches_setup() -> None:
    """One that knows only the settings, as after a rollback to 0.2.0, would stop the stack."""
    assert raw()["Resources"]["Parts"]["DeletionPolicy"] == "Retain"


def deployment(function: str) -> Deployment:
    variables = stack().resources[function].properties["Environment"]["Variables"]
    return Deployment.from_environment({**variables, "AWS_REGION": "eu-central-1"})


def test_to_stop_is_printed() -> None:
    stop = stack().outputs["Stop"]
    assert "aws lambda invoke" in stop and '{"do":"stop"}' in stop
    assert stack().resources["DecideCases"].physical in stop


# ── the role ─────────────────────────────────────────────────────────────────

TABLE = stack(full=True).resources["CasesTable"].arn
BUCKET = stack(full=True).resources["EvidenceBucket"].arn


@pytest.mark.parametrize(
    "key", [f"case#{QUARANTINE.name}#x", "hold#bucket#x", "plan#x", "budget#x"]
)
def test_role_writes_no_row_of_a_playbook(key: str) -> None:
    for action in ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"):
        assert not may(action, TABLE, key)
        assert not may(action, TABLE, "decision#a#b", key)


def test_role_writes_decisions_and_settings() -> None:
    assert may("dynamodb:PutItem", TABLE, f"decision#{QUARANTINE.name}#x")
    assert may("dynamodb:UpdateItem", TABLE, "settings")
    assert not may("dynamodb:PutItem", TABLE, "settings")
    for row in ("setup#parts", "setup#baseline"):
        assert may("dynamodb:BatchGetItem", TABLE, row)
        for action in ("dynamodb:PutItem", "dynamodb:UpdateItem"):
            assert not may(action, TABLE, row)
    assert not may("dynamodb:DeleteItem", TABLE, f"decision#{QUARANTINE.name}#x")
    for action in ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchGetItem"):
        assert not may(action, TABLE)
    for action in ("dynamodb:Scan", "dynamodb:Query", "dynamodb:PartiQLUpdate"):
        assert not may(action, TABLE, "decision#a#b")


def test_role_writes_the_evidence_of_settings_alone() -> None:
    own = f"{BUCKET}/settings/111122223333/settings/000001.json"
    assert may("s3:PutObject", own) and may("s3:GetObject", own)
    for action in ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"):
        assert not may(action, f"{BUCKET}/{QUARANTINE.name}/1/2/000001.json")
    assert not may("s3:DeleteObjectVersion", own)


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("s3:PutBucketPolicy", "arn:aws:s3:::customer"),
        ("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/app"),
        ("iam:GetRole", "arn:aws:iam::111122223333:role/app"),
        ("sts:AssumeRole", "arn:aws:iam::444455556666:role/cordon/Member"),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-central-1:111122223333:function:other"),
        ("securityhub:BatchUpdateFindings", "*"),
        ("states:SendTaskSuccess", "*"),
        ("sns:Publish", "*"),
    ],
)
def test_role_changes_nothing_itself(action: str, arn: str) -> None:
    assert not may(action, arn)


def test_role_knows_identity_centers_roles() -> None:
    path = "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef"
    assert may("iam:GetRole", f"arn:aws:iam::111122223333:{path}")


def test_role_is_protected_and_is_no_person() -> None:
    built = stack(full=True)
    role = built.resources[ROLE]
    denied = built.resources["ProtectOwnRolesPolicy"].properties["PolicyDocument"]["Statement"]
    assert role.arn in listed(denied[0]["Resource"])
    assert role.physical in built.resources["Parts"].properties["OwnRoles"]
    assert seen.compact(role.properties).count('"Resource":"*"') == 0
