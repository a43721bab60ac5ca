"""Which packages have an approval to withdraw; a copy in Security Hub leads to the same."""

from dataclasses import replace
from typing import Any

import pytest

from cordon.actions.model_packages import WithdrawApproval
from cordon.sources import read
from govern_model.playbook import PLAYBOOK
from tests.examples import event
from tests.make import DEPLOYMENT

NATIVE = event("config_model_package_without_card")
ARN = NATIVE["detail"]["resourceId"]


def copy_in_security_hub() -> dict[str, Any]:
    """A reviewer chose CordonContain for Security Hub's copy of the rule's result."""
    one = event("custom_action_contain_sagemaker_2")
    (finding,) = one["detail"]["findings"]
    finding.update(
        ProductArn="arn:aws:securityhub:us-east-1::product/aws/config",
        ProductFields={"aws/config/ConfigRuleName": NATIVE["detail"]["configRuleName"]},
        Resources=[{"Type": "Other", "Id": ARN, "Partition": "aws", "Region": "us-east-1"}],
        Compliance={"Status": "FAILED"},
    )
    return one


def test_a_copy_has_the_same_plan() -> None:
    found = read(NATIVE)
    copied = read(copy_in_security_hub())
    assert PLAYBOOK.hears(copied)
    plans = [PLAYBOOK.plan_for(one, DEPLOYMENT) for one in (found, copied)]
    assert plans[0].actions == (WithdrawApproval(found.place, "acme-churn/7"),)
    assert plans[0] == plans[1]


@pytest.mark.parametrize("name", ["acme-churn", "acme-churn/0", "acme-churn/x", "a/b/1"])
def test_what_is_no_version_is_not_changed(name: str) -> None:
    found = read(NATIVE)
    other = replace(found, resources=(replace(found.resources[0], name=name),))
    assert PLAYBOOK.targets(other) == ()


def test_a_version_of_another_account_is_not_changed() -> None:
    found = read(NATIVE)
    there = replace(found.resources[0], place=replace(found.place, account="444455556666"))
    assert PLAYBOOK.targets(replace(found, resources=(there,))) == ()
