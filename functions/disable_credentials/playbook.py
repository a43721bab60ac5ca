"""Disable credentials that are exposed, or that somebody has just made.

When    AWS Health says that an access key was found in a public place; a person names a user;
        where a parameter says so, CloudTrail says that somebody made an access key or a Bedrock
        API key. CloudTrail's events of IAM and global ones of AWS Health arrive in us-east-1 only.
Does    sets the access key, or the user's long-term Bedrock API keys, to inactive. People get an
        incident.
Undo    what somebody made is active again, unless a person changed it. An exposed key stays
        inactive, and a release says so.
Leaves  sessions that were started with a key, short-term API keys, passwords, the user itself; a
        policy that AWS attached to it (AWSCompromisedKeyQuarantineV*). What a GuardDuty custom
        rule reports: it names who made a credential, not which one. A credential that was made, and
        that the event does not name with its user, as a key of root, is for a person.
"""

from cordon import by_arn
from cordon.actions import Action, Refused
from cordon.actions.access_keys import LONG_TERM, DisableAccessKeys
from cordon.actions.bedrock_api_keys import CREDENTIAL_ID, DisableBedrockApiKeys
from cordon.actions.credentials import EVERY
from cordon.actions.exposed_key import DisableExposedKey
from cordon.deadlines import GDPR_33
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Fact, Finding, Resource, ResourceRole
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.sources.shapes import BEDROCK, SERVICE_CREDENTIAL
from cordon.unsupported import (
    KEY,
    MOST_NAMED,
    USER,
    Unsupported,
    account_of,
    revocable_principals,
    unsupported_principal,
)

EXPOSED = ("health:AWS_RISK_CREDENTIALS_EXPOSED",)
# GuardDuty User Guide, "Custom Detection Rules finding types": these two are of several rules.
MANIPULATED = (
    "guardduty:PrivilegeEscalation:IAM/AccountManipulation",
    "guardduty:Persistence:IAM/AccountManipulation",
)
MADE_KEY, MADE_API_KEY = (
    "cloudtrail:iam:CreateAccessKey",
    "cloudtrail:iam:CreateServiceSpecificCredential",
)
MADE = (MADE_KEY, MADE_API_KEY)

REVOKE = "cordon contain ARN --playbook revoke_sessions"
CONTAIN = "cordon contain ARN --playbook disable_credentials"
OF_EXPOSED = (
    "Delete the key and give its user's applications another way to sign in; better a role than a "
    "new key. Find in CloudTrail what was done with it, and which users, keys and roles were made. "
    f"Sessions that were started with it go on: end them with {REVOKE}, with the user's ARN. AWS "
    "may have attached a policy AWSCompromisedKeyQuarantineV* to the user: Cordon leaves it, and "
    "so may you until the key is deleted. Take away from where it was published what is there."
)
TEMPORARY = (
    "A temporary key (ASIA) is its role's or user's: find them in CloudTrail, and revoke their "
    f"sessions: {REVOKE}."
)
OF_KEY = (
    "Ask whoever made the access key, and its user. If nobody meant it: delete it, and look in "
    f"CloudTrail for what was done with it. Sessions of its user are ended by {REVOKE}, with the "
    "user's ARN; so are those of whoever made it. If it is meant, release the case."
)
OF_API_KEY = (
    "Ask whoever made the Bedrock API key, and its user. If nobody meant it: delete it, and look "
    "in CloudTrail for calls with it: their additionalEventData has callWithBearerToken. Revoke "
    f"whoever made it: {REVOKE}. If it is meant, release the case."
)
OF_USER = (
    "Of the user its long-term Bedrock API keys are disabled, and nothing else. Find in CloudTrail "
    "what was done with them: the calls' additionalEventData has callWithBearerToken. Delete those "
    "that nobody needs, and replace the others before the release. Short-term API keys are not "
    f"reached, nor access keys, nor sessions: {REVOKE}."
)
NOT_NAMED = (
    "A credential was made, and the event does not name it with its user, as with a key of root. "
    "Find the call in CloudTrail by its time and caller, and ask who made it. If nobody meant it: "
    "set the credential to inactive and delete it; one of root only root can. "
    f"Revoke whoever made it: {REVOKE}."
)
FIND = (
    "Find the call in CloudTrail by its time and caller, in the Region that has IAM's calls "
    "(us-east-1, or the one of another partition), whatever the Region of this finding: "
)
BY_RULE = {  # what the finding leaves out, by the name of its custom detection rule
    "BedrockServiceCredentialCreated": (
        f"{FIND}CreateServiceSpecificCredential, whose responseElements name the user and the "
        f"credential. If nobody meant it, disable it: {CONTAIN}, with that user's ARN."
    ),
    "IAMAccessKeyCreated": (
        f"{FIND}CreateAccessKey, whose responseElements name the user and the key. If nobody meant "
        "it, set the key to Inactive and delete it (aws iam update-access-key --user-name USER "
        f"--access-key-id KEY --status Inactive), or stop the whole user: {REVOKE}, with its ARN."
    ),
    "IAMUserLoginProfileCreated": (
        f"{FIND}CreateLoginProfile, whose requestParameters name the user. If nobody meant it, "
        f"delete the password (DeleteLoginProfile) and stop the user: {REVOKE}, with its ARN."
    ),
    "IAMUserLoginProfileUpdated": (
        f"{FIND}UpdateLoginProfile, whose requestParameters name the user. If nobody meant it, "
        f"replace the password and stop the user: {REVOKE}, with its ARN."
    ),
}
OTHERWISE = (
    f"{FIND}its requestParameters say which identity was changed. If nobody meant it, take the new "
    "policy, key, login or trust away."
)
CALLER = (
    f"Whoever made the call can make the next one: if it was not them, {REVOKE}, with their ARN."
)


