"""The stack at its limits: the longest name, and every parameter as long as it may be."""

from collections.abc import Mapping
from functools import cache

from embedded.place import Place
from embedded.stack import Stack
from embedded.template import synthesise
from tests.architecture.stack import TEMPLATE, raw

# Of a longer one CloudFormation leaves out the end in the names that it makes up
# (embedded/attributes.py), and what is known by a name that begins with the stack's is unknown.
STACK = "S" + "s" * 24
ACCOUNT = "111122223333"
PLACES = (  # a long Region's name of each partition that somebody may deploy to
    Place(ACCOUNT, "ap-southeast-1"),
    Place(ACCOUNT, "us-gov-west-1", "aws-us-gov"),
    Place(ACCOUNT, "cn-northwest-1", "aws-cn"),
    Place(ACCOUNT, "eusc-de-east-1", "aws-eusc"),
)
# The shortest item that each pattern allows: of the same text it makes the longest policy.
SHORTEST = {
    "BreakGlassRoles": "arn:aws:iam::*:role/a",
    "PersonRoles": f"arn:aws:iam::{ACCOUNT}:role/a",
    "ProtectedResources": "arn:aws:s3:::a",
}
DIGEST_KEY = f"arn:aws-us-gov:kms:us-gov-west-1:{ACCOUNT}:key/"


def longest(parameter: str) -> int:
    """What the parameter allows, in characters."""
    return int(raw()["Parameters"][parameter]["MaxLength"])


def listed(parameter: str, length: int) -> str:
    """A list of the shortest items; the last one fills it up to the length."""
    item = SHORTEST[parameter]
    count = (length + 1) // (len(item) + 1)
    text = ",".join([item] * count)
    return text + "a" * (length - len(text))


def largest() -> Mapping[str, str]:
    """Every parameter that reaches an environment or a policy."""
    return {
        **{name: listed(name, longest(name)) for name in SHORTEST},
        "HomeRegion": "us-".ljust(longest("HomeRegion") - 2, "e") + "-1",
        "OtherRegions": "us-".ljust(longest("OtherRegions") - 2, "e") + "-1",
        "CaBundle": "/opt/".ljust(longest("CaBundle"), "c"),
        "ContactEmail": "@example.com".rjust(longest("ContactEmail"), "m"),
        "EnforcedGuardrail": "g".ljust(longest("EnforcedGuardrail") - 9, "g") + ":12345678",
        "InvocationLogRole": "p".ljust(longest("InvocationLogRole") - 65, "p") + "/" + "r" * 64,
        "DigestKey": DIGEST_KEY.ljust(longest("DigestKey"), "k"),
        "ExternalId": "e" * longest("ExternalId"),
        "MemberRole": "M" * 64,
        "OrganizationId": "o-" + "a" * 32,
        "AllowedRegions": "us-".ljust(longest("AllowedRegions") - 2, "e") + "-1",
        "Assess": "TwentyFour_Hours",
        "RequiredTags": f"{'t' * 128},".ljust(longest("RequiredTags"), "t"),
        "AiWorkloads": "arn:aws:s3:::".ljust(longest("AiWorkloads"), "a"),
        "ApprovalHours": "168",
        "EvidenceDays": "36500",
    }


@cache
def stack(place: Place) -> Stack:
    """The stack with all of it."""
    return synthesise(TEMPLATE, place, parameters=largest(), stack=STACK)
