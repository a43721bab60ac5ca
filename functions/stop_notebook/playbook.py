"""Stop a notebook instance, or correct what can only be changed while it is stopped.

When    a person names the notebook by its ARN; Security Hub finds that its users have root access
        or that its platform is not supported (SageMaker.3, .8); where a parameter says so, a
        lifecycle configuration was changed.
Does    a notebook that was named is stopped, and its lifecycle configuration detached. For a
        control the setting is corrected: a notebook that runs is stopped for that and started
        again. Of a lifecycle configuration an incident says which notebooks to look for.
Undo    the configuration, root access and platform as captured; started if it ran. A person's
        change stays.
Leaves  what it has done, its role, its files in /home/ec2-user/SageMaker; Studio. AWS may not put
        an old platform back.
"""

from collections.abc import Mapping

from cordon.actions import Action, Refused
from cordon.actions.notebooks import DETACH, NO_ROOT, NOTEBOOK_NAME, PLATFORM, STOP, ChangeNotebook
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding, Resource, ResourceRole
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode

NOTEBOOK = "AWS::SageMaker::NotebookInstance"
CONFIGURATION = "AWS::SageMaker::NotebookInstanceLifecycleConfig"
# The settings that UpdateNotebookInstance can change, by control.
CORRECTED: Mapping[str, tuple[str, ...]] = {
    "securityhub:SageMaker.3": (NO_ROOT,),
    "securityhub:SageMaker.8": (PLATFORM,),
}
# A script that runs as root at each start was changed. So it is by each deployment of one.
CHANGED_SCRIPTS = ("sagemaker:NotebookLifecycleConfig",)

STOPPED = (
    "What it did before goes on elsewhere: contain its role too if its credentials may be known to"
    " others (RoleArn of describe-notebook-instance: cordon contain ROLE --playbook"
    " revoke_sessions). Before the release read its lifecycle configuration, which is attached"
    " again and runs as root when it starts: aws sagemaker"
    " describe-notebook-instance-lifecycle-config. A start can fail minutes after it was accepted:"
    " look at the notebook then."
)
CORRECTION = (
    "Speak with its users before the approval: a notebook that runs is stopped, and what they have"
    " not saved is lost. If they need the setting, suppress the control's finding and reject."
    " A start can fail minutes after it was accepted: look at the notebook then."
)


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The finding's notebooks in its own account; of a changed script the configuration."""
    kind = CONFIGURATION if finding.matches(*CHANGED_SCRIPTS) else NOTEBOOK
    return tuple(
        one
        for one in finding.resources_of(kind, role=ResourceRole.TARGET)
        if one.place.account == finding.place.account and NOTEBOOK_NAME.fullmatch(one.name)
    )


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """One change of each notebook. Which notebooks use a configuration, no finding says."""
    if finding.matches(*CHANGED_SCRIPTS):
        raise Refused(_changed_script(targets(finding)[0]))
    changes = CORRECTED.get(finding.kind, (STOP, DETACH))
    return [ChangeNotebook(one.place, one.name, changes) for one in targets(finding)]


def _changed_script(configuration: Resource) -> str:
    """A notebook runs the changed script when it starts the next time, and not before."""
    name, region = configuration.name, configuration.place.region
    return (
        f"The lifecycle configuration {name} was made or changed, and the event names no notebook."
        " Its scripts run as root when a notebook that uses it starts the next time. Read them:"
        " aws sagemaker describe-notebook-instance-lifecycle-config"
        f" --notebook-instance-lifecycle-config-name {name} --region {region}."
        " If nobody meant the change, find the notebooks: aws sagemaker list-notebook-instances"
        f" --notebook-instance-lifecycle-config-name-contains {name} --region {region}"
        " (it lists longer names too), and contain each: cordon contain ARN --playbook"
        " stop_notebook. Find in CloudTrail who changed it."
    )


def manual_step(finding: Finding) -> str:
    """What to do about the notebook's role and its scripts; of a correction, about its users."""
    return CORRECTION if finding.kind in CORRECTED else STOPPED


PLAYBOOK = Playbook(
    name="stop_notebook",
    handles=tuple(CORRECTED),
    optional=CHANGED_SCRIPTS,
    targets=targets,
    plan=plan,
    actions=(ChangeNotebook,),
    controls=(
        "NIST.800-53.r5 AC-6",
        "NIST.800-53.r5 CM-6",
        "NIST.800-53.r5 IR-4(1)",
        "NIST.800-53.r5 SI-2",
        "ISO/IEC 27001:2022 A.5.26",
        "ISO/IEC 27001:2022 A.8.8",
        "SOC 2 CC7.4",
        "HIPAA 164.308(a)(6)(ii)",
        "PCI DSS v4.0.1 12.10.1",
    ),
    defence_layer="infrastructure protection",
    serves=Serves.SECURITY,
    recommended_mode=Mode.APPROVE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    resolves=tuple(CORRECTED),
    by_arn=(NOTEBOOK,),
)

handler = serve(PLAYBOOK)
