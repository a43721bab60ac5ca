"""SageMaker notebook instances: described, listed, stopped, started and updated.

moto stops at once, has no UpdateNotebookInstance, and writes names into ARNs as they are. Of a
notebook that ``make`` created all of that is ours; moto responds for its own.

Sources: Amazon SageMaker AI API Reference, the five operations. From which status each may be
called, and the message: amazon-sagemaker-examples issues 1094 and 1798; terraform-provider-aws
16767. An unknown name is a ValidationException "RecordNotFound" (terraform-provider-aws, finder of
notebook instances). What an update of a notebook that runs responds is our guess.
"""

from collections.abc import Mapping
from typing import Any

from embedded.backends import tags
from embedded.backends.pages import page
from embedded.backends.registry import (
    NotModelled,
    NotOurs,
    Params,
    Refusal,
    Response,
    Where,
    implements,
    tables,
)
from embedded.backends.times import now

SERVICE = "sagemaker"
TABLE = "notebooks"
PAGE = 100  # ListNotebookInstances gives at most so many
STILL = ("Stopped", "Failed")
SETTINGS = ("RootAccess", "PlatformIdentifier")
LIFECYCLE, ATTACH = "NotebookInstanceLifecycleConfigName", "LifecycleConfigName"
DETACH = "DisassociateLifecycleConfig"
SHOWN = ("NotebookInstanceStatus", LIFECYCLE, *SETTINGS)  # of a snapshot
OLD_PLATFORMS = ("notebook-al1-v1", "notebook-al2-v1", "notebook-al2-v2")  # none can go back there
SUMMARY = (
    "NotebookInstanceName",
    "NotebookInstanceArn",
    "NotebookInstanceStatus",
    "InstanceType",
    "CreationTime",
    "LastModifiedTime",
    LIFECYCLE,
)


def make(
    name: str,
    where: Where,
    own_tags: Mapping[str, str] | None = None,
    *,
    lifecycle: str = "",
    status: str = "InService",
    **settings: str,
) -> None:
    """A notebook instance; ``settings``: RootAccess, PlatformIdentifier."""
    arn = where.arn(SERVICE, f"notebook-instance/{name.lower()}")
    tags.exists(arn, where, own_tags)
    given = {"RootAccess": "Enabled", "PlatformIdentifier": "notebook-al2-v3", **settings}
    attached = {LIFECYCLE: lifecycle} if lifecycle else {}
    where.table(TABLE)[name] = {
        "shown": {
            "NotebookInstanceName": name,
            "NotebookInstanceArn": arn,
            "NotebookInstanceStatus": status,
            "InstanceType": "ml.t3.medium",
            "RoleArn": where.arn("iam", "role/NotebookRole", region=""),
            "CreationTime": now(),
            "LastModifiedTime": now(),
            **given,
            **attached,
        },
        "takes": 0,
        "then": "",
        "left": 0,
        "refused": "",
    }


def slow(name: str, where: Where, readings: int) -> None:
    """From now on each change of this notebook shows its passing status for so many readings."""
    where.table(TABLE)[name]["takes"] = readings


def refuse_start(name: str, where: Where, message: str) -> None:
    """From now on a start is refused with ResourceLimitExceeded; "" allows it."""
    where.table(TABLE)[name]["refused"] = message


def put(name: str, where: Where, **shown: str) -> None:
    """Set what is shown of a notebook, whatever it was, as another call would have left it."""
    where.table(TABLE)[name]["shown"].update(shown)


def delete(name: str, where: Where) -> None:
    """Delete a notebook instance."""
    tags.forget(where.table(TABLE).pop(name)["shown"]["NotebookInstanceArn"], where)


def every() -> dict[str, dict[str, Any]]:
    """The status and settings of each, in all accounts and Regions, by ARN."""
    found = [one["shown"] for table in tables(TABLE) for one in table.values()]
    return {one["NotebookInstanceArn"]: {n: one.get(n) for n in SHOWN} for one in found}


@implements(SERVICE, "DescribeNotebookInstance")
def describe_notebook_instance(params: Params, where: Where) -> Response:
    """As it is; each reading brings a change nearer to its end."""
    one = _one(params, where)
    if one["then"]:
        if one["left"] == 0:
            one["shown"]["NotebookInstanceStatus"], one["then"] = one["then"], ""
        else:
            one["left"] -= 1
    return dict(one["shown"])


@implements(SERVICE, "ListNotebookInstances")
def list_notebook_instances(params: Params, where: Where) -> Response:
    """In pages, sorted by name. No filter is modelled. Where none is ours, moto's own."""
    if not where.table(TABLE):
        raise NotOurs
    if params.keys() - {"NextToken", "MaxResults"}:
        raise NotModelled("ListNotebookInstances with a filter or an order")
    found = [one["shown"] for _, one in sorted(where.table(TABLE).items())]
    listed, more = page(found, params, "NextToken", PAGE)
    summaries = [{k: one[k] for k in SUMMARY if k in one} for one in listed]
    return {"NotebookInstances": summaries, **more}


@implements(SERVICE, "StopNotebookInstance")
def stop_notebook_instance(params: Params, where: Where) -> Response:
    """Stopping, then Stopped."""
    _change(params, where, ("InService",), "Stopping", "Stopped")
    return {}


@implements(SERVICE, "StartNotebookInstance")
def start_notebook_instance(params: Params, where: Where) -> Response:
    """Pending, then InService."""
    one = _one(params, where)
    if one["refused"]:
        raise Refusal("ResourceLimitExceeded", one["refused"])
    _change(params, where, STILL, "Pending", "InService")
    return {}


@implements(SERVICE, "UpdateNotebookInstance")
def update_notebook_instance(params: Params, where: Where) -> Response:
    """Updating, then Stopped. An old platform is refused, as nobody says that it is not."""
    known = {"NotebookInstanceName", *SETTINGS, ATTACH, DETACH}
    if params.keys() - known or {ATTACH, DETACH} <= params.keys():
        raise NotModelled(f"UpdateNotebookInstance with {sorted(params)}")
    if (platform := params.get("PlatformIdentifier")) in OLD_PLATFORMS:
        raise Refusal("ValidationException", f"{platform} is not supported any more")
    one = _change(params, where, STILL, "Updating", "Stopped")
    one["shown"].update({name: params[name] for name in SETTINGS if name in params})
    if ATTACH in params:
        one["shown"][LIFECYCLE] = params[ATTACH]
    if params.get(DETACH):
        one["shown"].pop(LIFECYCLE, None)
    return {}


def _change(
    params: Params, where: Where, allowed: tuple[str, ...], passing: str, then: str
) -> dict[str, Any]:
    one = _one(params, where)
    shown = one["shown"]
    if (status := shown["NotebookInstanceStatus"]) not in allowed:
        raise Refusal(
            "ValidationException",
            f"Status ({status}) not in ([{', '.join(allowed)}]). Unable to transition to "
            f"({passing}) for Notebook Instance ({shown['NotebookInstanceArn']}).",
        )
    shown["LastModifiedTime"] = now()
    shown["NotebookInstanceStatus"] = passing if one["takes"] else then
    one["then"], one["left"] = (then, one["takes"]) if one["takes"] else ("", 0)
    return one


def _one(params: Params, where: Where) -> dict[str, Any]:
    """moto responds for names that are not ours: also that there is no such notebook."""
    found: dict[str, Any] | None = where.table(TABLE).get(params["NotebookInstanceName"])
    if found is None:
        raise NotOurs
    return found
