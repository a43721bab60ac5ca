"""What the checks conclude from what AWS says, and that nothing good follows from an error."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from rich.console import Console

from console.coverage import command, table
from console.coverage.checks import CHECKS, MOST_AGENTS, Account, Result, Saw
from console.coverage.live import NO_ENDPOINT, look, modes_of
from console.coverage.report import Looked, report
from console.stack import NotPossible
from tests.architecture.stack import ROOT

POLICY = json.loads((ROOT / "docs" / "coverage" / "policy.json").read_text())
GATEWAYS = {"list_gateways": {"items": [{"gatewayId": "g1"}]}}


class Client:
    """Responds to each operation as a test says, or refuses."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._said = said

    def __getattr__(self, operation: str) -> Any:
        def call(**given: Any) -> Any:
            said = self._said.get(operation, self._said.get("*"))
            if isinstance(said, dict):
                return said
            if callable(said):
                return said(given)
            if isinstance(said, Exception):
                raise said
            code, message = said
            name = operation.title().replace("_", "")
            raise ClientError({"Error": {"Code": code, "Message": message}}, name)

        return call


def looked(said: Mapping[str, Any]) -> dict[str, Result]:
    every = {"*": ("AccessDeniedException", "not authorized")} | dict(said)
    return look(lambda _: Client(every), "111122223333")


def test_what_is_denied_is_unknown_and_names_its_permission() -> None:
    for name, result in looked({}).items():
        assert result == Result(Saw.UNKNOWN, CHECKS[name].permissions[0])


def analyzers(*found: tuple[str, str]) -> dict[str, Any]:
    """Access Analyzer's, by type and status."""
    return {"list_analyzers": {"analyzers": [{"type": t, "status": s} for t, s in found]}}


def inspector(of_images: str) -> dict[str, Any]:
    """What Inspector scans: instances in any case."""
    state = {"ec2": {"status": "ENABLED"}, "ecr": {"status": of_images}}
    return {"batch_get_account_status": {"accounts": [{"resourceState": state}]}}


def invited(status: str) -> dict[str, Any]:
    """An account without a graph of its own, which an administrator invited."""
    invitations = {"Invitations": [{"Status": status}]}
    return {"list_graphs": {"GraphList": []}, "list_invitations": invitations}


@pytest.mark.parametrize(
    ("said", "check", "result"),
    [
        (
            {"get_macie_session": ("AccessDeniedException", "Macie is not enabled.")},
            "macie",
            Result(Saw.OFF),
        ),
        (
            {"describe_hub": ("InvalidAccessException", "not subscribed")},
            "security_hub",
            Result(Saw.OFF),
        ),
        (
            {"list_guardrails": ("ThrottlingException", "later")},
            "guardrails",
            Result(Saw.UNKNOWN, "ThrottlingException of bedrock:ListGuardrails"),
        ),
        (
            {"list_applications": EndpointConnectionError(endpoint_url="https://q")},
            "amazon_q_business",
            Result(Saw.UNKNOWN, NO_ENDPOINT),
        ),
        ({"list_gateways": {"items": []}}, "gateways_authorize", Result(Saw.NONE)),
        (
            {**GATEWAYS, "get_gateway": {"authorizerType": "NONE"}},
            "gateways_authorize",
            Result(Saw.OFF, "1 of 1 gateways without"),
        ),
        (
            {**GATEWAYS, "get_gateway": {"policyEngineConfiguration": {"mode": "LOG_ONLY"}}},
            "gateways_have_policies",
            Result(Saw.OFF, "1 of 1 gateways without"),
        ),
        (
            {**GATEWAYS, "get_gateway": {"policyEngineConfiguration": {"mode": "ENFORCE"}}},
            "gateways_have_policies",
            Result(Saw.ON),
        ),
        ({"get_model_invocation_logging_configuration": {}}, "invocation_logging", Result(Saw.OFF)),
        (analyzers(("ACCOUNT", "ACTIVE")), "access_analyzer", Result(Saw.ON)),
        (analyzers(("ORGANIZATION", "ACTIVE")), "access_analyzer", Result(Saw.ON)),
        (
            analyzers(("ACCOUNT_UNUSED_ACCESS", "ACTIVE"), ("ACCOUNT", "DISABLED")),
            "access_analyzer",
            Result(Saw.OFF),
        ),
        (inspector("ENABLED"), "inspector_of_images", Result(Saw.ON)),
        (inspector("DISABLED"), "inspector_of_images", Result(Saw.OFF)),
        (
            {"batch_get_account_status": {"accounts": []}},
            "inspector_of_images",
            Result(Saw.UNKNOWN, "Amazon Inspector says nothing of the account"),
        ),
        (
            {"list_graphs": {"GraphList": [{"Arn": "g"}]}},
            "detective",
            Result(Saw.ON, "as its administrator"),
        ),
        (invited("ENABLED"), "detective", Result(Saw.ON, "as a member")),
        (invited("INVITED"), "detective", Result(Saw.OFF)),
        (
            {"list_graphs": {"GraphList": []}},
            "detective",
            Result(Saw.UNKNOWN, "detective:ListInvitations"),
        ),
    ],
)
def test_what_a_check_concludes(said: dict[str, Any], check: str, result: Result) -> None:
    assert looked(said)[check] == result


