"""Scenarios of models that were approved, and of those that somebody has decided about since."""

from collections.abc import Callable
from typing import Any

from cordon.actions.action import Undone
from cordon.actions.model_packages import PENDING, WithdrawApproval
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import model_packages
from tests.actions.scenario import PLACE, Scenario

HERE = backends.here(PLACE.account, PLACE.region)
GROUP = "Churn-1"
ARN = HERE.arn("sagemaker", f"model-package/{GROUP}/7")
WITHDRAW = WithdrawApproval(PLACE, f"{GROUP}/7")


def a_package(approval: str) -> Callable[[AwsClients], None]:
    def prepare(aws: AwsClients) -> None:
        model_packages.make(GROUP, 7, HERE, approval=approval, description="by its owner")

    return prepare


def decide(approval: str) -> Callable[[AwsClients], None]:
    def update(aws: AwsClients) -> None:
        aws.client("sagemaker").update_model_package(
            ModelPackageArn=ARN, ModelApprovalStatus=approval, ApprovalDescription="theirs"
        )

    return update


def deleted(aws: AwsClients) -> None:
    model_packages.delete(ARN, HERE)


def read(aws: AwsClients) -> Any:
    return model_packages.every()


SCENARIOS = (
    Scenario(
        "approved",
        WITHDRAW,
        WITHDRAW,
        prepare=a_package("Approved"),
        read=read,
        tamper=decide("Approved"),
        missing=deleted,
        after_tamper=Undone.KEPT,
    ),
    Scenario(
        "awaits-approval",
        WITHDRAW,
        WITHDRAW,
        prepare=a_package(PENDING),
        read=read,
        tamper=decide("Approved"),
        after_tamper=Undone.KEPT,
        contained_before=True,
    ),
    Scenario(
        "rejected",
        WITHDRAW,
        WITHDRAW,
        prepare=a_package("Rejected"),
        read=read,
        tamper=decide("Approved"),
        after_tamper=Undone.KEPT,
        contained_before=True,
    ),
)
