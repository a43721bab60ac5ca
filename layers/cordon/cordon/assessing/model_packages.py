"""An approved model package has an approved model card.

Which card is a package's: the one within it (DescribeModelPackage, ``ModelCard``), or one of its
own that names the package in ``model_package_details.model_package_arn``. Both are read as
MetadataOnly, which needs no key: it keeps the status and that member.

A package that is not Approved is none that this rule is about. Where a card cannot be read, it may
be the one that a package lacks: of such a package nothing is reported.

Sources: Amazon SageMaker AI API Reference, "ListModelPackages" (a type that is not given means
unversioned ones), "DescribeModelPackage", "ModelPackageModelCard", "ListModelCards",
"DescribeModelCard"; SageMaker AI Developer Guide, "Update the Details of a Model Version".
"""

import json
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from cordon.actions.sagemaker import is_deleted
from cordon.assessing.evaluation import Compliance, Evaluation, Found, Unread
from cordon.assessing.request import Request
from cordon.clients import AwsClients, error_code

RULE = "cordon-model-package-has-approved-card"
TYPE = "AWS::SageMaker::ModelPackage"
APPROVED = "Approved"
METADATA = "MetadataOnly"
REFUSED = ("AccessDenied", "AccessDeniedException")
UNREADABLE_CARD = "an approved model card could not be read, and may be this package's"


def assess(aws: AwsClients, _: Request) -> Found:
    """Every approved version of a model, and how its card is."""
    sagemaker = aws.client("sagemaker")
    cards = _Cards(sagemaker)
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageType="Versioned", ModelApprovalStatus=APPROVED
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            yield from _package(sagemaker, summary["ModelPackageArn"], cards)


def _package(sagemaker: Any, arn: str, cards: "_Cards") -> Found:
    try:
        package = sagemaker.describe_model_package(ModelPackageName=arn, IncludedData=METADATA)
    except ClientError as error:
        if is_deleted(error):
            return  # since it was listed: it is reported with all that is no longer there
        if error_code(error) not in REFUSED:
            raise
        yield Unread(TYPE, arn, "access to it is denied")
        return
    if package.get("ModelApprovalStatus") != APPROVED:
        return
    status = package.get("ModelCard", {}).get("ModelCardStatus", "")
    if status == APPROVED or arn in cards.approved_for:
        yield Evaluation(TYPE, arn, Compliance.COMPLIANT)
    elif cards.unread:
        yield Unread(TYPE, arn, UNREADABLE_CARD)
    else:
        is_so = f"its model card is {status}" if status else "it has no approved model card"
        yield Evaluation(TYPE, arn, Compliance.NON_COMPLIANT, f"The package is Approved: {is_so}")


class _Cards:
    """Approved model cards that are resources of their own: read once, where one is needed."""

    def __init__(self, sagemaker: Any) -> None:
        self._sagemaker = sagemaker
        self.unread = 0

    @cached_property
    def approved_for(self) -> frozenset[str]:
        """The ARNs of the packages that they are about."""
        pages = self._sagemaker.get_paginator("list_model_cards").paginate(ModelCardStatus=APPROVED)
        names = (one["ModelCardName"] for page in pages for one in page["ModelCardSummaries"])
        return frozenset(filter(None, map(self._package_of, names)))

    def _package_of(self, name: str) -> str:
        try:
            card = self._sagemaker.describe_model_card(ModelCardName=name, IncludedData=METADATA)
        except ClientError as error:
            if is_deleted(error):
                return ""
            if error_code(error) not in REFUSED:
                raise
            self.unread += 1
            return ""
        approved = card["ModelCardStatus"] == APPROVED
        return package_named_by(card.get("Content", "")) if approved else ""


def package_named_by(content: str) -> str:
    """The ARN of the package that a card's content names; "" if it names none."""
    try:
        within = json.loads(content)
    except ValueError:
        return ""
    details = within.get("model_package_details") if isinstance(within, dict) else None
    arn = details.get("model_package_arn") if isinstance(details, dict) else None
    return arn if isinstance(arn, str) else ""
