"""How Security Hub CSPM spells a finding type of GuardDuty or Macie, as an event pattern.

``cordon.sources.finding_types`` reads the same spellings back. Most types of GuardDuty are written
``TTPs/<category>/Purpose:Resource-Name`` or without a category. What follows the last slash is the
native type, so that an exact type is found by its suffix under every category. A family is found
by its prefix, which needs the categories: they are those of ``DOCUMENTED`` and none. The anomalies
of IAM have their purpose only in the category. An asterisk on both sides would need a wildcard,
and EventBridge takes few (User Guide, "Quotas"). Sources: GuardDuty User Guide, "Interpreting
GuardDuty finding names in AWS Security Hub CSPM"; Macie User Guide, "Types of findings in Security
Hub"; "Required top-level ASFF attributes".
"""

import re
from collections.abc import Iterator
from typing import Any

DOCUMENTED = {  # those that are not ``TTPs/Purpose:Resource-Name``
    "Policy:S3/BucketBlockPublicAccessDisabled": "Effects/Data Exposure/"
    "Policy:S3-BucketBlockPublicAccessDisabled",
    "CredentialAccess:IAMUser/CompromisedCredentials": "TTPs/Credential Access/"
    "CredentialAccess:IAMUser-CompromisedCredentials",
    "DefenseEvasion:IAMUser/BedrockLoggingDisabled": "TTPs/Defense Evasion/"
    "DefenseEvasion:IAMUser-BedrockLoggingDisabled",
    "DefenseImpairment:S3/*": "TTPs/Defense Impairment/DefenseImpairment:S3-",
    "Object:S3/MaliciousFile": "TTPs/Object/Object:S3-MaliciousFile",
    "Stealth:IAMUser/CloudTrailLoggingDisabled": "TTPs/Defense Evasion/"
    "Stealth:IAMUser-CloudTrailLoggingDisabled",
    "UnauthorizedAccess:IAMUser/ConsoleLogin": "TTPs/Initial Access/"
    "UnauthorizedAccess:IAMUser-ConsoleLogin",
    "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration": "Effects/Data Exfiltration/"
    "UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration",
    "UnauthorizedAccess:IAMUser/TorIPCaller": "TTPs/Command and Control/"
    "UnauthorizedAccess:IAMUser-TorIPCaller",
}
_ANOMALY = "IAMUser/AnomalousBehavior"
_ANOMALIES = (  # the purposes that have it
    "CredentialAccess",
    "DefenseEvasion",
    "Discovery",
    "Exfiltration",
    "Impact",
    "InitialAccess",
    "Persistence",
    "PrivilegeEscalation",
)


def native(type: str) -> Any:
    """The matcher of a native type, as the source itself writes it.

    Raises ValueError for an asterisk elsewhere than at one end.

    >>> native("Policy:S3/*"), native("*:IAM/X"), native("A:B/C")
    ({'prefix': 'Policy:S3/'}, {'suffix': ':IAM/X'}, 'A:B/C')
    """
    if "*" not in type:
        return type
    if type.endswith("*") and "*" not in type[:-1]:
        return {"prefix": type[:-1]}
    if type.startswith("*") and "*" not in type[1:]:
        return {"suffix": type[1:]}
    raise ValueError(f"{type}: an asterisk is at the beginning or at the end")


def hub(type: str) -> Iterator[Any]:
    """The matchers of the same type in ``Types`` of ASFF.

    >>> list(hub("Impact:IAMUser/AnomalousBehavior"))
    [{'suffix': 'Impact:IAMUser-AnomalousBehavior'}, 'TTPs/Impact/IAMUser-AnomalousBehavior']
    """
    spelled = type.replace("/", "-", 1)
    if not type.endswith("*"):
        yield {"suffix": spelled.removeprefix("*")}
    else:
        family = spelled[:-1]
        yield {"prefix": f"TTPs/{family}"}
        for other in DOCUMENTED.values():
            category, _, rest = other.rpartition("/")
            if rest.startswith(family) or family.startswith(rest):
                yield {"prefix": f"{category}/{family}"}
    purpose, _, rest = type.partition(":")
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", purpose)
    if rest == "*":
        yield {"prefix": f"TTPs/{words}/"}  # the purpose is a category too
    elif purpose in _ANOMALIES and _covers(rest, _ANOMALY):
        yield f"TTPs/{words}/IAMUser-AnomalousBehavior"


def _covers(pattern: str, type: str) -> bool:
    return pattern == type or (pattern.endswith("*") and type.startswith(pattern[:-1]))


def by_purpose(type: str) -> str:
    """The family of all types with the same purpose: a shorter pattern, and a coarser one.

    >>> by_purpose("Impact:IAMUser/CostHarvesting"), by_purpose("*:IAM/AccountManipulation")
    ('Impact:*', '*:IAM/AccountManipulation')
    """
    purpose, colon, _ = type.partition(":")
    return type if "*" in purpose else f"{purpose}{colon}*"
