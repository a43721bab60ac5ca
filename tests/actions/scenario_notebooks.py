"""Scenarios of SageMaker notebook instances. AWS's changes are done at once here."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from cordon.actions import Undone
from cordon.actions.notebooks import DETACH, NO_ROOT, PLATFORM, STOP, ChangeNotebook
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import notebooks
from tests.actions.scenario import PLACE, Scenario

HERE = backends.here(PLACE.account, PLACE.region)
NAME, SCRIPT = "Research-1", "on-start"
SHOWN = (
    "NotebookInstanceStatus",
    "NotebookInstanceLifecycleConfigName",
    "RootAccess",
    "PlatformIdentifier",
)


def made(lifecycle: str = SCRIPT, **more: Any) -> Callable[[AwsClients], None]:
    return lambda _: notebooks.make(NAME, HERE, lifecycle=lifecycle, **more)


def read(aws: AwsClients) -> dict[str, Any]:
    try:
        shown = aws.client("sagemaker").describe_notebook_instance(NotebookInstanceName=NAME)
    except ClientError as error:
        assert "RecordNotFound" in str(error)
        return {}
    return {name: shown.get(name) for name in SHOWN}


def put(**shown: str) -> Callable[[AwsClients], None]:
    """A person changes it while it is held."""
    return lambda _: notebooks.put(NAME, HERE, **shown)


def only(*names: str) -> Callable[[Any], Any]:
    return lambda shown: {name: shown.get(name) for name in names}


def change(*changes: str) -> ChangeNotebook:
    return ChangeNotebook(PLACE, NAME, changes)


def scenario(name: str, action: ChangeNotebook, other: ChangeNotebook, **more: Any) -> Scenario:
    given: dict[str, Any] = {
        "prepare": made(),
        "tamper": put(NotebookInstanceLifecycleConfigName="a-persons"),
        "theirs": only("NotebookInstanceLifecycleConfigName"),
        **more,
    }
    return Scenario(
        name=name,
        action=action,
        other_case=other,
        read=read,
        missing=lambda _: notebooks.delete(NAME, HERE),
        **given,
    )


KILL, NO_ROOT_ACCESS = change(STOP, DETACH), change(NO_ROOT)
STARTED = put(NotebookInstanceStatus="InService")
SCENARIOS = [
    scenario("stopped-and-detached", KILL, NO_ROOT_ACCESS),
    scenario(
        "stopped-before",
        KILL,
        NO_ROOT_ACCESS,
        prepare=made(status="Stopped"),
        tamper=STARTED,
        theirs=only("NotebookInstanceStatus"),
    ),
    scenario(
        "stopped-then-started-by-a-person",
        KILL,
        NO_ROOT_ACCESS,
        tamper=STARTED,
        theirs=only("NotebookInstanceStatus"),
    ),
    scenario(
        "running-set-in-place",
        NO_ROOT_ACCESS,
        KILL,
        tamper=put(RootAccess="Enabled"),
        theirs=only("RootAccess"),
        after_tamper=Undone.RESTORED,
    ),
    scenario(
        "stopped-set-in-place",
        change(NO_ROOT, PLATFORM),
        change(STOP),
        prepare=made(status="Stopped"),
        tamper=put(PlatformIdentifier="notebook-al2023-v2"),
        theirs=only("PlatformIdentifier"),
    ),
    scenario(
        "as-wanted-before",
        NO_ROOT_ACCESS,
        KILL,
        prepare=made(RootAccess="Disabled"),
        tamper=put(RootAccess="Enabled"),
        theirs=only("RootAccess"),
        contained_before=True,
    ),
]
