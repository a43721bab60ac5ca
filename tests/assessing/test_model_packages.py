"""An approved model package has an approved model card: whose card is whose, what is unknown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cordon.assessing.evaluation import Compliance, Evaluation, Unread
from cordon.assessing.model_packages import UNREADABLE_CARD, assess, package_named_by

PACKAGE = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/churn/7"
OTHER = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/churn/6"


def fault(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Describe")


@dataclass
class Registry:
    """SageMaker, as far as the rule reads it; also what it has for a client."""

    packages: Mapping[str, Mapping[str, Any] | ClientError]
    cards: Mapping[str, Mapping[str, Any] | ClientError] = field(default_factory=dict)
    listed: list[Mapping[str, Any]] = field(default_factory=list)

    def client(self, _: str) -> "Registry":
        return self

    def get_paginator(self, operation: str) -> "Registry":
        self.page: Mapping[str, Sequence[Mapping[str, str]]] = {
            "list_model_packages": {
                "ModelPackageSummaryList": [{"ModelPackageArn": arn} for arn in self.packages]
            },
            "list_model_cards": {"ModelCardSummaries": [{"ModelCardName": n} for n in self.cards]},
        }[operation]
        return self

    def paginate(self, **named: Any) -> list[Any]:
        self.listed.append(named)
        return [self.page]

    def describe_model_package(self, **named: Any) -> Any:
        assert named["IncludedData"] == "MetadataOnly"
        return self._said(self.packages[named["ModelPackageName"]])

    def describe_model_card(self, **named: Any) -> Any:
        assert named["IncludedData"] == "MetadataOnly"
        return self._said(self.cards[named["ModelCardName"]])

    def _said(self, one: Any) -> Any:
        if isinstance(one, ClientError):
            raise one
        return one


def package(card: str = "", approval: str = "Approved") -> dict[str, Any]:
    within = {"ModelCard": {"ModelCardStatus": card}} if card else {}
    return {"ModelApprovalStatus": approval, **within}


def card(arn: str = PACKAGE, status: str = "Approved") -> dict[str, str]:
    content = {"model_package_details": {"model_package_arn": arn}}
    return {"ModelCardStatus": status, "Content": json.dumps(content)}


def found(registry: Registry) -> list[Evaluation | Unread]:
    return list(assess(registry, None))  # type: ignore[arg-type]


def verdict(one: Any, **cards: Any) -> tuple[str, str]:
    (said,) = found(Registry({PACKAGE: one}, cards))
    assert said.resource == ("AWS::SageMaker::ModelPackage", PACKAGE)
    return (said.compliance, said.annotation) if isinstance(said, Evaluation) else ("", said.why)


@pytest.mark.parametrize(
    ("one", "cards"),
    [
        (package("Approved"), {}),
        (package(), {"c": card()}),
        (package("Draft"), {"c": card()}),
        (package(), {"other": card(OTHER), "c": card()}),
        (package("Approved"), {"c": fault("AccessDeniedException")}),
    ],
)
def test_an_approved_card_is_enough(one: Any, cards: Any) -> None:
    assert verdict(one, **cards) == (Compliance.COMPLIANT, "")


@pytest.mark.parametrize(
    ("one", "cards", "why"),
    [
        (package(), {}, "it has no approved model card"),
        (package("Draft"), {}, "its model card is Draft"),
        (package("Archived"), {}, "its model card is Archived"),
        (package(), {"c": card(OTHER)}, "it has no approved model card"),
        (package(), {"c": card(status="PendingReview")}, "it has no approved model card"),
        (package(), {"c": fault("ResourceNotFound")}, "it has no approved model card"),
    ],
)
def test_without_one_it_is_said_what_is_lacking(one: Any, cards: Any, why: str) -> None:
    assert verdict(one, **cards) == (Compliance.NON_COMPLIANT, f"The package is Approved: {why}")


def test_a_card_that_cannot_be_read_may_be_the_one() -> None:
    assert verdict(package(), c=fault("AccessDeniedException")) == ("", UNREADABLE_CARD)


def test_a_package_that_cannot_be_read_is_not_judged() -> None:
    assert verdict(fault("AccessDeniedException")) == ("", "access to it is denied")


@pytest.mark.parametrize(
    "one",
    [
        package(approval="Rejected"),
        package(approval="PendingManualApproval"),
        fault("ValidationException", "ModelPackage churn/7 does not exist."),
    ],
)
def test_what_changed_since_it_was_listed_is_not_judged(one: Any) -> None:
    assert found(Registry({PACKAGE: one})) == []


def test_what_is_not_expected_rises() -> None:
    """A ValidationException of another kind is no sign that the package was deleted."""
    for registry in (
        Registry({PACKAGE: fault("ValidationException", "1 validation error detected")}),
        Registry({PACKAGE: package()}, {"c": fault("ThrottlingException")}),
    ):
        with pytest.raises(ClientError):
            found(registry)


def test_cards_are_read_once_and_only_where_one_is_needed() -> None:
    both = {PACKAGE: package("Approved"), OTHER: package("Approved")}
    one = Registry(both, {"c": card()})
    found(one)
    assert [next(iter(named)) for named in one.listed] == ["ModelPackageType"]
    one = Registry({PACKAGE: package(), OTHER: package()}, {"c": card()})
    assert [said.compliance for said in found(one) if isinstance(said, Evaluation)] == [
        Compliance.COMPLIANT,
        Compliance.NON_COMPLIANT,
    ]
    assert one.listed == [
        {"ModelPackageType": "Versioned", "ModelApprovalStatus": "Approved"},
        {"ModelCardStatus": "Approved"},
    ]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "7", "null", '{"model_package_details": []}', "{}",
     '{"model_package_details": {"model_package_arn": 7}}'],
)  # fmt: skip
def test_content_that_names_no_package_names_none(content: str) -> None:
    assert package_named_by(content) == ""
