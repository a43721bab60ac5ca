"""What AWS Config keeps of the rules of a stack: the results that their functions report.

moto takes no results but in a test. Sources: AWS Config API Reference, "PutEvaluations" (the token
names the rule and what triggered it), "GetComplianceDetailsByConfigRule"; AWS Config Developer
Guide, "Example Compliance Change Notification". A token is good once more for the same evaluation,
in calls of a hundred results each. Not modelled: results that a deleted rule leaves, the order of
results that overtake each other.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from embedded.backends.pages import page
from embedded.backends.registry import Params, Refusal, Response, Where, implements
from embedded.backends.times import now

TABLE, PAGE = "config-rules", 100
NOT_APPLICABLE = "NOT_APPLICABLE"
Listener = Callable[[Where, dict[str, Any]], None]
_listeners: list[Listener] = []


def subscribe(listener: Listener) -> None:
    """Call ``listener(where, detail)`` with the detail of each change of compliance."""
    _listeners.append(listener)


def unsubscribe() -> None:
    """No listener any more."""
    _listeners.clear()


def begin(name: str, arn: str, where: Where) -> str:
    """An evaluation by the rule of this name begins: its token."""
    rule = where.table(TABLE).setdefault(name, {"arn": arn, "runs": 0, "results": {}})
    rule["runs"] += 1
    rule["invoked"] = now()
    return f"{name}#{rule['runs']}"


@implements("config", "PutEvaluations")
def put_evaluations(params: Params, where: Where) -> Response:
    """Results with the token of the rule's latest evaluation."""
    name, _, run = str(params["ResultToken"]).rpartition("#")
    rule = where.table(TABLE).get(name)
    if rule is None or run != str(rule["runs"]):
        raise Refusal("InvalidResultTokenException", "The specified ResultToken is not valid.")
    for one in params.get("Evaluations", ()):
        if one["ComplianceType"] == "INSUFFICIENT_DATA":
            raise Refusal("InvalidParameterValueException", "INSUFFICIENT_DATA is not supported.")
        _keep(name, rule, one, where)
    return {"FailedEvaluations": []}


def _keep(name: str, rule: dict[str, Any], one: Any, where: Where) -> None:
    key = (one["ComplianceResourceType"], one["ComplianceResourceId"])
    before = rule["results"].get(key)
    result = {
        "EvaluationResultIdentifier": {
            "EvaluationResultQualifier": {
                "ConfigRuleName": name,
                "ResourceType": key[0],
                "ResourceId": key[1],
            },
            "OrderingTimestamp": one["OrderingTimestamp"],
        },
        "ComplianceType": one["ComplianceType"],
        "ResultRecordedTime": now(),
        "ConfigRuleInvokedTime": rule["invoked"],
        **({"Annotation": one["Annotation"]} if "Annotation" in one else {}),
    }
    rule["results"][key] = result
    was = before["ComplianceType"] if before else NOT_APPLICABLE
    if was != one["ComplianceType"]:
        detail = {
            "resourceId": key[1],
            "awsRegion": where.region,
            "awsAccountId": where.account,
            "configRuleName": name,
            "recordVersion": "1.0",
            "configRuleARN": rule["arn"],
            "messageType": "ComplianceChangeNotification",
            "newEvaluationResult": _spelled(result),
            **({"oldEvaluationResult": _spelled(before)} if before else {}),
            "notificationCreationTime": _spelled(now()),
            "resourceType": key[0],
        }
        for listener in _listeners:
            listener(where, detail)


def _spelled(value: Any) -> Any:
    """As in an event: small first letters, times as text."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _spelled(one) for name, one in value.items()}
    return value.strftime("%Y-%m-%dT%H:%M:%S.000Z") if isinstance(value, datetime) else value


@implements("config", "GetComplianceDetailsByConfigRule")
def get_compliance_details_by_config_rule(params: Params, where: Where) -> Response:
    """The latest result of each resource."""
    rule = where.table(TABLE).get(params["ConfigRuleName"])
    if rule is None:
        raise Refusal("NoSuchConfigRuleException", "The ConfigRule provided is invalid.")
    wanted = params.get("ComplianceTypes", ())
    listed = [
        one for one in rule["results"].values() if not wanted or one["ComplianceType"] in wanted
    ]
    shown, more = page(listed, params, "NextToken", PAGE)
    return {"EvaluationResults": shown, **more}
