"""Tag the models, endpoints and agents that run an image in which a vulnerability was found.

When    Inspector finds a package vulnerability of severity High or Critical in an image of ECR: one
        case an image, whatever the number of its vulnerabilities.
Does    tags the SageMaker endpoints, inference components and models, and the AgentCore runtimes,
        that run the image, with the case. An incident names them. Of an image that none of them
        runs it keeps a record, and nobody is informed.
Undo    removes or restores exactly those tags.
Leaves  whatever runs: a tag stops nothing. That Inspector closes a finding is no release: it also
        does so where it no longer scans the image. What is deployed later is not tagged.
"""

from cordon.actions import Action
from cordon.actions.image_users import TagImageUsers
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import IMAGE_ARN, Finding, Resource
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.unsupported import Unsupported

MANUAL_STEP = (
    "Inspector lists all findings of the image; this case names one. Build the image anew with the"
    " corrected packages, and deploy it: a new model and an update of the endpoint, or an update of"
    " the agent runtime and of each endpoint that names an older version. Until then the old image"
    " runs on. Not looked for: jobs, notebooks, models of a package that no endpoint runs, other"
    " Regions and accounts. Release the case when nothing runs the image: Inspector also closes a"
    " finding where it only stops scanning."
)
NO_IMAGE = Unsupported(
    "the vulnerability is not in one image of this account's registry",
    "Decide whether what has it must be stopped, and correct it.",
)


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The image, if it is one of the finding's own account."""
    found = finding.images
    return found if [one.place.account for one in found] == [finding.place.account] else ()


def unsupported(finding: Finding) -> Unsupported | None:
    """Of what is Critical and no image here, a person decides; of what is High, nobody must."""
    return NO_IMAGE if finding.severity.critical and not targets(finding) else None


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """One change an image: who runs it is looked up when it is carried out."""
    (one,) = targets(finding)
    match = IMAGE_ARN.fullmatch(one.arn)
    if match is None:
        raise ValueError(f"not an image: {one.arn}")
    return [TagImageUsers(one.place, match[1], match[2], (case,))]


PLAYBOOK = Playbook(
    name="flag_vulnerable_image",
    handles=(),
    handles_high=("inspector:Software and Configuration Checks/Vulnerabilities/CVE",),
    targets=targets,
    unsupported=unsupported,
    plan=plan,
    actions=(TagImageUsers,),
    controls=(
        "NIST.800-53.r5 RA-5",
        "NIST.800-53.r5 SI-2",
        "NIST.800-53.r5 SR-3",
        "NIST.800-53.r5 CM-8",
        "ISO/IEC 27001:2022 A.8.8",
        "ISO/IEC 27001:2022 A.5.21",
        "SOC 2 CC7.1",
        "HIPAA 164.308(a)(1)(ii)(A)",
        "GDPR Art. 32",
        "PCI DSS v4.0.1 6.3",
        "EU AI Act Art. 15",
    ),
    defence_layer="application protection",
    serves=Serves.SECURITY,
    recommended_mode=Mode.ENFORCE,
    manual_step=lambda _: MANUAL_STEP,
    incident=Incident.ALWAYS,
    budget=100,  # a tag does no harm, and a scan finds many images at once
)

handler = serve(PLAYBOOK)
