"""The Lambda handler of ``decide_cases``: ``handler = serve(folder)``.

Three kinds of input arrive: a request of the HTTP API, a custom action of Security Hub, and, to
stop alone, a direct invocation. Everything else is refused with its reason.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from cordon.clients import clients_for
from cordon.deciding.attest import attest
from cordon.deciding.cases import decide_case
from cordon.deciding.contain_by_arn import contain_by_arn
from cordon.deciding.custom_actions import is_custom_action, on_custom_action
from cordon.deciding.desk import Desk, NotDecided, Response
from cordon.deciding.redeliver import redeliver
from cordon.deciding.request import (
    Attest,
    BadRequest,
    Body,
    ByArn,
    Caller,
    OnCase,
    Redeliver,
    SetSettings,
    Stop,
    body_of,
    caller_of,
    verb_of,
)
from cordon.deciding.set_settings import set_settings, stop
from cordon.deployment import Deployment
from cordon.errors import PartsUnknown
from cordon.headers import headers
from cordon.memory.decisions import Verb
from cordon.memory.table import Table
from cordon.playbook import Playbook
from cordon.sources.text import one_line

# What its function must be given, beside what every function is.
NEEDS = (
    "CORDON_APPROVAL_HOURS",
    "CORDON_BREAK_GLASS",
    "CORDON_DEAD_LETTERS",
    "CORDON_DENY",
    "CORDON_DESK_API",
    "CORDON_EVIDENCE_BUCKET",
    "CORDON_EVIDENCE_DAYS",
    "CORDON_FAILED_RECORDS",
    "CORDON_HOME_REGION",
    "CORDON_MEMBER_ROLE",
    "CORDON_ORGANIZATION",
    "CORDON_OTHER_REGIONS",
    "CORDON_PERSON_ROLES",
    "CORDON_RELEASE_FROM_SECURITY_HUB",
    "CORDON_REPORTS_QUEUE",
    "CORDON_TWO_APPROVERS",
    "CORDON_WORKFLOW",
)
Handler = Callable[[Mapping[str, Any], Any], Any]
ONLY_STOP = (
    "only {'do': 'stop'} may be invoked directly: everything else needs the HTTP API, which names "
    "who signs"
)


def serve(functions: Path) -> Handler:
    """The handler. ``functions``: the folder with every playbook; read with the first event."""
    logger = Logger(service="decide_cases")

    def handler(event: Mapping[str, Any], context: Any) -> Any:
        logger.clear_state()
        logger.append_keys(request=context.aws_request_id)
        if "requestContext" in event:
            return _http(_respond(event, context, _desk(_headers(functions), logger)))
        if is_custom_action(event):
            return on_custom_action(event, _desk(_headers(functions), logger))
        return _directly(event, _desk({}, logger, needs=()))  # to stop needs neither

    return handler


@cache
def _headers(functions: Path) -> Mapping[str, Playbook]:
    return headers(functions)


def _desk(playbooks: Mapping[str, Playbook], logger: Logger, needs: Iterable[str] = NEEDS) -> Desk:
    deployment = Deployment.from_environment(needs=needs)
    own = clients_for(deployment.account, deployment.region)
    table = Table(own.client("dynamodb"), deployment.table)
    return Desk(deployment, playbooks, table, own.client, logger)


def _directly(event: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """To stop is the safe direction, and must be possible at night without any tool of ours.

    Raises ValueError for everything else: a refusal that looks like a result would be believed.
    """
    observe = event.get("observe", False)
    if event.get("do") != "stop" or event.keys() - {"do", "observe"} or not _is_truth(observe):
        raise ValueError(ONLY_STOP)
    response = stop(Stop(observe), None, desk)
    desk.logger.info("stopped", extra=dict(response.body))
    return dict(response.body)


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _respond(event: Mapping[str, Any], context: Any, desk: Desk) -> Response:
    """A request of the HTTP API. Whatever is wrong with it is said, and nothing was written."""
    named: dict[str, str] = {}
    try:
        verb = verb_of(event)
        caller = replace(caller_of(event), invocation=str(context.aws_request_id))
        named = {"verb": verb, "by": one_line(caller.arn, 256), "api_request": caller.request}
        if not desk.environment.desk_api or caller.api != desk.environment.desk_api:
            raise NotDecided(403, "the request did not come by the API of this stack")
        response = _carry_out(verb, body_of(event, verb), caller, context, desk)
    except BadRequest as bad:
        refused = {"refused": str(bad), "field": bad.field, "right": bad.right}
        response = Response(400, refused)
    except NotDecided as refusal:
        response = Response(refusal.status, {"refused": refusal.why})
    except PartsUnknown as unknown:
        response = Response(503, {"refused": str(unknown)})
    why = response.body.get("refused", response.body.get("says", ""))
    said = named | {"status": response.status, "reason": one_line(str(why), 500)}
    decided = "checked" if response.body.get("only_check") else "decided"
    desk.logger.info("refused" if response.status >= 400 else decided, extra=said)
    return response


def _carry_out(verb: str, body: Body, caller: Caller, context: Any, desk: Desk) -> Response:
    match body:
        case OnCase():
            return decide_case(Verb(verb), body, caller, desk)
        case ByArn():
            return contain_by_arn(body, caller, desk)
        case Redeliver():
            return redeliver(body, caller, desk, context.get_remaining_time_in_millis)
        case SetSettings():
            return set_settings(body, caller, desk)
        case Stop():
            return stop(body, caller, desk)
        case Attest():
            return attest(body, caller, desk)


def _http(response: Response) -> dict[str, Any]:
    """Payload format 2.0 (API Gateway Developer Guide, "Create AWS Lambda proxy integrations")."""
    return {
        "statusCode": response.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(response.body),
    }
