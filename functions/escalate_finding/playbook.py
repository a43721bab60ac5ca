"""Escalate what only a person can contain.

When    root is used; an AI workload is misused in a way no playbook contains yet; an attack
        sequence is seen; logs or defences are impaired; an object is malicious; the principal or
        bucket is one that Cordon cannot contain; anything critical, or High about data, identity
        or AI, that no other playbook handles; or such a threat in an account or Region that is not
        served.
Does    an incident says what a person must do.
Undo    resolves the incident.
Leaves  every resource.
"""

from cordon.actions import Action
from cordon.deadlines import AI_ACT_73, GDPR_33, HIPAA_164_404
from cordon.entry import serve
from cordon.finding import Finding, Resource
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Deployment, Mode
from cordon.unsupported import for_a_person


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The account: the incident is about the finding as a whole."""
    account = Resource("AWS::Account", finding.place.account, finding.place)
    return (account,) if for_a_person(finding) else ()


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
    manual_step=for_a_person,
    incident=Incident.ALWAYS,
    clocks=(GDPR_33, HIPAA_164_404, AI_ACT_73),
    everywhere=True,
)

handler = serve(PLAYBOOK)
