"""What calls of IAM and STS need: their ARNs carry a path that the call does not name.

Source: "Actions, resources, and condition keys for AWS IAM".
"""

from collections.abc import Callable

from embedded.place import Place
from embedded.required_permission import AccountFacts, Params, RequiredPermission, Rule, tag_context


def _role(params: Params, place: Place, known: AccountFacts) -> str:
    name = str(params["RoleName"])
    return known.role_arn(name) or place.arn("iam", f"role/{name}", region="")


def _user(params: Params, place: Place, known: AccountFacts) -> str:
    name = str(params.get("UserName") or known.key_owner(str(params.get("AccessKeyId"))) or "")
    return known.user_arn(name) or place.arn("iam", f"user/{name}", region="")


def _on_principal(find: Callable[[Params, Place, AccountFacts], str], operation: str) -> Rule:
    def rule(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
        arn = find(params, place, known)
        context = {**tag_context(params), **_iam_context(params, known.boundary_of(arn))}
        return [RequiredPermission(f"iam:{operation}", arn, context)]

    return rule


def _iam_context(params: Params, boundary: str | None) -> dict[str, str]:
    """iam:PolicyARN is the policy that is attached or detached, iam:PermissionsBoundary the limit
    ("Actions, resources, and condition keys for AWS IAM")."""
    policy = {"iam:PolicyARN": str(params["PolicyArn"])} if "PolicyArn" in params else {}
    limit = params.get("PermissionsBoundary") or boundary
    return {**policy, "iam:PermissionsBoundary": str(limit)} if limit else policy


def _service_credential(operation: str) -> Rule:
    """iam:ServiceSpecificCredentialServiceName is the service of the credential (same page)."""

    def rule(params: Params, place: Place, known: AccountFacts) -> list[RequiredPermission]:
        named = params.get("ServiceName") or known.credential_service(
            str(params.get("ServiceSpecificCredentialId"))
        )
        context = {"iam:ServiceSpecificCredentialServiceName": str(named)} if named else {}
        return [RequiredPermission(f"iam:{operation}", _user(params, place, known), context)]

    return rule


def _group(params: Params, place: Place, _known: AccountFacts) -> str:
    return place.arn("iam", f"group/{params['GroupName']}", region="")


def _on_policy(operation: str) -> Rule:
    def rule(params: Params, _place: Place, _known: AccountFacts) -> list[RequiredPermission]:
        return [RequiredPermission(f"iam:{operation}", str(params["PolicyArn"]), {})]

    return rule


_ROLE_OPERATIONS = (
    "AttachRolePolicy CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy"
    " DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole"
    " ListRolePolicies ListRoleTags PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole"
    " UpdateAssumeRolePolicy UpdateRole"
)
_USER_OPERATIONS = (
    "AttachUserPolicy CreateAccessKey DeleteAccessKey DeleteLoginProfile DeleteUserPolicy"
    " DetachUserPolicy GetAccessKeyLastUsed GetLoginProfile GetUser GetUserPolicy ListAccessKeys"
    " ListAttachedUserPolicies ListGroupsForUser ListMFADevices ListServiceSpecificCredentials"
    " ListSigningCertificates ListSSHPublicKeys ListUserPolicies ListUserTags"
    " PutUserPermissionsBoundary PutUserPolicy TagUser UntagUser UpdateAccessKey"
    " UpdateLoginProfile"
)
_GROUP_OPERATIONS = "AttachGroupPolicy DetachGroupPolicy"
_SERVICE_CREDENTIAL_OPERATIONS = "CreateServiceSpecificCredential UpdateServiceSpecificCredential"
_POLICY_OPERATIONS = "GetPolicy GetPolicyVersion"


def _assume_role(params: Params, _place: Place, _known: AccountFacts) -> list[RequiredPermission]:
    names = {
        "ExternalId": "sts:ExternalId",
        "RoleSessionName": "sts:RoleSessionName",
        "SourceIdentity": "sts:SourceIdentity",
    }
    context = {key: str(params[name]) for name, key in names.items() if name in params}
    actions = ["AssumeRole"]
    actions += ["SetSourceIdentity"] if "SourceIdentity" in params else []
    actions += ["TagSession"] if params.get("Tags") else []
    tags = tag_context(params)
    return [
        RequiredPermission(f"sts:{a}", str(params["RoleArn"]), {**context, **tags}) for a in actions
    ]


RULES: dict[tuple[str, str], Rule] = {
    **{("iam", name): _on_principal(_role, name) for name in _ROLE_OPERATIONS.split()},
    **{("iam", name): _on_principal(_user, name) for name in _USER_OPERATIONS.split()},
    **{("iam", name): _on_principal(_group, name) for name in _GROUP_OPERATIONS.split()},
    **{("iam", n): _service_credential(n) for n in _SERVICE_CREDENTIAL_OPERATIONS.split()},
    **{("iam", name): _on_policy(name) for name in _POLICY_OPERATIONS.split()},
    ("sts", "AssumeRole"): _assume_role,
    ("sts", "GetCallerIdentity"): lambda _p, _at, _k: [],  # nobody can be denied it
}
