"""Withdraw the approval of a model package: it awaits a person's approval again.

Only a version that is Approved is changed: one that somebody rejected, or that awaits approval
already, stays as it is. It is not undone: an approval is a person's, and the role may set no other
status than PendingManualApproval. A version takes no tags (those of its group count), so that its
approval description says who withdrew it.

captured  ``{"state": {"approval": status}, "description": text}``; the description is of the
          approval, "" if there was none
written   ``{"state": {"approval": "PendingManualApproval"}}``

Sources: Amazon SageMaker AI API Reference, "UpdateModelPackage" (a versioned model),
"DescribeModelPackage", "CreateModelPackage" (a version uses its group's tags); Service
Authorization Reference, "Amazon SageMaker" (sagemaker:ModelApprovalStatus).
"""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon.actions.action import Json, ResourceDeleted
from cordon.actions.grants import STATE, Grant, Statement
from cordon.actions.sagemaker import NOT_FOUND, is_deleted
from cordon.actions.switch import State, Switch
from cordon.clients import AwsClients

APPROVED, PENDING = "Approved", "PendingManualApproval"
# A version: its group's name, and its number
VERSION = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}/[1-9][0-9]{0,8}")
WITHDRAWN = "Cordon withdrew the approval: the case of this model package says why."
_PACKAGES = "arn:${AWS::Partition}:sagemaker:*:${AWS::AccountId}:model-package/*"
_ANY = "people and rules name any package of the account, in any Region"


@dataclass(frozen=True)
class WithdrawApproval(Switch):
    """Set an approved version of a model back to PendingManualApproval."""

    package: str  # group/version

    family: ClassVar[str] = "model_package"
    grants: ClassVar[tuple[Grant, ...]] = (
        Statement("ReadModelPackages", _PACKAGES, STATE, wide=_ANY).allows(
            "sagemaker:DescribeModelPackage"
        ),
        Statement(
            "WithdrawApproval",
            _PACKAGES,
            "sets a model package back to PendingManualApproval: no request with another status,"
            " or with none, is allowed",
            {"StringEquals": {"sagemaker:ModelApprovalStatus": PENDING}},
            wide=_ANY,
        ).allows("sagemaker:UpdateModelPackage"),
    )
    not_found_errors: ClassVar[frozenset[str]] = frozenset({NOT_FOUND})
    kept_because: ClassVar[str] = (
        "an undo would approve the model in Cordon's name, and its role may not; whoever wants that"
        " approves it themselves"
    )

    def __post_init__(self) -> None:
        if not VERSION.fullmatch(self.package):
            raise ValueError(f"package: not a version of a model: {self.package[:64]!r}")

    @property
    def target(self) -> str:
        return f"model-package:{self.resource}"

    @property
    def resource(self) -> str:
        return self.place.arn("sagemaker", f"model-package/{self.package}")

    @property
    def in_words(self) -> str:
        return "sets the model package back to PendingManualApproval, if it is Approved"

    @property
    def shuts_out(self) -> str:
        return "whatever deploys only models that are Approved"

    @property
    def caution(self) -> str:
        return (
            "endpoints that serve it go on; what deploys when a model's approval changes hears of"
            " this change too; the release does not approve it again: a person does"
        )

    @property
    def wanted(self) -> State:
        return {"approval": PENDING}

    def is_as_wanted(self, state: State) -> bool:
        return state["approval"] != APPROVED

    def capture(self, aws: AwsClients) -> Json:
        shown = self._described(aws)
        return {"state": _state(shown), "description": shown.get("ApprovalDescription", "")}

    def read(self, aws: AwsClients) -> State:
        return _state(self._described(aws))

    def turn(self, aws: AwsClients, state: State) -> None:
        """What is not Approved stays: to set it back would undo a person's rejection."""
        if self.is_as_wanted(self.read(aws)):
            return
        aws.client("sagemaker").update_model_package(
            ModelPackageArn=self.resource,
            ModelApprovalStatus=state["approval"],
            ApprovalDescription=WITHDRAWN,
        )

    def _described(self, aws: AwsClients) -> Any:
        try:
            return aws.client("sagemaker").describe_model_package(
                ModelPackageName=self.resource, IncludedData="MetadataOnly"
            )
        except ClientError as error:
            if is_deleted(error):
                raise ResourceDeleted(f"{self.resource} no longer exists") from error
            raise


def _state(shown: Any) -> State:
    return {"approval": shown.get("ModelApprovalStatus", "none")}
