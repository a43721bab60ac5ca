"""Which targets this stack changes. Reads only the plan's actions and the deployment.

IAM is one for all Regions of an account (botocore's endpoints: one for a partition), and GuardDuty
processes its events in each Region where it is on (Amazon GuardDuty User Guide, "Foundational data
sources", CloudTrail's global events). So two stacks in two Regions would both change a role, and
each would undo what the other did. One of them does: the one in HomeRegion.
"""

from collections.abc import Iterable

from cordon.actions import Action
from cordon.deployment import Deployment
from cordon.sources.places import not_served

MANUAL_STEP = (
    "This case changes nothing of it. Look at the cases of the stack that serves it, or contain it "
    "yourself."
)


def not_changed_here(actions: Iterable[Action], deployment: Deployment) -> dict[str, str]:
    """The ARNs of the targets that this stack does not serve, each with why."""
    found = ((action.resource, _why_not(action, deployment)) for action in actions)
    return {arn: why for arn, why in found if why}


def _why_not(action: Action, deployment: Deployment) -> str:
    arn, here, home = action.resource, deployment.region, deployment.home_region
    if action.is_global:
        elsewhere = f"HomeRegion is {home}: this stack in {here} leaves it as it is"
        return "" if deployment.is_home else f"{arn} is in all Regions, and {elsewhere}"
    why = not_served(action.place, deployment)
    return f"{arn}: {why}" if why else ""
