"""Revoke the sessions of credentials that somebody else uses.

When    GuardDuty says that credentials of a role or a user were stolen or behave out of character.
Does    a user's access key is made inactive first, so that no new session is issued; then every
        session older than now is denied. People get an incident.
Undo    the key as it was at once; the denial only when the longest session that it stops has
        ended.
Leaves  sessions that start after the revocation, and the role's own permissions.
"""

from cordon import catalogue
from cordon.actions import Action
from cordon.actions.iam import DisableAccessKey, RevokeRoleSessions, RevokeUserSessions
from cordon.entry import serve
from cordon.finding import Finding
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Deployment, Mode
from cordon.unsupported import KEY, ROLE, USER, revocable_principals

MANUAL_STEP = (
    "Find in CloudTrail what these credentials did and which roles they assumed further (chained "
    "roles keep their own sessions). Close the way they were taken before the denial is lifted."
)


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """Stop issuance before the sessions: a live key could make a new session at once."""
    named = revocable_principals(finding)
    users = [r for r in named if r.type == USER]
    long_lived = [r for r in named if r.type == KEY and r.name.startswith("AKIA")]
    return [
        *(DisableAccessKey(u.place, u.name, key.name) for u in users for key in long_lived),
        *(RevokeUserSessions(u.place, u.name) for u in users),
        *(RevokeRoleSessions(r.place, r.name) for r in named if r.type == ROLE),
    ]


PLAYBOOK = Playbook(
    name="revoke_sessions",
    handles=catalogue.STOLEN_CREDENTIALS,
    targets=revocable_principals,
    plan=plan,
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
    manual_step=lambda _: MANUAL_STEP,
    incident=Incident.ALWAYS,
)

handler = serve(PLAYBOOK)
