"""Tag the data that failed its quality rules, and inform a person.

When    Glue Data Quality evaluates a table of the Data Catalog, or the data inside a job, as
        FAILED; and again when the same rules pass.
Does    tags the bucket in which the table's data lies, or the job, with the case. An incident says
        what a person must do.
Undo    removes or restores exactly that tag, by itself when the rules pass.
Leaves  the data, and whoever reads it: no tag keeps a training job from its input. Where the
        partitions of a table lie is not looked up.
"""

from cordon.actions import Action, Refused
from cordon.actions.dataset import LOW_QUALITY, TagDataset
from cordon.actions.glue_job import TagGlueJob
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding, Resource
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode

TABLE, JOB = "AWS::Glue::Table", "AWS::Glue::Job"

OF_TABLE = (
    "The data is still readable, and jobs go on to train on it. Read in Glue which rules failed"
    " (aws glue get-data-quality-result). Stop the jobs that read the table, or give them data that"
    " passed, until its owner has corrected the data or the rules. cordon lineage, with the"
    " bucket's ARN, shows what was made of the bucket's data: decide what must be trained again."
    " When the same rules pass, the case is released by itself."
)
OF_JOB = (
    "The result names no place of the data. Read in Glue which rules failed, and where that run"
    " has written: it may be in use. Decide what must be made again of what has read it, and"
    " correct the job or its input. When the same rules pass in the job, the case is released by"
    " itself, also if what the earlier run wrote is still there."
)
OF_ANOTHER_ACCOUNT = (
    "The table {name} is in the catalog of account {owner}, where Cordon changes nothing for a"
    " finding of {here}. Inform its owner, and stop the jobs here that read it until its data"
    " passes."
)


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The table or the job that was evaluated."""
    return (*finding.resources_of(TABLE), *finding.resources_of(JOB))


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """One tag: where the data of a table lies is read when it is carried out."""
    (one,) = targets(finding)
    if one.place.account != finding.place.account:
        owner, here = one.place.account, finding.place.account
        raise Refused(OF_ANOTHER_ACCOUNT.format(name=one.name, owner=owner, here=here))
    if one.type == JOB:
        return [TagGlueJob(one.place, one.arn, {LOW_QUALITY: (case,)})]
    database, _, table = one.name.partition("/")
    return [TagDataset(one.place, database, table, (case,))]


def manual_step(finding: Finding) -> str:
    """What a person must do: a tag stops nobody."""
    return OF_JOB if finding.resources_of(JOB) else OF_TABLE


PLAYBOOK = Playbook(
    name="hold_dataset",
    handles=("glue-dataquality:Table", "glue-dataquality:Job"),
    targets=targets,
    plan=plan,
    actions=(TagDataset, TagGlueJob),
    controls=(
        "NIST.800-53.r5 SI-7",
        "NIST.800-53.r5 SI-10",
        "ISO/IEC 42001:2023 A.7.4",
        "NIST AI RMF MEASURE 2.8",
        "SOC 2 PI1.2",
        "HIPAA 164.312(c)(1)",
        "GDPR Art. 5",
        "EU AI Act Art. 10",
    ),
    defence_layer="data protection",
    serves=Serves.GOVERNANCE,
    recommended_mode=Mode.ENFORCE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    releases_on_pass=True,
    budget=100,  # a tag does no harm, and all tables of a lake may be evaluated in one night
)

handler = serve(PLAYBOOK)
