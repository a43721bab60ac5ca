"""The road on which a sweep makes every call that it can: a finding for each queue there is."""

import json
from datetime import timedelta
from typing import Any

from embedded.backends import here, hub
from embedded.journal import ExecutionEnded
from tests.examples import event
from tests.promises.world import World

FOR_EACH_QUEUE = (
    "securityhub_iam_6",
    "securityhub_inspector_critical",
    "securityhub_macie_sensitive_data",
    "securityhub_s3_2",
    "securityhub_sagemaker_3",
    "securityhub_sagemaker_1",
)
NAME = "20261124T120000Z"
OF_A_RULE = "config_model_package_without_card"  # one of ours: Config sends its results on, too


def swept(world: World, *samples: str, name: str = NAME, **limits: str) -> ExecutionEnded:
    """Security Hub has these samples' findings, and a sweep sends them; how its workflow ended."""
    for sample in samples:
        world.stage(event(sample))  # with a finding of few fields
        (finding,) = event(sample)["detail"]["findings"]
        store(world, finding)
    world.account.client("stepfunctions").start_execution(
        stateMachineArn=world.account.stack.outputs["Sweep"], name=name, input=json.dumps(limits)
    )
    world.account.settle(patience=timedelta(hours=1))
    ended = [one for one in world.account.journal.of(ExecutionEnded) if one.name == name]
    return ended[-1]


def store(world: World, finding: dict[str, Any]) -> None:
    """Security Hub has this finding."""
    place = world.account.place
    hub.store(here(place.account, place.region), finding)


def _copy_of_a_result(world: World) -> dict[str, Any]:
    """Security Hub's copy of what a Config rule found, and the resource that it is about."""
    native = event(OF_A_RULE)
    world.stage(native)
    (finding,) = event("securityhub_sagemaker_1")["detail"]["findings"]
    resource = {"Type": "Other", "Id": native["detail"]["resourceId"], "Region": native["region"]}
    rule = {"aws/config/ConfigRuleName": native["detail"]["configRuleName"]}
    product = f"arn:aws:securityhub:{native['region']}::product/aws/config"
    return {
        **finding,
        "Id": f"{product}/a-result",
        "ProductArn": product,
        "ProductFields": rule,
        "Compliance": {"Status": "FAILED"},
        "Resources": [{**resource, "Partition": "aws"}],
    }


def every_queue(world: World) -> None:
    """Each playbook that handles what Security Hub has gets its own: the record counts them."""
    store(world, _copy_of_a_result(world))
    ended = swept(world, *FOR_EACH_QUEUE)
    assert sum(ended.output["counts"].values()) >= len(FOR_EACH_QUEUE)
    assert world.troubles == []


SWEEP_ROADS = (every_queue,)
