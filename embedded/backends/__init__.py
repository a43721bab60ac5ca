"""Stand-ins for the AWS APIs that moto lacks or answers wrongly.

``install()`` once per process, before sessions are made; ``reset()`` for a fresh account.
docs/embedded-account.md lists what is ours.
"""

from embedded.backends import (
    bedrock,
    bucket_policy,
    hub,
    iam,
    insights,
    lifecycle,
    opsitems,
    replication,
    s3control,
    sagemaker,
    securityhub,
)
from embedded.backends.registry import (
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
from embedded.backends.tags import exists, forget, known

__all__ = [
    "ANSWERS",
    "CHECKS",
    "BadAnswer",
    "NotModelled",
    "Refusal",
    "Where",
    "answers",
    "bedrock",
    "bucket_policy",
    "checks",
    "exists",
    "forget",
    "here",
    "hub",
    "iam",
    "insights",
    "install",
    "known",
    "lifecycle",
    "opsitems",
    "replication",
    "reset",
    "s3control",
    "sagemaker",
    "securityhub",
]
