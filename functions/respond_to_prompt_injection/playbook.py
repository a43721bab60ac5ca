"""Respond to a prompt injection: record what was blocked; inform people of what was not.

When    GuardDuty finds a direct prompt injection that a guardrail saw.
Does    where the guardrail blocked it: records and counts it; nobody is needed. Else an incident
        says what to enforce and what that breaks. Where the operator has named a guardrail
        (EnforcedGuardrail): a person may approve that it is enforced on every model call of the
        account in this Region. No mode enforces it without a person.
Undo    puts the account's enforced configuration back as captured.
Leaves  the application's role, its sessions, and the guardrail that saw the attack.
"""

from cordon.actions import Action
from cordon.actions.enforced_guardrail import EnforceGuardrail
from cordon.deadlines import AI_ACT_73, GDPR_33
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Fact, Finding, Resource
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.sources.facts import BLOCKED, PASSED

RECORDED = "the guardrail blocked the attack: nothing has to be done"
SEEN = {
    PASSED: "A guardrail saw the prompt attack and did not block it.",
    "": "This event does not say whether a guardrail blocked the prompt attack: look at the "
    "finding in GuardDuty.",
}
# What an enforced guardrail does and breaks: Amazon Bedrock User Guide, "Apply cross-account
# safeguards with Amazon Bedrock Guardrails enforcements"
PROPOSAL = (
    "Find in the application's log what the model said and did. Let the application's own "
    "guardrail block: filter PROMPT_ATTACK, input strength HIGH, input action BLOCK, in a new "
    "numbered version that the application then uses. To have every model call of the account "
    "here pass such a guardrail: name it in EnforcedGuardrail (id:version), and approve. What "
    "that breaks: calls of models without guardrail support (embedding models), and calls by "
    "whoever lacks bedrock:ApplyGuardrail on it; AWS charges for each text unit. Leave the "
    "application's role as it is: the attacker has its input, not its credentials."
)


def blocked(finding: Finding) -> str:
    """Why nothing is to be done of it, and nobody needed; "" where it was not blocked.

    Where the source says nothing of it, it was not blocked as far as anybody knows.
    """
    return RECORDED if finding.fact(Fact.GUARDRAIL) == BLOCKED else ""


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The account: what would be enforced counts for all of it, in the finding's Region."""
    return (Resource("AWS::Account", finding.place.account, finding.place),)


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """The guardrail that the operator named: it is one of the stack's own account and Region."""
    place = finding.place
    here = (place.account, place.region) == (deployment.account, deployment.region)
    guardrail, _, version = deployment.enforced_guardrail.partition(":")
    if blocked(finding) or not guardrail or not here:
        return []
    return [EnforceGuardrail(place, guardrail, version)]


def manual_step(finding: Finding) -> str:
    """What to enforce, and what it breaks."""
    if why := blocked(finding):
        return f"Nobody is needed: {why}."
    return f"{SEEN.get(finding.fact(Fact.GUARDRAIL), SEEN[''])} {PROPOSAL}"


PLAYBOOK = Playbook(
    name="respond_to_prompt_injection",
    handles=("guardduty:Impact:IAMUser/PromptInjection.Direct",),
    targets=targets,
    needs_nobody=lambda finding, _: blocked(finding),
    plan=plan,
    actions=(EnforceGuardrail,),
    controls=(
        "NIST.800-53.r5 SI-10",
        "NIST.800-53.r5 SI-4",
        "NIST.800-53.r5 IR-4",
        "ISO/IEC 27001:2022 A.8.28",
        "ISO/IEC 42001:2023 A.6.2.6",
        "NIST AI RMF MANAGE 4.1",
        "SOC 2 CC7.3",
        "GDPR Art. 32",
        "EU AI Act Art. 15",
    ),
    defence_layer="application and model",
    serves=Serves.SECURITY,
    recommended_mode=Mode.APPROVE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    clocks=(GDPR_33, AI_ACT_73),
)

handler = serve(PLAYBOOK)
