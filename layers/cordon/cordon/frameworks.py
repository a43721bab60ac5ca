"""Of which version of each framework the controls in headers are: evidence says it with them.

The versions are those of docs/coverage/frameworks.json; ``tests/coverage`` compares the two.
"""

from collections.abc import Iterable
from typing import Final

VERSIONS: Final = {
    "EU AI Act": "Regulation (EU) 2024/1689",
    "GDPR": "Regulation (EU) 2016/679",
    "HIPAA": "45 CFR Part 164, Subparts C and D",
    "ISO/IEC 27001:2022": "2022",
    "ISO/IEC 42001:2023": "2023",
    "MITRE ATLAS": "ids as of version 5; content 2026.09 renames some",
    "MITRE ATT&CK": "ids as of version 17",
    "NIST AI RMF": "1.0 (NIST AI 100-1)",
    "NIST.800-53.r5": "Revision 5, release 5.1.1",
    "OWASP Agentic 2026": "2026 (published 2025-12-09)",
    "OWASP LLM 2023": "1.1 (2023)",
    "OWASP LLM 2025": "2025",
    "OWASP LLM 2026": "2026 (published 2026-08-04)",
    "PCI DSS v4.0.1": "4.0.1",
    "SOC 2": "2017, points of focus revised 2022",
}


def framework_of(control: str) -> str:
    """The framework that a control is of; "" where we know none. An id is ``framework control``.

    >>> framework_of("GDPR Art. 33"), framework_of("ours 1")
    ('GDPR', '')
    """
    return next((name for name in VERSIONS if control.startswith(f"{name} ")), "")


def versions_of(controls: Iterable[str]) -> dict[str, str]:
    """The version of each framework that these controls are of.

    >>> versions_of(["GDPR Art. 33"])
    {'GDPR': 'Regulation (EU) 2016/679'}
    """
    return {name: VERSIONS[name] for name in sorted(set(map(framework_of, controls))) if name}
