"""Tag an AI resource that fails a control, and untag it when the control passes.

When    Security Hub (SageMaker, Bedrock, BedrockAgentCore controls) or a Config rule on
        SageMaker or Bedrock turns FAILED, and again when it passes.
Does    tags the resource with its status, the control and the case.
Undo    removes or restores exactly those tags, by itself when the control passes.
Leaves  the resource: most of these settings can only be changed by re-creating it. What fails
        because it has no tags, and what such a control counts the tags of: ours would make it pass.
        A finding that names no SageMaker or Bedrock resource of its account is for a person where
        it is High or Critical or chosen in Security Hub (CordonContain), and else recorded.
"""

from cordon.actions import Action, Refused
from cordon.actions.tag_action_for import TAG_ACTIONS, tag_action_for
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding, Resource, ResourceRole
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.unsupported import account_of

AI_CONTROLS = (
    "securityhub:SageMaker.*",
    "securityhub:Bedrock.*",
    "securityhub:BedrockAgentCore.*",
    "config:sagemaker-*",
    "config:bedrock*",
)

# They pass with any tag that is not AWS's own (Security Hub User Guide, "Security Hub CSPM controls
# for SageMaker AI"; List of AWS Config Managed Rules, sagemaker-*-tagged), so with one of ours.
REQUIRE_TAGS = ("securityhub:SageMaker.6", "securityhub:SageMaker.7", "config:*-tagged")
TAGS_COUNT = ("AWS::SageMaker::AppImageConfig", "AWS::SageMaker::Image")  # SageMaker.6 and .7
NO_TAG = "a control requires tags, and would pass with one of Cordon's: none is set"

MANUAL_STEP = "Bring the resource into line with the control; its tags go when the control passes."
RECORDED = "the finding names no AI resource of its account: it is recorded, and opens no incident"
NO_RESOURCE = (
    "The finding names no SageMaker or Bedrock resource of its account that can be read: nothing is"
    " tagged. Find what fails the control where the finding comes from, and bring it into line."
)
OWN_TAGS = "Bring the resource into line with the control: for its tags, give it its owner's."


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The AI resources of the finding in its own account; where it names none, what else it names.

    So that a control that fails is seen by somebody, whatever form its resource's id has.
    """
    home = finding.place.account
    named = (r for r in finding.resources if r.role is ResourceRole.TARGET)
    here = tuple(r for r in named if r.place.account == home)
    return _ai_resources(finding) or here or (account_of(finding),)


def _ai_resources(finding: Finding) -> tuple[Resource, ...]:
    home = finding.place.account
    services = ("AWS::SageMaker::", "AWS::Bedrock::", "AWS::BedrockAgentCore::")
    return tuple(
        r for r in finding.resources if r.type.startswith(services) and r.place.account == home
    )


def _taggable(finding: Finding) -> tuple[Resource, ...]:
    """Those whose tags no control counts."""
    if finding.matches(*REQUIRE_TAGS):
        return ()
    return tuple(one for one in _ai_resources(finding) if one.type not in TAGS_COUNT)


def needs_nobody(finding: Finding) -> str:
    """Why nothing is tagged and nobody informed; "" where a resource is tagged, or a person needed.

    A rule of yours may be about hundreds of roles: only what is High or Critical is for a person,
    and what a person chose in Security Hub.
    """
    if _ai_resources(finding):
        return "" if _taggable(finding) else NO_TAG
    return "" if finding.severity.urgent or finding.custom_action else RECORDED


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """Three tags a resource: its status, the control that failed, and the case."""
    if not _ai_resources(finding):
        raise Refused(NO_RESOURCE)
    for resource in _taggable(finding):
        if not resource.arn:
            raise Refused(f"Tag {resource.type} {resource.name} manually: its ARN is not known.")
    tags = {
        "cordon:status": ("noncompliant",),
        "cordon:control": (finding.type,),
        "cordon:case": (case,),
    }
    return [tag_action_for(resource.place, resource.arn, tags) for resource in _taggable(finding)]


def manual_step(finding: Finding) -> str:
    """What its owner must do, where we tag and where we do not."""
    return MANUAL_STEP if _taggable(finding) else OWN_TAGS


PLAYBOOK = Playbook(
    name="tag_ai_resource",
    handles=AI_CONTROLS,
    targets=targets,
    plan=plan,
    actions=TAG_ACTIONS,
    controls=(
        "NIST.800-53.r5 CM-6",
        "NIST.800-53.r5 CM-8",
        "NIST.800-53.r5 CA-7",
        "ISO/IEC 27001:2022 A.8.9",
        "ISO/IEC 42001:2023 A.4.2",
        "NIST AI RMF MAP 4.2",
        "SOC 2 CC7.1",
        "GDPR Art. 32",
        "EU AI Act Art. 15",
    ),
    defence_layer="configuration and change",
    serves=Serves.COMPLIANCE,
    recommended_mode=Mode.ENFORCE,
    manual_step=manual_step,
    needs_nobody=lambda finding, _: needs_nobody(finding),
    incident=Incident.WHEN_FAILED,  # the control's own finding is the record
    releases_on_pass=True,
    budget=1000,  # tags do no harm and come in bulk; OpsCenter takes 10,000 OpsItems a month
)

handler = serve(PLAYBOOK)
