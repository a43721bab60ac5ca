"""Stand-ins for the AWS APIs that moto lacks or answers wrongly.

``install()`` once per process, before sessions are made; ``reset()`` for a fresh account.
docs/embedded-account.md lists what is ours.
"""

from console.embedded.backends import opsitems, securityhub
from console.embedded.backends.registry import (
    ANSWERS,
    CHECKS,
    BadAnswer,
    NotModelled,
    Refusal,
    Where,
    answers,
    checks,
    here,
    install,
    reset,
)

__all__ = [
    "ANSWERS",
    "CHECKS",
    "BadAnswer",
    "NotModelled",
    "Refusal",
    "Where",
    "answers",
    "checks",
    "here",
    "install",
    "opsitems",
    "reset",
    "securityhub",
]
