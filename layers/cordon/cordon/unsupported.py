"""What no playbook contains, and the manual step for each. Reads only the finding.

A containing playbook handles the supported targets of a finding. ``escalate_finding`` handles the
findings that have none, those that only a person can judge, and threats in accounts and Regions
that are not served. All use this module, so each finding has exactly one playbook. Facts: IAM
User Guide, "Revoke IAM role temporary security credentials", "Service-linked roles",
"AWSReservedSSO roles".
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from cordon import catalogue
from cordon.catalogue import REACHABLE_BUCKETS, STOLEN_CREDENTIALS
from cordon.finding import Finding, Principal, Resource, ResourceRole, SeverityLabel

BUCKET = "AWS::S3::Bucket"
ROLE = "AWS::IAM::Role"
USER = "AWS::IAM::User"
KEY = "AWS::IAM::AccessKey"
OTHER_BUCKETS = {
    "AWS::S3Express::DirectoryBucket": "directory bucket",
    "AWS::S3Tables::TableBucket": "table bucket",
    "AWS::S3Vectors::VectorBucket": "vector bucket",
}


@dataclass(frozen=True)
class Unsupported:
    """Why no playbook can change this resource, and what a person must do."""

    reason: str
    manual_step: str


MANUAL_STEPS = {
    catalogue.ROOT_USE: "Ask who used root and why. If nobody did: change its password, delete its "
    "access keys, check its MFA device, and deny root by an SCP.",
    catalogue.AI_THREATS: "Check who invokes the model and with what. Do not revoke the role "
    "of the application before it is known to be stolen: limit the model-invoke actions instead.",
    catalogue.ACCOUNT_WIDE: "Turn the account's block public access on again unless the change was "
    "approved. Cordon never changes it: one finding must not shut every bucket of an account.",
    catalogue.ATTACK_SEQUENCES: "Treat every resource of the sequence as part of one incident: "
    "revoke the actors' sessions, then contain what they reached.",
    catalogue.ACCOUNT_MANIPULATION: "Ask who changed this identity and why. If nobody did: take "
    "the new policy, key, login or trust away, and revoke the sessions of whoever made it.",
    catalogue.CODE_IN_AI: "Read the notebook's lifecycle configuration: it runs as root at each "
    "start. Stop the notebook if nobody meant the change.",
    catalogue.DETECTION_IMPAIRED: "Turn the log or defence on again unless the change was "
    "approved, and look for what was done while it was off.",
    catalogue.MALICIOUS_OBJECTS: "Keep the object from being read or loaded. Find who wrote it, "
    "and which jobs, models and people have read it since.",
    catalogue.DISCOVERED_BUCKETS: "Find in CloudTrail whose credentials listed the bucket from "
    "that address, and revoke them. Check what was read afterwards.",
    catalogue.SENSITIVE_DATA: "Macie lists the objects; this finding names one of them. Decide "
    "whether such data may be in that bucket. If not: move it, and find which training jobs, "
    "knowledge bases and people have read it.",
}
UNHANDLED = "No playbook contains this finding: decide what must be contained, and do it."


def matches_any(finding: Finding, family: tuple[str, ...]) -> bool:
    """Does the finding's kind match a pattern of the family?"""
    return any(fnmatchcase(finding.kind, pattern) for pattern in family)


def buckets(finding: Finding) -> tuple[Resource, ...]:
    """The finding's general purpose buckets that are in the finding's account."""
    targets = finding.resources_of(BUCKET, role=ResourceRole.TARGET)
    return tuple(b for b in targets if b.place.account == finding.place.account)


def unsupported_buckets(finding: Finding) -> tuple[str, ...]:
    """The finding's other buckets: other bucket types, or buckets of other accounts."""
    kinds = (BUCKET, *OTHER_BUCKETS)
    targets = [r for kind in kinds for r in finding.resources_of(kind, role=ResourceRole.TARGET)]
    return tuple(r.name for r in targets if r not in buckets(finding))


def revocable_principals(finding: Finding) -> tuple[Resource, ...]:
    """The role, or the user and its key, whose sessions can be revoked; () if there is none."""
    principal = finding.principal
    if principal is None or _principal(finding, principal) is not None:
        return ()
    if principal.user_type not in ROLE_TYPES and not finding.resources_of(
        USER, role=ResourceRole.ACTOR
    ):
        return ()
    kinds = (ROLE,) if principal.user_type in ROLE_TYPES else (USER, KEY)
    return tuple(
        r
        for k in kinds
        for r in finding.resources_of(k, role=ResourceRole.ACTOR)
        if r.place.account == finding.place.account
    )


