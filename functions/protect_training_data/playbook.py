"""Protect training data: tag the bucket of sensitive data, and what was made of it.

When    Macie finds sensitive data of severity High in an object: one case a bucket and category.
Does    tags the bucket, and the jobs, models, endpoints, knowledge bases and agents that SageMaker
        and Bedrock made of its data, with the case. An incident has the paths to them. Where the
        operator says so (StopTrainingJobs): a person may approve that the jobs which run and have
        the bucket as their input are stopped; no mode stops them without a person, and the tags
        then wait for that person too.
Undo    removes or restores exactly those tags. A job that was stopped stays so: it cannot be
        resumed.
Leaves  the objects. A job that reads the data later is neither tagged nor stopped.
"""

from cordon.actions import Action
from cordon.actions.descendants import TagDescendants
from cordon.actions.stop_jobs import StopJobs
from cordon.deadlines import AI_ACT_73, GDPR_33, HIPAA_164_404
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.unsupported import buckets, unsupported_bucket

MANUAL_STEP = (
    "Macie lists the objects; this finding names one of them. Decide whether such data may be in"
    " that bucket. If not: move it, stop the jobs that still read it, and delete or train again"
    " what was made of it. A job that is stopped cannot be resumed. cordon lineage, with the"
    " bucket's ARN, shows what was made of the data by now: what read it after the tags were set,"
    " in another Region or account, or outside of SageMaker and Bedrock, has no tag. Find who has"
    " copies."
)


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """What lineage leads to, and which jobs run, is read when it is carried out."""
    tags = [TagDescendants(one.place, one.name, (case,)) for one in buckets(finding)]
    stops = [StopJobs(one.place, one.name, case) for one in buckets(finding)]
    return [*tags, *(stops if deployment.stop_training_jobs else ())]


PLAYBOOK = Playbook(
    name="protect_training_data",
    handles=(),
    handles_high=("macie:SensitiveData:S3Object/*",),
    targets=buckets,
    unsupported=unsupported_bucket,
    plan=plan,
    actions=(TagDescendants, StopJobs),
    controls=(
        "NIST.800-53.r5 RA-2",
        "NIST.800-53.r5 SI-12",
        "NIST.800-53.r5 CM-8",
        "ISO/IEC 27001:2022 A.8.12",
        "ISO/IEC 42001:2023 A.7.5",
        "NIST AI RMF MAP 4.1",
        "SOC 2 C1.1",
        "HIPAA 164.308(a)(1)(ii)(A)",
        "GDPR Art. 32",
        "EU AI Act Art. 10",
    ),
    defence_layer="data protection",
    serves=Serves.GOVERNANCE,
    recommended_mode=Mode.ENFORCE,
    manual_step=lambda _: MANUAL_STEP,
    incident=Incident.ALWAYS,
    clocks=(GDPR_33, HIPAA_164_404, AI_ACT_73),
)

handler = serve(PLAYBOOK)
