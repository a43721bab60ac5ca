"""GuardDuty's and Macie's own spelling of a finding type, from Security Hub's spelling.

Source: GuardDuty User Guide, "Interpreting GuardDuty finding names in AWS Security Hub CSPM",
and Macie User Guide, "Types of findings in Security Hub". Most types are written
``TTPs/Command and Control/Backdoor:EC2-Spambot`` for ``Backdoor:EC2/Spambot``. The anomaly types of
IAM and RDS have their purpose only in the category; those of Kubernetes have "AnomalousBehavior"
only there.
"""

import re

from cordon.sources import text
from cordon.sources.field import Field

_FULL = re.compile(r"(?:^|.*/)([A-Z][A-Za-z]+):([A-Za-z0-9]+)[-/]([A-Za-z0-9.!&_-]{1,128})")
_BY_CATEGORY = re.compile(r"TTPs/([A-Za-z ]+)/(IAMUser|RDS)-([A-Za-z0-9.!]{1,128})")
_ANOMALY = re.compile(r"TTPs/AnomalousBehavior/([A-Za-z]+):Kubernetes-([A-Za-z!]{1,128})")
_RESOLVERS = re.compile(r"TTPs/DefenseEvasion/EC2:Unusual-(DNS|DoH|DoT)-(Resolver|Activity)")


def native_type(types: tuple[Field, ...]) -> str:
    """The first type with a known spelling; else the first type unchanged; "" if there is none."""
    hub_types = [type.text(text.TITLE) for type in types]
    native_types = (native for type in hub_types if (native := _native_spelling(type)))
    return next(native_types, hub_types[0] if hub_types else "")


def _native_spelling(hub_type: str) -> str:
    """
    >>> _native_spelling("TTPs/Privilege Escalation/IAMUser-AnomalousBehavior")
    'PrivilegeEscalation:IAMUser/AnomalousBehavior'
    """
    if match := _RESOLVERS.fullmatch(hub_type):
        return f"DefenseEvasion:EC2/Unusual{match[1]}{match[2]}"
    if match := _ANOMALY.fullmatch(hub_type):
        return f"{match[1]}:Kubernetes/AnomalousBehavior.{match[2]}"
    if match := _BY_CATEGORY.fullmatch(hub_type):
        return f"{match[1].replace(' ', '')}:{match[2]}/{match[3]}"
    if match := _FULL.fullmatch(hub_type):
        return f"{match[1]}:{match[2]}/{match[3]}"
    return ""
