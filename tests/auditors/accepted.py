"""Findings against the reasons for which they are accepted."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase


def differences(
    found: Mapping[str, Sequence[str]], accepted: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """A finding without a reason, and a reason without a finding. A reason is for a pattern."""
    for auditor, lines in found.items():
        reasons = accepted.get(auditor, {})
        for line in lines:
            if not any(fnmatchcase(line, pattern) for pattern in reasons):
                yield f"{auditor}: not accepted: {line}"
        for pattern, reason in reasons.items():
            if not any(fnmatchcase(line, pattern) for line in lines):
                yield f"{auditor}: nothing needs the reason for {pattern}"
            if len(reason) < 20:
                yield f"{auditor}: no reason for {pattern}"