def agents(*groups: Mapping[str, Any], count: int = 1) -> dict[str, Any]:
    """``count`` agents, each with these action groups in its draft."""
    listed = [{"actionGroupId": str(n), "actionGroupState": "ENABLED"} for n in range(len(groups))]
    return {
        "list_agents": {"agentSummaries": [{"agentId": f"A{n}"} for n in range(count)]},
        "list_agent_action_groups": {"actionGroupSummaries": listed},
        "get_agent_action_group": lambda given: {
            "agentActionGroup": groups[int(given["actionGroupId"])]
        },
    }


CONFIRMED = {"functionSchema": {"functions": [{"requireConfirmation": "ENABLED"}]}}
DOES = {"functionSchema": {"functions": [{"requireConfirmation": "ENABLED"}, {"name": "pay"}]}}
RETURNS = {"actionGroupExecutor": {"customControl": "RETURN_CONTROL"}}
RUNS = {"actionGroupExecutor": {"lambda": "arn:aws:lambda:…"}}


@pytest.mark.parametrize(
    ("groups", "how"),
    [
        ((), "agents_without_actions"),
        ((CONFIRMED, RETURNS), "agents_confirmed"),
        ((DOES,), "agents_not_confirmed"),
        ((CONFIRMED, RUNS), "agents_not_confirmed"),
    ],
)
def test_agency_of_an_agent(groups: tuple[dict[str, Any], ...], how: str) -> None:
    result = looked(agents(*groups))
    names = [name for name in result if name.startswith("agents_")]
    assert [name for name in names if result[name].saw is Saw.ON] == [how]
    assert {result[name].saw for name in names} == {Saw.ON, Saw.OFF}


def test_agents_that_were_not_read_are_unknown() -> None:
    result = looked(agents(CONFIRMED, count=MOST_AGENTS + 2))
    assert result["agents_not_confirmed"] == Result(Saw.UNKNOWN, "2 more agents were not read")


def test_items_of_every_page_are_seen_and_a_call_is_made_once() -> None:
    calls = []

    def page(given: Mapping[str, Any]) -> dict[str, Any]:
        calls.append(given)
        return {"guardrails": [1]} if "nextToken" in given else {"guardrails": [], "nextToken": "t"}

    account = Account(lambda _: Client({"list_guardrails": page}))
    for _ in range(2):
        assert CHECKS["guardrails"].look(account) == Result(Saw.ON)
    assert calls == [{}, {"nextToken": "t"}]


def test_policy_allows_what_the_checks_need_and_no_more() -> None:
    allowed = [action for one in POLICY["Statement"] for action in one["Action"]]
    needed = {permission for check in CHECKS.values() for permission in check.permissions}
    assert sorted(allowed) == sorted(needed)
    reads = ("*:Get*", "*:BatchGet*", "*:List*", "*:Describe*")
    assert all(any(fnmatchcase(one, pattern) for pattern in reads) for one in allowed)


def test_a_scope_is_unknown_where_a_call_is_and_never_better() -> None:
    found = report(
        ROOT, Looked("here", looked({"list_training_jobs": {"TrainingJobSummaries": [1]}}))
    )
    seen = {one["scope"][0]: one["seen"] for one in found["matrices"][0]["scopes"]}
    assert seen == {"1": "unknown", "2": "unknown", "3": "unknown", "4": "unknown", "5": "in use"}
    assert {one["saw"] for one in found["needs"]} == {"unknown", "not looked at"}
    printed = Console(width=80, file=StringIO(), force_terminal=True)
    table.show(found, printed)
    text = printed.file.getvalue()  # type: ignore[attr-defined]
    assert "training jobs of SageMaker: on" in text
    assert "32m" not in text, "nothing is green"


def test_a_pipe_has_a_line_for_each_row_and_no_box() -> None:
    found = report(ROOT, Looked("here", looked({}), {}, "it is long, " * 20))
    piped = Console(width=80, file=StringIO())
    table.show(found, piped)
    text = piped.file.getvalue()  # type: ignore[attr-defined]
    rows = [line for line in text.splitlines() if "\t" in line]
    assert len(rows) == len(list(table.rows(found)))
    assert not set("┏┃│└━") & set(text)
    (modes,) = (line for line in text.splitlines() if line.startswith("Modes: "))
    assert modes.count("it is long") == 20


def test_without_a_stack_the_modes_are_unknown() -> None:
    def none() -> Any:
        raise NotPossible("there is no stack cordon")

    def denied() -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeStacks")

    assert modes_of(none) == ({}, "there is no stack cordon")
    assert modes_of(denied) == ({}, "unknown: missing is DescribeStacks")
    found = report(ROOT, Looked("here", looked({})))
    assert {one["mode"] for one in found["playbooks"]} == {"unknown"}


def test_credentials_that_aws_does_not_know_are_said_as_everywhere() -> None:
    """What AWS refuses rises: ``cli.main`` says it in one line, and ends with its status."""
    unknown = ("InvalidClientTokenId", "the token is invalid")
    session = SimpleNamespace(client=lambda _: Client({"*": unknown}))
    where = SimpleNamespace(session=lambda: session)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        command.looked(where)  # type: ignore[arg-type]
