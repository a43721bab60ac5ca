"""The roads of our Config rules: each looks at a resource that is right or one that is not."""

import json

from embedded.backends import here, lineage, model_packages
from tests.promises.world import HOME, World

RULES = {"Assess": "TwentyFour_Hours", "AllowedRegions": "us-east-1"}  # as the stack is deployed
PLACE = here(*HOME[:2])


def assessed(world: World) -> None:
    """Every rule of the stack is evaluated, and then once more."""
    arn = model_packages.make("churn", 1, PLACE, approval="Approved")
    model_packages.make("churn", 2, PLACE, approval="Approved")
    content = json.dumps({"model_package_details": {"model_package_arn": arn}})
    sagemaker = world.account.client("sagemaker")
    sagemaker.create_model_card(ModelCardName="churn", Content=content, ModelCardStatus="Approved")
    traced(world)
    rules = world.account.stack.of("AWS::Config::ConfigRule")
    for rule in (*rules, *rules):
        world.account.config_rules.evaluate(rule.logical)
        world.account.settle()
    (case,) = world.cases
    assert [action.resource for action in case.plan.actions] == [arn.replace("/1", "/2")]


def traced(world: World) -> None:
    """A model whose lineage has its data."""
    made = world.account.client("sagemaker").create_model(
        ModelName="traced",
        ExecutionRoleArn=PLACE.arn("iam", "role/model", region=""),
        PrimaryContainer={"Image": "acme:1"},
    )["ModelArn"]
    data = lineage.entity("artifact/d1", "DataSet", "s3://acme-data/train/", PLACE)
    lineage.made_of(data, lineage.entity("artifact/m1", "Model", made, PLACE), PLACE)


RULE_ROADS = (assessed,)
