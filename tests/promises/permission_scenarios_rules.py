"""The roads of our Config rules: each looks at one resource that is right and one that is not."""

import json

from embedded.backends import here, model_packages
from tests.promises.world import HOME, World

RULES = {"Assess": "TwentyFour_Hours"}  # as the stack is deployed
PLACE = here(*HOME[:2])


def assessed(world: World) -> None:
    """Every rule of the stack is evaluated, and then once more."""
    arn = model_packages.make("churn", 1, PLACE, approval="Approved")
    model_packages.make("churn", 2, PLACE, approval="Approved")
    content = json.dumps({"model_package_details": {"model_package_arn": arn}})
    world.account.client("sagemaker").create_model_card(
        ModelCardName="churn", Content=content, ModelCardStatus="Approved"
    )
    for _ in range(2):
        for rule in world.account.stack.of("AWS::Config::ConfigRule"):
            world.account.config_rules.evaluate(rule.logical)
            world.account.settle()
    (case,) = world.cases
    assert [action.resource for action in case.plan.actions] == [arn.replace("/1", "/2")]


RULE_ROADS = (assessed,)
