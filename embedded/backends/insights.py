"""Insights over the findings of a hub, and custom actions.

Sources: CreateInsight, DeleteInsight, GetInsights, GetInsightResults, CreateActionTarget,
DeleteActionTarget, DescribeActionTargets (Security Hub API Reference).
"""

from collections import Counter
from typing import Any

from moto.moto_api._internal import mock_random

from embedded.backends import findings, hub
from embedded.backends.registry import Params, Refusal, Response, Where, implements
from embedded.backends.securityhub import needs_hub

MOST_INSIGHTS = 100
MOST_ACTIONS = 50
ACTION_LENGTH = 20  # of the id (letters and digits) and of the name


@implements("securityhub", "CreateInsight")
def create_insight(params: Params, where: Where) -> Response:
    """A filter that is not modelled stops the run here, not when the results are read."""
    needs_hub(where)
    findings.select([], params["Filters"])
    _group(params["GroupByAttribute"])
    if len(_insights(where)) >= MOST_INSIGHTS:
        raise Refusal("LimitExceededException", f"at most {MOST_INSIGHTS} custom insights")
    path = f"insight/{where.account}/custom/{mock_random.uuid4()}"
    arn = where.arn("securityhub", path)
    _insights(where)[arn] = {"InsightArn": arn, **params}
    return {"InsightArn": arn}


@implements("securityhub", "GetInsights")
def get_insights(params: Params, where: Where) -> Response:
    """All, or those named. In one page."""
    needs_hub(where)
    wanted = params.get("InsightArns") or list(_insights(where))
    return {"Insights": [_insight(arn, where) for arn in wanted]}


@implements("securityhub", "GetInsightResults")
def get_insight_results(params: Params, where: Where) -> Response:
    """How many findings there are for each value of the attribute, most first."""
    needs_hub(where)
    insight = _insight(params["InsightArn"], where)
    path = _group(insight["GroupByAttribute"])
    found = findings.select(hub.findings(where).values(), insight["Filters"])
    counts = Counter(str(v) for f in found for v in dict.fromkeys(findings.values(f, path)))
    listed = [
        {"GroupByAttributeValue": value, "Count": count} for value, count in counts.most_common()
    ]
    return {
        "InsightResults": {
            "InsightArn": insight["InsightArn"],
            "GroupByAttribute": insight["GroupByAttribute"],
            "ResultValues": listed,
        }
    }


@implements("securityhub", "DeleteInsight")
def delete_insight(params: Params, where: Where) -> Response:
    """A custom insight goes; the findings in it stay."""
    needs_hub(where)
    arn = params["InsightArn"]
    _insight(arn, where)
    del _insights(where)[arn]
    return {"InsightArn": arn}


@implements("securityhub", "CreateActionTarget")
def create_action_target(params: Params, where: Where) -> Response:
    """A custom action; its ARN is what its events carry in ``resources``."""
    needs_hub(where)
    name = params["Id"]
    if not (name.isascii() and name.isalnum()) or len(name) > ACTION_LENGTH:
        raise Refusal("InvalidInputException", f"Id: at most {ACTION_LENGTH} letters and digits")
    if len(params["Name"]) > ACTION_LENGTH:
        raise Refusal("InvalidInputException", f"Name: at most {ACTION_LENGTH} characters")
    arn = where.arn("securityhub", f"action/custom/{name}")
    kept = _actions(where)
    if arn in kept:
        raise Refusal("ResourceConflictException", f"{arn} exists already")
    if len(kept) >= MOST_ACTIONS:
        raise Refusal("LimitExceededException", f"at most {MOST_ACTIONS} custom actions")
    described = {"Name": params["Name"], "Description": params["Description"]}
    kept[arn] = {"ActionTargetArn": arn, **described}
    return {"ActionTargetArn": arn}


@implements("securityhub", "DeleteActionTarget")
def delete_action_target(params: Params, where: Where) -> Response:
    """A custom action goes from the console; what it has sent already stays on its way."""
    needs_hub(where)
    arn = params["ActionTargetArn"]
    if _actions(where).pop(arn, None) is None:
        raise Refusal("ResourceNotFoundException", f"{arn} does not exist")
    return {"ActionTargetArn": arn}


@implements("securityhub", "DescribeActionTargets")
def describe_action_targets(params: Params, where: Where) -> Response:
    """All, or those named. In one page."""
    needs_hub(where)
    kept = _actions(where)
    wanted = params.get("ActionTargetArns") or list(kept)
    for arn in wanted:
        if arn not in kept:
            raise Refusal("ResourceNotFoundException", f"{arn} does not exist")
    return {"ActionTargets": [kept[arn] for arn in wanted]}


def _group(attribute: str) -> str:
    path = findings.TEXT.get(attribute)
    if path is None:
        raise Refusal("InvalidInputException", f"cannot group by {attribute}")
    return path


def _insights(where: Where) -> dict[str, dict[str, Any]]:
    return where.table("securityhub insights")


def _insight(arn: str, where: Where) -> dict[str, Any]:
    if arn not in _insights(where):
        raise Refusal("ResourceNotFoundException", f"{arn} does not exist")
    return _insights(where)[arn]


def _actions(where: Where) -> dict[str, dict[str, str]]:
    return where.table("securityhub actions")
