"""Roads of what stops notebooks, beside its samples: by ARN, and the findings that others tag."""

from collections.abc import Callable
from datetime import timedelta

from console.staging import stage
from cordon import by_arn
from cordon.statuses import Status
from embedded import backends
from embedded.backends import notebooks
from tests.examples import HEADERS, folder_of
from tests.make import NOON
from tests.promises.test_by_arn import PLACE, named
from tests.promises.test_settings import exemption
from tests.promises.world import World

CORRECTED = "securityhub_sagemaker_3"
STOP = HEADERS[folder_of(CORRECTED)]
NOTEBOOK = PLACE.arn("sagemaker", "notebook-instance/lab")


def stopped_in_time(world: World) -> None:
    """AWS needs minutes for each change: a workflow waits, there and back."""
    stage(by_arn.finding_of(NOTEBOOK, STOP, PLACE, NOON), world.account.client)
    notebooks.slow("Lab", backends.here(PLACE.account, PLACE.region), readings=9)
    before = world.state
    assert named(world, STOP.name, NOTEBOOK) == ""
    world.account.advance(timedelta(minutes=6))  # nobody but the reconciler wakes it here
    assert world.in_time(world.case()).status is Status.CONTAINED
    shown = world.state["notebooks"][NOTEBOOK]
    assert shown["NotebookInstanceStatus"] == "Stopped"
    assert shown["NotebookInstanceLifecycleConfigName"] is None
    assert world.release(world.case()).status is Status.REOPENED
    world.account.advance(timedelta(minutes=9))
    after = world.state["notebooks"][NOTEBOOK]
    assert after.pop("NotebookInstanceStatus") in ("Pending", "InService")
    assert after.items() <= before["notebooks"][NOTEBOOK].items()


def alone(road: Callable[[World], None]) -> Callable[[World], None]:
    """Without the cases of the others that handle the same finding: for them it is exempt."""

    def go(world: World) -> None:
        others = sorted(HEADERS.keys() - {STOP.name})
        exempt = {name: exemption(playbook=name, resource="arn:*")["site"] for name in others}
        world.set("exemptions", exempt)
        road(world)

    return go
