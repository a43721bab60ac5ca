"""What AWS refuses or what cannot be reached, in one line: what it is, why, and what to do now.

The names are those of botocore's exceptions, and of the services' common error codes.
Source: IAM User Guide, "Troubleshoot access denied error messages"; AWS API references, "Common
Errors"; Amazon DynamoDB Developer Guide, "Error handling with DynamoDB".
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from cordon.sources.text import one_line

POLICIES = Path(__file__).parent.parent / "docs" / "policies"
LONGEST = 1500  # characters of what a service says
PERMISSION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)")
NAMED_OTHERWISE = {  # operation → the permission that it needs
    "ListObjectVersions": "s3:ListBucketVersions",
    "GetObject": "s3:GetObjectVersion",  # evidence is read by version
}
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "403"}
)
EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
)
UNKNOWN = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
ABSENT = frozenset({"NoSuchBucket", "ResourceNotFoundException"})
NO_CREDENTIALS = "log in (aws sso login, or aws configure), or name a profile: --profile"
NEW_CREDENTIALS = "get new ones (aws sso login), and enter the command again"
NO_REGION = "name it: --region, AWS_REGION, or region in samconfig.toml"
IN_DOCS = "docs/operating/deciding.md#who-may-decide"

# botocore's exceptions, the more special ones first → (what it is, what to do)
UNREACHED: Mapping[type[BotoCoreError], tuple[str, str]] = {
    boto.NoCredentialsError: ("there are no AWS credentials", NO_CREDENTIALS),
    boto.PartialCredentialsError: ("the AWS credentials are not complete", NO_CREDENTIALS),
    boto.ProfileNotFound: ("there is no such profile", "aws configure list-profiles has them"),
    boto.UnauthorizedSSOTokenError: ("the login has expired", NEW_CREDENTIALS),
    boto.SSOTokenLoadError: ("there is no login", NEW_CREDENTIALS),
    boto.TokenRetrievalError: ("the login has expired", NEW_CREDENTIALS),
    boto.CredentialRetrievalError: ("the AWS credentials cannot be had", NO_CREDENTIALS),
    boto.NoRegionError: ("no Region is named", NO_REGION),
    boto.InvalidRegionError: ("that is no Region", NO_REGION),
    boto.SSLError: ("the connection is not trusted", "behind a proxy, set AWS_CA_BUNDLE"),
    boto.ProxyConnectionError: ("the proxy cannot be reached", "look at HTTPS_PROXY"),
    boto.EndpointConnectionError: (
        "AWS cannot be reached",
        "is the Region right (--region), and is there a network?",
    ),
    boto.LoginError: ("the login has expired, or there is none", NEW_CREDENTIALS),
    boto.ConnectionError: ("AWS cannot be reached", "is there a network? Then enter it again"),
    boto.HTTPClientError: ("AWS cannot be reached", "is there a network? Then enter it again"),
}


def explained(error: ClientError | BotoCoreError) -> str:
    """The error in one line, with what to do now."""
    if isinstance(error, ClientError):
        return _refused(error)
    for kind, (what, then) in UNREACHED.items():
        if isinstance(error, kind):
            return f"{what}: {_said(str(error))} → {then}"
    return f"{type(error).__name__}: {_said(str(error))}"


def _refused(error: ClientError) -> str:
    code = str(error.response["Error"].get("Code", ""))
    message = _said(str(error.response["Error"].get("Message", "")))
    call = f"{error.operation_name}: {code}: {message}"
    if code in DENIED:
        return f"your credentials may not: {call} → {_right(error.operation_name, message)}"
    if code in EXPIRED:
        return f"your credentials have expired: {call} → {NEW_CREDENTIALS}"
    if code in UNKNOWN:
        return f"AWS does not know your credentials: {call} → {NO_CREDENTIALS}"
    if code in THROTTLED:
        return f"AWS takes no more requests at the moment: {call} → wait a minute"
    if code in ABSENT:
        return f"a part of the stack is not there: {call} → is it this stack (--stack, --region)?"
    return call


def missing(error: ClientError) -> str:
    """The permission that a refusal is about; the call, where the service does not name it."""
    found = PERMISSION.search(str(error.response["Error"].get("Message", "")))
    return found[1] if found else NAMED_OTHERWISE.get(error.operation_name, error.operation_name)


def is_denied(error: ClientError) -> bool:
    """Was it refused for want of a permission?"""
    return error.response["Error"].get("Code") in DENIED


def is_passing(error: ClientError | BotoCoreError) -> bool:
    """Is it the service's, for the moment: not reached, throttled or broken (5xx)?

    Nothing of the caller: whose credentials are wrong is refused by every service.
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        throttled = error.response["Error"].get("Code") in THROTTLED
        return throttled or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, boto.ConnectionError | boto.HTTPClientError)


def why_unknown(error: ClientError | BotoCoreError) -> str:
    """Why a part was not read and all else can be shown: a missing right, or what passes.

    Raises any other error: it is of the credentials or of the command, and stops all.
    """
    if isinstance(error, ClientError) and is_denied(error):
        return f"missing is {missing(error)}"
    if is_passing(error):
        return explained(error)
    raise error


def _right(operation: str, message: str) -> str:
    """Which permission is missing, where that is known, and which ready policies have it."""
    found = PERMISSION.search(message)
    permission = found[1] if found else NAMED_OTHERWISE.get(operation, "")
    if not permission:
        return f"who may do what: {IN_DOCS}"
    policies = [path for path in sorted(POLICIES.glob("*.json")) if permission in _allowed(path)]
    named = ", ".join(f"docs/policies/{path.name}" for path in policies)
    if not named:
        return f"missing is {permission}; no ready policy has it: {IN_DOCS}"
    explicit = "; a policy denies it explicitly" if "explicit deny" in message else ""
    return f"missing is {permission}: {named} (for its own Region, stack and table){explicit}"


def _allowed(path: Path) -> set[str]:
    statements = json.loads(path.read_text())["Statement"]
    actions = (statement["Action"] for statement in statements)
    return {one for some in actions for one in ([some] if isinstance(some, str) else some)}


def _said(text: str) -> str:
    return one_line(text, LONGEST)
