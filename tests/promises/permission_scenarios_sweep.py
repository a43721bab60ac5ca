"""The road on which a sweep makes every call that it can: a finding for each queue there is."""

import json
from datetime import timedelta

from console.playbook_blocks.block import logical_name
from embedded.backends import here, hub
from embedded.journal import ExecutionEnded
from tests.examples import event
from tests.promises.world import World

FOR_EACH_QUEUE = (
    "securityhub_iam_6",
    "securityhub_macie_sensitive_data",
    "securityhub_s3_2",
    "securityhub_sagemaker_3",
    "securityhub_sagemaker_1",
)
NAME = "20261124T120000Z"


def swept(world: World, *samples: str, name: str = NAME, **limits: str) -> ExecutionEnded:
    """Security Hub has these samples' findings, and a sweep sends them; how its workflow ended."""
    place = world.account.place
    for sample in samples:
        world.stage(event(sample))  # with a finding of few fields
        (finding,) = event(sample)["detail"]["findings"]
        hub.store(here(place.account, place.region), finding)
    world.account.client("stepfunctions").start_execution(
        stateMachineArn=world.account.stack.outputs["Sweep"], name=name, input=json.dumps(limits)
    )
    world.account.settle(patience=timedelta(hours=1))
    ended = [one for one in world.account.journal.of(ExecutionEnded) if one.name == name]
    return ended[-1]


def every_queue(world: World) -> None:
    """Each playbook with a queue gets its own."""
    counts = swept(world, *FOR_EACH_QUEUE).output["counts"]
    queues = {name for name in world.account.queues if name.endswith("BulkQueue")}
    assert {f"{logical_name(name)}BulkQueue" for name in counts} >= queues
    assert world.troubles == []


SWEEP_ROADS = (every_queue,)
