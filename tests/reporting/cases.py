"""Cases in every status, for what people are shown of them."""

from dataclasses import replace
from typing import Any

from cordon.finding import Finding
from cordon.memory.cases import ActionResult, ActionStatus, Case
from cordon.playbook import Playbook
from cordon.statuses import CONTAIN_ENDED, Status
from tests.examples import QUARANTINE, function_of
from tests.make import BUCKET, DEPLOYMENT, NOON, a_finding

CASE = "0123456789abcdef"
ADA = "arn:aws:iam::111122223333:user/ada"
BLOCK = "bucket-public-access-block"
SCP_DENIAL = (
    "ClientError: An error occurred (AccessDenied) when calling the PutPublicAccessBlock operation:"
    f" User: arn:aws:sts::111122223333:assumed-role/cordon-{function_of(QUARANTINE)}Role-1A2B3C/"
    "cordon is not authorized to perform: s3:PutBucketPublicAccessBlock on resource:"
    ' "arn:aws:s3:::training-data"'
    " with an explicit deny in a service control policy:"
    " arn:aws:organizations::999988887777:policy/o-abc123/service_control_policy/p-1a2b3c4d"
)


def a_case(
    status: Status = Status.CONTAINED,
    *,
    finding: Finding | None = None,
    playbook: Playbook = QUARANTINE,
    **changes: Any,
) -> Case:
    """A case of one public bucket; its changes are verified where its status says so."""
    about = finding or a_finding()
    plan = playbook.plan_for(about, DEPLOYMENT)
    case = Case(
        id=CASE,
        playbook=playbook.name,
        finding=about,
        plan=plan,
        plan_hash=plan.hash,
        status=status,
        mode="enforce",
        verdict="contain",
        reason="mode is enforce",
        opened_at=NOON,
        last_activity=NOON,
        version=3,
    )
    if status in CONTAIN_ENDED:
        case = with_results(case, ActionStatus.VERIFIED)
    return replace(case, **changes)


def with_results(case: Case, status: ActionStatus, reason: str = "", *, tags: str = "") -> Case:
    """Every change ended so; ``tags``: but the tags ended otherwise."""
    results = [
        ActionResult(action.name(), action.target, status, reason)
        if action.contains or not tags
        else ActionResult(action.name(), action.target, ActionStatus(tags))
        for action in case.plan.actions
    ]
    return replace(case, results=tuple(results))


def refused_block() -> Case:
    """A service control policy kept the block from being put (A1)."""
    case = a_case(Status.FAILED)
    return with_results(case, ActionStatus.FAILED, SCP_DENIAL, tags="verified")


BUCKET_ARN = BUCKET.arn
