"""Which targets a playbook can change, and why it cannot change the others. Reads only the finding.

A playbook's header names one of these functions, so that the one that takes over informs people
where it has no target. Facts: IAM User Guide, "Revoke IAM role temporary security credentials",
"Service-linked roles", "AWSReservedSSO roles".
"""

from dataclasses import dataclass

from cordon.finding import Finding, Principal, Resource, ResourceRole

BUCKET = "AWS::S3::Bucket"
OBJECT = "AWS::S3::Object"
ROLE = "AWS::IAM::Role"
USER = "AWS::IAM::User"
KEY = "AWS::IAM::AccessKey"
# GuardDuty User Guide, "GuardDuty attack sequence finding types": several signals, actors and
# resources in one finding, of severity Critical. Each playbook contains what it can of it.
ATTACK_SEQUENCES = ("guardduty:AttackSequence:*",)
MOST_NAMED = 10  # of what a sentence lists
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


def account_of(finding: Finding) -> Resource:
    """The account of the finding: what a case is about where nothing that is named can be."""
    return Resource("AWS::Account", finding.place.account, finding.place)


def buckets(finding: Finding) -> tuple[Resource, ...]:
    """The finding's general purpose buckets that are in the finding's account."""
    targets = finding.resources_of(BUCKET, role=ResourceRole.TARGET)
    return tuple(b for b in targets if b.place.account == finding.place.account)


def unsupported_buckets(finding: Finding) -> tuple[str, ...]:
    """The finding's other buckets: other bucket types, or buckets of other accounts."""
    kinds = (BUCKET, *OTHER_BUCKETS)
    targets = [r for kind in kinds for r in finding.resources_of(kind, role=ResourceRole.TARGET)]
    return tuple(r.name for r in targets if r not in buckets(finding))


def objects(finding: Finding) -> tuple[Resource, ...]:
    """The one object that the finding is about, if it can be tagged; () if there is none.

    Of several it is not known which version each one is.
    """
    found = finding.resources_of(OBJECT, role=ResourceRole.TARGET)
    same_account = all(r.place.account == finding.place.account for r in found)
    return found if len(found) == 1 and found[0].arn and same_account else ()


def unsupported_object(finding: Finding) -> Unsupported | None:
    """Why no object of the finding can be quarantined; None where one can."""
    if objects(finding):
        return None
    if not buckets(finding):
        bucket = unsupported_bucket(finding)
        if bucket is not None:
            return bucket
    found = finding.resources_of(OBJECT)
    if len(found) > 1:
        return Unsupported(
            "the finding names several objects, and not which version each one is",
            "Keep each of them from being read: tag it cordon:status = quarantined, and deny"
            " reading by that tag; or delete it.",
        )
    reason = "the finding names no object"
    if found:
        reason = "the object's key has characters that hide or reorder text"
    return Unsupported(reason, "Find the object in the finding's source, and delete it there.")


def revocable_principals(finding: Finding) -> tuple[Resource, ...]:
    """The roles, or the users and their keys, whose sessions can be revoked; () if none can."""
    found = (r for principal in finding.principals for r in _changeable(finding, principal))
    return tuple(dict.fromkeys(found))


def roles_and_users(finding: Finding) -> tuple[Resource, ...]:
    """The same without the keys: whom a policy can be attached to."""
    return tuple(r for r in revocable_principals(finding) if r.type in (ROLE, USER))


def refused_principals(finding: Finding) -> tuple[tuple[Principal, Unsupported], ...]:
    """Those whose sessions cannot be revoked, each with its own reason."""
    found = ((one, _refusal(finding, one)) for one in finding.principals)
    return tuple((one, why) for one, why in found if why is not None)


def of_the_refused(finding: Finding) -> str:
    """What a person must do about them, one sentence after the other; "" where there are none."""
    refused = refused_principals(finding)
    said = [
        f"Not changed: {one.user_type} {one.name or one.id}, since {why.reason}. {why.manual_step}"
        for one, why in refused[:MOST_NAMED]
    ]
    more = len(refused) - MOST_NAMED
    return " ".join([*said, *([f"{more} more actors are not changed."] if more > 0 else [])])


def _changeable(finding: Finding, principal: Principal) -> tuple[Resource, ...]:
    if _principal(finding, principal) is not None:
        return ()
    kinds = (ROLE,) if principal.user_type in ROLE_TYPES else (USER, KEY)
    found = tuple(
        r
        for k in kinds
        for r in finding.resources_of(k, role=ResourceRole.ACTOR)
        if r.place.account == finding.place.account
        and (not finding.actors or r.name in (principal.name, principal.access_key_id))
    )
    return found if any(r.type in (ROLE, USER) for r in found) else ()


ROLE_TYPES = ("AssumedRole", "Role")


def _refusal(finding: Finding, principal: Principal) -> Unsupported | None:
    if _changeable(finding, principal):
        return None
    return _principal(finding, principal) or Unsupported(
        f"sessions of this principal cannot be revoked: {principal.user_type or 'unknown type'}",
        "Find the owner of these credentials in CloudTrail and disable them.",
    )


def unsupported_principal(finding: Finding) -> Unsupported | None:
    """Why no sessions of the finding's principals can be revoked; None where some can."""
    if revocable_principals(finding):
        return None
    if not finding.principals:
        return Unsupported(
            "the finding names no principal that can be read",
            "Find the principal in CloudTrail.",
        )
    return _refusal(finding, finding.principals[0])


def unsupported_bucket(finding: Finding) -> Unsupported | None:
    """Why no bucket of the finding can be contained; None where one can."""
    if buckets(finding):
        return None
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
