"""Govern model: withdraw the approval of a model without a card, or made of data under a hold.

When    our Config rules find an approved model package without an approved model card, or one that
        SageMaker's lineage leads from to a bucket with a tag of protect_training_data or
        hold_dataset; a person names a model package by its ARN.
Does    sets the package back to PendingManualApproval. An incident says why.
Undo    none: a release ends the case, and a person approves the model. No role of Cordon may.
        Where the rule then calls the version COMPLIANT, the case ends too.
Leaves  endpoints that serve the model, the card, a package that somebody rejected; tags: a version
        of a model takes none.
"""

from cordon.actions import Action
from cordon.actions.model_packages import VERSION, WithdrawApproval
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding, Resource, ResourceRole
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode

PACKAGE = "AWS::SageMaker::ModelPackage"
WITHOUT_CARD = "config:cordon-model-package-has-approved-card"
TAINTED = "config:cordon-model-package-data-is-not-tainted"
LOW_QUALITY = "config:cordon-model-package-data-is-not-low-quality"
FOUND = (WITHOUT_CARD, TAINTED, LOW_QUALITY)

FIRST = (
    "Endpoints that serve this version go on: find them (cordon lineage, with the package's ARN),"
    " and decide about each. "
)
THEN = (
    "approve the version again yourself: aws sagemaker update-model-package --model-package-arn ARN"
    " --model-approval-status Approved --approval-description TEXT. The release of the case does"
    " not approve it. The evidence of the case has the approval description that it had."
)
WHOLE_BUCKET = (
    "The tag's value names the cases of the bucket (cordon show). The tag marks all of the bucket:"
    " only people can find out whether the version was made of just that data. "
)
AGAIN = "While the bucket has the tag, the rule finds each version of that data that is Approved."
MAY_KNOW = (
    "If it was, decide whether a model may know such data, or train it again without. If it may, or"
    " was not: "
)
DOES_NO_HARM = (
    "If it was, train it again once the data passes its rules. If the data does the model no harm,"
    " or it was not: "
)
OF_DATA = {
    TAINTED: f"{WHOLE_BUCKET}{MAY_KNOW}{THEN} {AGAIN}",
    LOW_QUALITY: f"{WHOLE_BUCKET}{DOES_NO_HARM}{THEN} {AGAIN}",
}
OF_CARD = f"Write the model card, or have it approved, and then {THEN}"
UNTIL_COMPLIANT = (
    " Where the rule then calls the version COMPLIANT, Cordon closes the case; where it does not,"
    " release it yourself."
)


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The versions of models that the finding is about, in its own account."""
    return tuple(
        one
        for one in finding.resources_of(PACKAGE, role=ResourceRole.TARGET)
        if one.place.account == finding.place.account and VERSION.fullmatch(one.name)
    )


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """One change a version."""
    return [WithdrawApproval(one.place, one.name) for one in targets(finding)]


def manual_step(finding: Finding) -> str:
    """What a person must do before the version may be approved again."""
    until = UNTIL_COMPLIANT if finding.is_control else ""
    return FIRST + OF_DATA.get(finding.kind, OF_CARD) + until


PLAYBOOK = Playbook(
    name="govern_model",
    handles=FOUND,
    ends_on_pass=FOUND,
    targets=targets,
    plan=plan,
    actions=(WithdrawApproval,),
    controls=(
        "NIST.800-53.r5 CM-3",
        "NIST.800-53.r5 SA-10",
        "ISO/IEC 27001:2022 A.8.32",
        "ISO/IEC 42001:2023 A.6.2.4",
        "ISO/IEC 42001:2023 A.9.4",
        "NIST AI RMF GOVERN 1.4",
        "SOC 2 CC8.1",
        "EU AI Act Art. 11",
        "EU AI Act Art. 14",
    ),
    defence_layer="configuration and change",
    serves=Serves.GOVERNANCE,
    recommended_mode=Mode.APPROVE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    by_arn=(PACKAGE,),
)

handler = serve(PLAYBOOK)
