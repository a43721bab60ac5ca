"""Versions of models in SageMaker's registry: listed, described, approved or not.

moto keeps no model card of a package, and an update without a description deletes that of the
approval. Of a package that ``make`` created all of it is ours; moto responds for its own.

Sources: Amazon SageMaker AI API Reference, "ListModelPackages" (unversioned where no type is
given), "DescribeModelPackage" (MetadataOnly), "UpdateModelPackage". That an update leaves what it
does not name, and the message for an unknown ARN, are our guess.
"""

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

SERVICE, TABLE, PAGE = "sagemaker", "model-packages", 100
STATUSES = ("ModelApprovalStatus", "ApprovalDescription")
CHANGED = {"ModelPackageArn", "ModelCard", *STATUSES}


def make(
    group: str, version: int, where: Where, *, approval: str, description: str = "", card: str = ""
) -> str:
    """A version; ``card``: the status of the model card within it. Its ARN."""
    arn = where.arn(SERVICE, f"model-package/{group}/{version}")
    noted = {"ApprovalDescription": description} if description else {}
    within = {"ModelCard": {"ModelCardStatus": card, "ModelCardContent": "{}"}} if card else {}
    where.table(TABLE)[arn] = {
        "ModelPackageName": group,
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelPackageArn": arn,
        "CreationTime": now(),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": approval,
        **noted,
        **within,
    }
    return arn


def delete(arn: str, where: Where) -> None:
    """It is no longer there."""
    del where.table(TABLE)[arn]
    tags.forget(arn, where)


def is_there(arn: str, where: Where) -> bool:
    """Did ``make`` create it?"""
    return arn in where.table(TABLE)


def every() -> dict[str, dict[str, str]]:
    """The approval of each, in every account and Region, as a snapshot has it."""
    return {
        arn: {name: one[name] for name in STATUSES if name in one}
        for table in tables(TABLE)
        for arn, one in sorted(table.items())
    }


def _found(arn: str, where: Where) -> dict[str, Any]:
    known = where.table(TABLE)
    if arn in known:
        found: dict[str, Any] = known[arn]
        return found
    if not known:
        raise NotOurs
    raise Refusal("ValidationException", f"ModelPackage {arn} does not exist")


@implements(SERVICE, "DescribeModelPackage")
def describe_model_package(params: Params, where: Where) -> Response:
    """By its ARN; a version has no name of its own."""
    return dict(_found(params["ModelPackageName"], where))


@implements(SERVICE, "UpdateModelPackage")
def update_model_package(params: Params, where: Where) -> Response:
    """The approval, its description and the card."""
    found = _found(params["ModelPackageArn"], where)
    if params.keys() - CHANGED:
        raise NotModelled(f"an update of {sorted(params.keys() - CHANGED)}")
    found.update({name: value for name, value in params.items() if name != "ModelPackageArn"})
    return {"ModelPackageArn": params["ModelPackageArn"]}


@implements(SERVICE, "ListModelPackages")
def list_model_packages(params: Params, where: Where) -> Response:
    """All versions, or those with an approval status."""
    known = where.table(TABLE)
    if not known:
        raise NotOurs
    wanted = params.get("ModelApprovalStatus")
    versioned = params.get("ModelPackageType") in ("Versioned", "Both")
    found = [one for one in known.values() if versioned]
    listed = [one for one in found if wanted in (None, one["ModelApprovalStatus"])]
    names = ("ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "CreationTime")
    shown, more = page(listed, params, "NextToken", PAGE)
    summaries = [
        {name: one[name] for name in (*names, "ModelPackageStatus", "ModelApprovalStatus")}
        for one in shown
    ]
    return {"ModelPackageSummaryList": summaries, **more}