ROLE_TYPES = ("AssumedRole", "Role")


def unsupported_reason(finding: Finding) -> Unsupported | None:
    """Why the playbook that handles this kind of finding has no target; None if it has one."""
    if matches_any(finding, REACHABLE_BUCKETS) and not buckets(finding):
        return _bucket(finding)
    if matches_any(finding, STOLEN_CREDENTIALS) and not revocable_principals(finding):
        if finding.principal is None:
            return Unsupported(
                "the finding names no principal that can be read",
                "Find the principal in CloudTrail.",
            )
        user_type = finding.principal.user_type or "unknown type"
        return _principal(finding, finding.principal) or Unsupported(
            f"sessions of this principal cannot be revoked: {user_type}",
            "Find the owner of these credentials in CloudTrail and disable them.",
        )
    return None


def _bucket(finding: Finding) -> Unsupported:
    for kind, words in OTHER_BUCKETS.items():
        for bucket in finding.resources_of(kind):
            return Unsupported(
                f"{bucket.name} is a {words}, which Cordon does not contain",
                f"Review who can access the {words} {bucket.name}. Restrict its policy manually.",
            )
    foreign = finding.resources_of(BUCKET)
    if foreign:
        return Unsupported(
            f"{foreign[0].name} belongs to another account",
            "Inform the owner of that account. Cordon changes only the finding's account.",
        )
    return Unsupported("the finding names no bucket", "Find the bucket in the finding's source.")


def _principal(finding: Finding, principal: Principal) -> Unsupported | None:
    """The first reason why this principal cannot be revoked, or None."""
    name, kind = principal.name, principal.user_type
    if kind == "Root":
        return Unsupported(
            "root credentials cannot be limited by IAM",
            "Change the root password, delete root access keys, check its MFA; deny root by SCP.",
        )
    if kind == "Unknown":
        return Unsupported(
            "the finding does not say whether the caller is a user or a role",
            "Find the caller in CloudTrail, and revoke its sessions if they are stolen.",
        )
    if kind in ("AWSService", "AWSAccount", "Directory"):
        return Unsupported(
            f"the caller is {kind}, not a principal of this account",
            "Restrict the policy of the accessed resource: it decides what that caller may do.",
        )
    if principal.account and principal.account != finding.place.account:
        return Unsupported(
            "the principal belongs to another account",
            "Inform the owner of that account. Deny it in the policy of the accessed resource.",
        )
    if name.startswith("AWSReservedSSO_"):
        return Unsupported(
            "IAM Identity Center roles cannot be edited in IAM",
            "In Identity Center end the user's sessions and remove the assignment; deny for 12 h.",
        )
    if name.startswith("AWSServiceRoleFor"):
        return Unsupported(
            "service-linked roles cannot be edited",
            "Check in CloudTrail what the service did, and for whom.",
        )
    if kind in ("FederatedUser", "WebIdentityUser", "SAMLUser", "IdentityCenterUser"):
        return Unsupported(
            f"the session of a {kind} names no role or user of this account",
            "Find the caller of GetFederationToken in CloudTrail; end the provider's session.",
        )
    return None


def for_a_person(finding: Finding) -> str:
    """What a person must do; "" when another playbook handles the finding, or none needs to."""
    if not finding.served:
        return _in_a_place_that_is_not_served(finding)
    refused = unsupported_reason(finding)
    if refused is not None:
        return f"Not contained: {refused.reason}. {refused.manual_step}"
    if matches_any(finding, catalogue.CONTAINED):
        return ""
    if matches_any(finding, catalogue.FOR_A_PERSON) or _is_serious(finding):
        steps = (words for family, words in MANUAL_STEPS.items() if matches_any(finding, family))
        return next(steps, UNHANDLED)
    return ""


def _is_serious(finding: Finding) -> bool:
    """Anything critical, or High about data, identity or AI: of GuardDuty's, only sequences are
    above High.
    """
    if finding.severity.label is SeverityLabel.HIGH:
        return matches_any(finding, catalogue.CONCERNS)
    return finding.severity.label is SeverityLabel.CRITICAL


def _in_a_place_that_is_not_served(finding: Finding) -> str:
    """Only threats: the controls and rules of another account or Region are its people's work."""
    if finding.source not in ("guardduty", "macie") or not _is_serious(finding):
        return ""
    place = finding.place
    return (
        f"This stack changes nothing in account {place.account}, {place.region}: it does not serve "
        "that place. If another stack of Cordon does, decide there. If none does, inform the "
        "account's owner or contain it there yourself. "
        "MemberRole and OtherRegions say what this stack serves."
    )
