"""The first gate, pure: whose finding is it?

What it names is never handled, whatever the settings are: it needs no settings and no memory. What
it lets through, ``policy.decide`` decides. Each rule says why it stops a finding, or "".
"""

from collections.abc import Callable
from fnmatch import fnmatchcase

from cordon.deployment import Deployment
from cordon.finding import ARN, Finding, Principal, SeverityLabel, State
from cordon.playbook import Playbook
from cordon.sources.custom_action import CONTAIN_ACTION, RELEASE_ACTION
from cordon.sources.places import not_served
from cordon.unsupported import ROLE_TYPES

CONTROL_PASSED = "the control passed"
CLOSED_STATES = {  # each with what its source says by it
    State.PASSED: CONTROL_PASSED,
    State.ARCHIVED: "the finding no longer applies",  # its resource or its control was deleted
}
# Types that say credentials are used by somebody else: true also of our own roles.
STOLEN_CREDENTIAL_TYPES = (
    "*CredentialExfiltration*",
    "*CompromisedCredentials",
    "*MaliciousIPCaller*",
    "*TorIPCaller",
)


def not_ours(finding: Finding, playbook: Playbook, deployment: Deployment) -> str:
    """Why this finding is never handled, whatever the settings are; "" when it may be."""
    rules = GATE if passes(finding, playbook) else (*GATE, *ACTIVE)
    if playbook.everywhere:
        rules = tuple(rule for rule in rules if rule is not _not_served)
    opinions = (rule(finding, deployment) for rule in rules)
    return next((reason for reason in opinions if reason), "")


def passes(finding: Finding, playbook: Playbook) -> bool:
    """Does the finding say that its condition is over, to a playbook that then releases?

    An incident ends with a pass alone: that a finding is archived says nothing of the condition.
    """
    over = finding.state in CLOSED_STATES and playbook.releases_on_pass
    return over or playbook.ends(finding)


def _cordon_finding(finding: Finding, _: Deployment) -> str:
    return "this is Cordon's own finding" if finding.is_cordon_finding else ""


def _own_role(finding: Finding, deployment: Deployment) -> str:
    """Our own roles by their exact ARNs, in our account or in one that we serve.

    Within one account a role's name is its own, so that account and name are as good as the ARN.
    """
    principals, home = finding.principals, finding.place.account
    if not principals or any(fnmatchcase(finding.type, p) for p in STOLEN_CREDENTIAL_TYPES):
        return ""
    names = {arn.rpartition("/")[2] for arn in deployment.own_roles_in(home)}
    if all(_is_own(principal, names, home) for principal in principals):
        return f"the actor is Cordon's own role {principals[0].name}"
    return ""


def _is_own(principal: Principal, names: set[str], home: str) -> bool:
    issuer = ARN.fullmatch(principal.issuer)
    accounts = {principal.account, issuer["account"] if issuer else ""} - {""}
    own = principal.name in names and principal.user_type in ROLE_TYPES
    return own and accounts <= {home}


def _foreign_custom_action(finding: Finding, _: Deployment) -> str:
    known = finding.custom_action in ("", CONTAIN_ACTION, RELEASE_ACTION)
    return "" if known else "chosen for another custom action than Cordon's"


def _sample(finding: Finding, _: Deployment) -> str:
    return "a sample finding never leads to a change" if finding.sample else ""


def _not_authored_by_aws(finding: Finding, _: Deployment) -> str:
    if finding.authored_by_aws:
        return ""
    return "not authored by an AWS service: anyone may import such a finding"


def _not_served(finding: Finding, deployment: Deployment) -> str:
    return not_served(finding.place, deployment)


def _inactive(finding: Finding, _: Deployment) -> str:
    return "" if finding.state is State.ACTIVE else f"the finding is {finding.state}"


def _informational(finding: Finding, _: Deployment) -> str:
    informational = finding.severity.label is SeverityLabel.INFORMATIONAL
    return "the finding is informational" if informational else ""


def _failed_call(finding: Finding, _: Deployment) -> str:
    failed = finding.source == "cloudtrail" and finding.denied
    return "the call failed: it changed nothing" if failed else ""


GateRule = Callable[[Finding, Deployment], str]
GATE: tuple[GateRule, ...] = (
    _cordon_finding,
    _own_role,
    _foreign_custom_action,
    _sample,
    _not_authored_by_aws,
    _not_served,
    _failed_call,
)
ACTIVE: tuple[GateRule, ...] = (_inactive, _informational)  # a passing control is neither