def targets(finding: Finding) -> tuple[Resource, ...]:
    """Access keys, a user with what was made for it, or the user that a person named."""
    if finding.source == by_arn.SOURCE:
        return tuple(one for one in revocable_principals(finding) if one.type == USER)
    if finding.matches(*EXPOSED):
        return tuple(one for one in _own(finding, KEY) if LONG_TERM.fullmatch(one.name))
    return _made(finding) or ((account_of(finding),) if _not_named(finding) else ())


def _own(finding: Finding, type: str) -> tuple[Resource, ...]:
    """Those of a type that it is about, in its own account."""
    found = finding.resources_of(type, role=ResourceRole.TARGET)
    return tuple(one for one in found if one.place.account == finding.place.account)


def _made(finding: Finding) -> tuple[Resource, ...]:
    """The credential that a call has made, and its user; () for a credential of another service."""
    if finding.matches(MADE_KEY):
        keys = tuple(one for one in _own(finding, KEY) if LONG_TERM.fullmatch(one.name))
    elif finding.matches(MADE_API_KEY) and finding.fact(Fact.CREDENTIAL_OF) == BEDROCK:
        found = _own(finding, SERVICE_CREDENTIAL)
        keys = tuple(one for one in found if CREDENTIAL_ID.fullmatch(one.name))
    else:
        return ()
    users = _own(finding, USER)
    return (*keys, *users) if len(keys) == len(users) == 1 else ()


def _not_named(finding: Finding) -> bool:
    """Has a call made a credential that the event does not name? One of Bedrock, or of any API."""
    if finding.matches(MADE_API_KEY) and finding.fact(Fact.CREDENTIAL_OF) not in ("", BEDROCK):
        return False
    return finding.matches(*MADE) and not _made(finding)


def unsupported(finding: Finding) -> Unsupported | None:
    """Why no credential is disabled; None where one is, or where an API call needs nobody."""
    if targets(finding) or finding.matches(*MADE):
        return None
    if finding.source == by_arn.SOURCE:
        return unsupported_principal(finding)
    if finding.matches(*EXPOSED):
        return Unsupported(
            "AWS Health names no long-term access key of this account",
            f"Look at the event in AWS Health. {TEMPORARY}",
        )
    step = BY_RULE.get(finding.fact(Fact.RULE), OTHERWISE)
    return Unsupported(
        "the finding names who made the call, and not the credential or identity that it changed",
        f"{step} {CALLER}",
    )


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """One change of each key; of what was made, that key alone."""
    if _not_named(finding):
        raise Refused(NOT_NAMED)
    found = targets(finding)
    users = [one for one in found if one.type == USER]
    if finding.source == by_arn.SOURCE:
        return [DisableBedrockApiKeys(one.place, one.name, (EVERY,)) for one in users]
    keys = [one for one in found if one.type != USER]
    if finding.matches(*EXPOSED):
        return [DisableExposedKey(one.place, one.name) for one in keys]
    kind = DisableAccessKeys if finding.matches(MADE_KEY) else DisableBedrockApiKeys
    return [kind(user.place, user.name, (key.name,)) for user, key in zip(users, keys, strict=True)]


def manual_step(finding: Finding) -> str:
    """What an inactive key does not end, and how to find what was done with it."""
    if finding.source == by_arn.SOURCE:
        return OF_USER
    if finding.matches(*EXPOSED):
        return f"{OF_EXPOSED}{_left_out(finding)}"
    return OF_KEY if finding.matches(MADE_KEY) else OF_API_KEY


def _left_out(finding: Finding) -> str:
    """What AWS Health names beside the keys that are disabled; "" where that is all."""
    disabled = targets(finding)
    rest = [one.name for one in finding.resources if one not in disabled]
    if not rest:
        return ""
    more = f" and {len(rest) - MOST_NAMED} more" if len(rest) > MOST_NAMED else ""
    return f" Not disabled: {', '.join(rest[:MOST_NAMED])}{more}. {TEMPORARY}"


PLAYBOOK = Playbook(
    name="disable_credentials",
    handles=(*EXPOSED, *MANIPULATED),
    optional=MADE,
    targets=targets,
    unsupported=unsupported,
    plan=plan,
    actions=(DisableExposedKey, DisableAccessKeys, DisableBedrockApiKeys),
    controls=(
        "NIST.800-53.r5 AC-2(3)",
        "NIST.800-53.r5 AC-2(13)",
        "NIST.800-53.r5 IA-5",
        "NIST.800-53.r5 IR-4",
        "ISO/IEC 27001:2022 A.5.17",
        "ISO/IEC 27001:2022 A.5.18",
        "SOC 2 CC6.1",
        "SOC 2 CC6.2",
        "HIPAA 164.308(a)(6)(ii)",
        "GDPR Art. 32",
        "PCI DSS v4.0.1 8.2.5",
    ),
    defence_layer="identity and access",
    serves=Serves.SECURITY,
    recommended_mode=Mode.APPROVE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    clocks=(GDPR_33,),
    by_arn=(USER,),
)

handler = serve(PLAYBOOK)
