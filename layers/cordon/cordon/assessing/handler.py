"""The handler of ``assess_resources``: AWS Config invokes it for each of our rules.

It reads in its own account and Region, and reports to Config. Whoever invokes it without a token of
Config's reports nothing: PutEvaluations refuses the token.
"""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from cordon.assessing import (
    bedrock_settings,
    data_sets,
    held_data,
    inference_profiles,
    model_packages,
    required_tags,
)
from cordon.assessing.evaluation import Found
from cordon.assessing.request import Request
from cordon.assessing.results import Results
from cordon.clients import AwsClients, clients_for
from cordon.deployment import Deployment
from cordon.errors import Malformed
from cordon.sources.text import one_line

NEEDS: tuple[str, ...] = ()  # beside what every function is given
KEPT_SECONDS = 20  # for what is left to report once the time is nearly over
Rule = Callable[[AwsClients, Request], Found]
RULES: Mapping[str, Rule] = {  # by the name that the template gives them
    model_packages.RULE: model_packages.assess,
    held_data.TAINTED_RULE: held_data.assess_tainted,
    held_data.LOW_QUALITY_RULE: held_data.assess_low_quality,
    data_sets.RULE: data_sets.assess,
    inference_profiles.RULE: inference_profiles.assess,
    required_tags.RULE: required_tags.assess,
    bedrock_settings.LOGGING_RULE: bedrock_settings.assess_logging,
    bedrock_settings.GUARDRAIL_RULE: bedrock_settings.assess_guardrail,
}

logger = Logger(service="assess_resources")


def handler(event: Any, context: Any) -> dict[str, Any]:
    """One evaluation. Raises RunIncomplete at its end, where not everything could be evaluated."""
    request = Request.of(event)
    if request.rule not in RULES:
        raise Malformed("configRuleName", f"no rule of ours: {one_line(request.rule, 128)}")
    deployment = Deployment.from_environment(needs=NEEDS)
    if request.account != deployment.account:
        raise Malformed("accountId", "is another account, which this rule is not about")
    own = clients_for(deployment.account, deployment.region)
    results = Results(own.client("config"), request)
    left = context.get_remaining_time_in_millis
    try:
        found = RULES[request.rule](own, request)
        results.put_all(found, lambda: left() / 1000 > KEPT_SECONDS)
    finally:
        logger.info("assessed", extra={"rule": request.rule, "results": results.counts})
    return {"rule": request.rule, "results": results.counts}
