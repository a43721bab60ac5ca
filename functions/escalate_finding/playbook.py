"""Escalate what only a person can contain.

When    root is used; an AI workload is misused in a way no playbook contains yet; an attack
        sequence is seen; the principal or bucket is one that Cordon cannot contain; or anything
        critical that no other playbook handles.
Does    an incident says what a person must do.
Undo    resolves the incident.
Leaves  every resource.
"""

from cordon import catalogue
from cordon.actions import Action
from cordon.entry import serve
from cordon.finding import Finding, Resource, SeverityLabel
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Deployment, Mode
from cordon.unsupported import matches_any, unsupported_reason

MANUAL_STEPS = {
    catalogue.ROOT_USE: "Ask who used root and why. If nobody did: change its password, delete its "
    "access keys, check its MFA device, and deny root by an SCP.",
    catalogue.AI_THREATS: "Check who invokes the model and with what. Do not revoke the role "
    "of the application before it is known to be stolen: limit the model-invoke actions instead.",
    catalogue.ACCOUNT_WIDE: "Turn the account's block public access on again unless the change was "
    "approved. Cordon never changes it: one finding must not shut every bucket of an account.",
    catalogue.ATTACK_SEQUENCES: "Treat every resource of the sequence as part of one incident: "
    "revoke the actors' sessions, then contain what they reached.",
}
CRITICAL = "No playbook contains this critical finding: decide what must be contained, and do it."


def manual_step(finding: Finding) -> str:
    """What a person must do; "" when another playbook handles the finding, or none needs to."""
    refused = unsupported_reason(finding)
    if refused is not None:
        return f"Not contained: {refused.reason}. {refused.manual_step}"
    for family, words in MANUAL_STEPS.items():
        if matches_any(finding, family):
            return words
    critical = finding.severity.label is SeverityLabel.CRITICAL
    return CRITICAL if critical and not matches_any(finding, catalogue.CONTAINED) else ""


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The account: the incident is about the finding as a whole."""
    account = Resource("AWS::Account", finding.place.account, finding.place)
    return (account,) if manual_step(finding) else ()


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """No change: what a person must do is all of it."""
    return []


PLAYBOOK = Playbook(
    name="escalate_finding",
    handles=("*",),
    targets=targets,
    plan=plan,
    controls=(
        "NIST.800-53.r5 IR-4",
        "NIST.800-53.r5 IR-6",
        "NIST.800-53.r5 AC-6(9)",
        "ISO/IEC 27001:2022 A.5.26",
        "SOC 2 CC7.3",
        "HIPAA 164.308(a)(6)(ii)",
        "GDPR Art. 33",
        "PCI DSS v4.0.1 12.10",
        "EU AI Act Art. 73",
    ),
    defence_layer="incident response",
    serves=Serves.GOVERNANCE,
    recommended_mode=Mode.ENFORCE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
)

handler = serve(PLAYBOOK)
