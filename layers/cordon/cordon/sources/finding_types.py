"""Finding types as GuardDuty and Macie spell them, from how Security Hub spells them.

Source: GuardDuty User Guide, "Interpreting GuardDuty finding names in AWS Security Hub CSPM",
and Macie User Guide, "Types of findings in Security Hub". Most read
``TTPs/Command and Control/Backdoor:EC2-Spambot`` for ``Backdoor:EC2/Spambot``; the anomaly types
of IAM and RDS leave the purpose to the category, those of Kubernetes leave the anomaly to it.
"""

import re

from cordon.sources import text
from cordon.sources.field import Field

_FULL = re.compile(r"(?:^|.*/)([A-Z][A-Za-z]+):([A-Za-z0-9]+)[-/]([A-Za-z0-9.!&_-]{1,128})")
_BY_CATEGORY = re.compile(r"TTPs/([A-Za-z ]+)/(IAMUser|RDS)-([A-Za-z0-9.!]{1,128})")
_ANOMALY = re.compile(r"TTPs/AnomalousBehavior/([A-Za-z]+):Kubernetes-([A-Za-z!]{1,128})")
_RESOLVERS = re.compile(r"TTPs/DefenseEvasion/EC2:Unusual-(DNS|DoH|DoT)-(Resolver|Activity)")


def native(types: tuple[Field, ...]) -> str:
    """The first that can be told; else the first as it stands; "" when there is none."""
    given = [each.text(text.TITLE) for each in types]
    told = (spelled for each in given if (spelled := _spelled(each)))
    return next(told, given[0] if given else "")


def _spelled(given: str) -> str:
    """
    >>> _spelled("TTPs/Privilege Escalation/IAMUser-AnomalousBehavior")
    'PrivilegeEscalation:IAMUser/AnomalousBehavior'
    """
    if found := _RESOLVERS.fullmatch(given):
        return f"DefenseEvasion:EC2/Unusual{found[1]}{found[2]}"
    if found := _ANOMALY.fullmatch(given):
        return f"{found[1]}:Kubernetes/AnomalousBehavior.{found[2]}"
    if found := _BY_CATEGORY.fullmatch(given):
        return f"{found[1].replace(' ', '')}:{found[2]}/{found[3]}"
    if found := _FULL.fullmatch(given):
        return f"{found[1]}:{found[2]}/{found[3]}"
    return ""
