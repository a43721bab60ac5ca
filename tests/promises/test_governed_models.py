"""Our Config rule finds a model without its card, and only a person approves the model again."""

import pytest

from cordon.memory.cases import ActionStatus, Case
from cordon.release import FINDING_SOURCE
from cordon.statuses import Status
from embedded.backends import here, lineage, model_packages
from embedded.policy_evaluation import Decision
from tests.examples import event, folder_of
from tests.promises.world import HOME, PLAYBOOKS, World

PLACE = here(*HOME[:2])
RULE = "ModelPackageHasApprovedCard"
DATA_RULE = "ModelPackageDataIsNotLowQuality"
GOVERN = folder_of("config_model_package_low_quality")
PENDING = "PendingManualApproval"
KEY = "sagemaker:ModelApprovalStatus"
UPDATE = "sagemaker:UpdateModelPackage"


def evaluate(world: World, rule: str = RULE) -> None:
    world.account.config_rules.evaluate(rule)
    world.account.settle()


def approvals() -> dict[str, str]:
    """The end of each version's ARN, and its approval."""
    found = model_packages.every().items()
    return {arn.rpartition("/")[2]: one["ModelApprovalStatus"] for arn, one in found}


def governed(world: World) -> Case:
    """The only case of the playbook."""
    (case,) = (one for one in world.cases if one.playbook == GOVERN)
    return case


@pytest.mark.world("enforce", Assess="TwentyFour_Hours")
def test_approval_is_withdrawn_and_given_by_people_alone(world: World) -> None:
    arn = model_packages.make("churn", 1, PLACE, approval="Approved")
    model_packages.make("churn", 2, PLACE, approval="Approved", card="Approved")
    model_packages.make("churn", 3, PLACE, approval="Rejected")
    evaluate(world)
    case = world.case()
    assert (case.status, case.finding.kind) == (
        Status.CONTAINED,
        "config:cordon-model-package-has-approved-card",
    )
    assert "it has no approved model card" in case.finding.description
    withdrawn = {"1": PENDING, "2": "Approved", "3": "Rejected"}
    assert approvals() == withdrawn
    evaluate(world)  # now the rule is no longer about it: that releases nothing
    assert world.case().status is Status.CONTAINED
    released = world.release(case)
    assert released.status is Status.RELEASED
    assert "whoever wants that approves it themselves" in released.results[0].reason
    assert approvals() == withdrawn
    assert world.refused == []
    role = world.account.functions[PLAYBOOKS[case.playbook]].role
    may = {
        status: world.account.decide(role, UPDATE, arn, {KEY: status} if status else {})
        for status in (PENDING, "Approved", "Rejected", "")
    }
    assert may.pop(PENDING) is Decision.ALLOWED
    assert Decision.ALLOWED not in may.values()


@pytest.mark.world("enforce", Assess="TwentyFour_Hours")
def test_model_of_data_that_failed_is_withdrawn_until_the_data_passes(world: World) -> None:
    """One hold's tag is what another playbook hears of, by the rule; its release ends that.

    A person approves the version again, and the rule's pass ends the case: nothing is changed.
    """
    arn = model_packages.make("churn", 1, PLACE, approval="Approved")
    made = lineage.entity("artifact/p1", "ModelPackage", arn, PLACE)
    data = lineage.entity("artifact/d1", "DataSet", "s3://acme-training-data/customers/", PLACE)
    lineage.made_of(data, made, PLACE)
    world.send(event("glue_data_quality_failed"))
    for rule in ("ModelPackageDataIsNotTainted", DATA_RULE):
        evaluate(world, rule)
    case = governed(world)
    assert case.finding.kind == "config:cordon-model-package-data-is-not-low-quality"
    assert "cordon:low-quality:acme_training/customers" in case.finding.description
    assert approvals() == {"1": PENDING}
    evaluate(world, DATA_RULE)  # it is no longer Approved, which is no pass
    assert governed(world).status is Status.CONTAINED

    world.account.deliver(event("glue_data_quality_succeeded"))
    world.account.client("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="data corrected"
    )
    evaluate(world, DATA_RULE)
    assert approvals() == {"1": "Approved"}
    assert {one.status for one in world.cases} == {Status.RELEASED}
    ended = governed(world)
    assert (ended.decided_by, ended.decided_why) == (FINDING_SOURCE, "the control passed")
    assert [result.status for result in ended.results] == [ActionStatus.KEPT]


@pytest.mark.world("enforce", Assess="TwentyFour_Hours")
def test_what_cannot_be_read_is_no_verdict_and_rings(world: World) -> None:
    model_packages.make("churn", 1, PLACE, approval="Approved")
    with world.denied("AssessResources", "sagemaker:DescribeModelPackage"):
        evaluate(world)
    assert (world.cases, approvals()) == ([], {"1": "Approved"})
    (letter,) = world.account.messages("FailedInvocations")
    assert "access to it is denied" in letter


@pytest.mark.world("enforce")
def test_without_the_parameter_there_is_no_rule_and_config_may_not_invoke(world: World) -> None:
    assert RULE not in world.account.stack.resources
    may = world.account.event_delivery.permissions.service
    function = world.account.functions["AssessResources"].arn
    source = world.account.place.arn("config", "config-rule/config-rule-0a1b2c")
    assert not may("config.amazonaws.com", "lambda:InvokeFunction", function, source)
