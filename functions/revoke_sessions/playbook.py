"""Revoke the sessions of credentials that somebody else uses.

When    GuardDuty says that credentials of a role or a user were stolen or behave out of character,
        or an attack sequence names them.
Does    all of a user's access keys are made inactive first, so that no new session is issued; then
        every session older than now is denied. A full stop (AWSDenyAll) where the plan says so: the
        user has a console password or other credentials, or the revocation does not fit. People
        get an incident.
Undo    the keys as they were at once; the denial when the longest session there can be has ended:
        12 h after it for a role, 36 h for a user.
Leaves  sessions that start after the revocation, and the role's own permissions.
"""

from cordon.actions import Action
from cordon.actions.access_keys import DisableAccessKeys
from cordon.actions.iam import RevokeRoleSessions, RevokeUserSessions
from cordon.deadlines import GDPR_33
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.unsupported import (
    ATTACK_SEQUENCES,
    ROLE,
    USER,
    of_the_refused,
    revocable_principals,
    unsupported_principal,
)

# Never the AI Protection types: their principal is the application's own role.
STOLEN_CREDENTIALS = (
    "guardduty:UnauthorizedAccess:IAMUser/*",
    "guardduty:CredentialAccess:IAMUser/*",
    "guardduty:Exfiltration:IAMUser/*",
    "guardduty:Impact:IAMUser/AnomalousBehavior",
    "guardduty:PrivilegeEscalation:IAMUser/*",
    "guardduty:Persistence:IAMUser/*",
    "guardduty:InitialAccess:IAMUser/*",
    "guardduty:DefenseEvasion:IAMUser/AnomalousBehavior",
)

MANUAL_STEP = (
    "Find in CloudTrail what these credentials did and which roles they assumed further (chained "
    "roles keep their own sessions). End what goes on without new calls: Session Manager, ECS Exec "
    "and notebook sessions, database connections. Close the way they were taken before the denial "
    "is lifted. "
)
WORKLOAD = (  # cordon.actions.sessions names the pages
    "Every session of the role is denied, also that of a workload: what EC2, ECS, Lambda or "
    "SageMaker runs with this role stops until it gets new credentials, up to 12 h. For new ones "
    "at once stop and start the instance, update the function's configuration, or start the task "
    "or job again."
)
PASSWORD = (
    "The release makes the same access keys active again and detaches AWSDenyAll where it was "
    "attached. Before it replace the keys, disable other credentials that may be known, and change "
    "a console password at least 12 h ahead: a console session lives that long."
)


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """Stop issuance before the sessions: a live key could make a new session at once."""
    named = revocable_principals(finding)
    users = [r for r in named if r.type == USER]
    roles = [r for r in named if r.type == ROLE]
    user_causes, role_causes = RevokeUserSessions.causes, RevokeRoleSessions.causes
    return [
        *(DisableAccessKeys(u.place, u.name) for u in users),
        *(RevokeUserSessions(u.place, u.name, deny_all_if=user_causes) for u in users),
        *(RevokeRoleSessions(r.place, r.name, deny_all_if=role_causes) for r in roles),
    ]


def manual_step(finding: Finding) -> str:
    """What a revocation does beside stopping a thief, and what it cannot do."""
    kinds = {r.type for r in revocable_principals(finding)}
    by_kind = (WORKLOAD if ROLE in kinds else "", PASSWORD if USER in kinds else "")
    parts = (MANUAL_STEP.rstrip(), *by_kind, of_the_refused(finding))
    return " ".join(part for part in parts if part)


PLAYBOOK = Playbook(
    name="revoke_sessions",
    handles=(*STOLEN_CREDENTIALS, *ATTACK_SEQUENCES),
    targets=revocable_principals,
    unsupported=unsupported_principal,
    plan=plan,
    actions=(RevokeRoleSessions, RevokeUserSessions, DisableAccessKeys),
    controls=(
        "NIST.800-53.r5 AC-2(3)",
        "NIST.800-53.r5 AC-2(13)",
        "NIST.800-53.r5 AC-12",
        "NIST.800-53.r5 IA-5",
        "NIST.800-53.r5 IR-4",
        "ISO/IEC 27001:2022 A.5.18",
        "SOC 2 CC6.2",
        "HIPAA 164.308(a)(3)(ii)(C)",
        "GDPR Art. 32",
        "PCI DSS v4.0.1 8.2.5",
    ),
    defence_layer="identity and access",
    serves=Serves.SECURITY,
    recommended_mode=Mode.APPROVE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    clocks=(GDPR_33,),
    by_arn=("AWS::IAM::Role", "AWS::IAM::User"),
)

handler = serve(PLAYBOOK)
