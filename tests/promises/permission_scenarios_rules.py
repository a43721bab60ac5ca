"""The roads of our Config rules: each looks at a resource that is right or one that is not."""

import json

from embedded.backends import agentcore, here, lineage, model_packages, notebooks
from tests.promises.world import HOME, World

RULES = {  # as the stack is deployed
    "Assess": "TwentyFour_Hours",
    "AllowedRegions": "us-east-1",
    "RequiredTags": "owner",
}
PLACE = here(*HOME[:2])


def assessed(world: World) -> None:
    """Every rule of the stack is evaluated, and then once more."""
    arn = model_packages.make("churn", 1, PLACE, approval="Approved")
    model_packages.make("churn", 2, PLACE, approval="Approved")
    content = json.dumps({"model_package_details": {"model_package_arn": arn}})
    sagemaker = world.account.client("sagemaker")
    sagemaker.create_model_card(ModelCardName="churn", Content=content, ModelCardStatus="Approved")
    traced(world)
    made_of_data(world, arn)
    tagged(world)
    rules = world.account.stack.of("AWS::Config::ConfigRule")
    for rule in (*rules, *rules):
        world.account.config_rules.evaluate(rule.logical)
        world.account.settle()
    assert world.account.messages("FailedInvocations") == []
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


def made_of_data(world: World, package: str) -> None:
    """The version's lineage leads to a bucket, which no hold has tagged."""
    world.account.client("s3").create_bucket(Bucket="acme-train")
    data = lineage.entity("artifact/d2", "DataSet", "s3://acme-train/train/", PLACE)
    lineage.made_of(data, lineage.entity("artifact/p1", "ModelPackage", package, PLACE), PLACE)


def tagged(world: World) -> None:
    """One of each kind whose tags are read, with its owner's."""
    role, owner = PLACE.arn("iam", "role/service", region=""), {"owner": "ana"}
    tags = [{"Key": "owner", "Value": "ana"}]
    notebooks.make("lab", PLACE, owner)
    sagemaker, agents = world.account.client("sagemaker"), world.account.client("bedrock-agent")
    variant = {"VariantName": "all", "ModelName": "traced", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="scorer", ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName="scorer", EndpointConfigName="scorer", Tags=tags)
    network = {"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}
    sagemaker.create_domain(
        DomainName="lab", AuthMode="IAM", DefaultUserSettings={}, Tags=tags, **network
    )
    agents.create_agent(agentName="helper", agentResourceRoleArn=role, tags=owner)
    model = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v1"
    agents.create_knowledge_base(
        name="manuals",
        roleArn=role,
        knowledgeBaseConfiguration={
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": model},
        },
        storageConfiguration={"type": "OPENSEARCH_SERVERLESS"},  # moto's needs one
        tags=owner,
    )
    core = world.account.client("bedrock-agentcore-control")
    agentcore.make(PLACE.arn("bedrock-agentcore", "runtime/shop-0123456789"), PLACE, role, owner)
    core.create_gateway(
        name="tools", roleArn=role, protocolType="MCP", authorizerType="AWS_IAM", tags=owner
    )
    core.create_memory(name="shop", eventExpiryDuration=30, tags=owner)


RULE_ROADS = (assessed,)
