"""Stand-ins for the AWS APIs that moto lacks or has wrong.

``install()`` once per process, before sessions are made; ``reset()`` for a fresh account.
docs/embedded-account.md lists what is ours.
"""

from embedded.backends import (
    agent_aliases,
    agentcore,
    bedrock,
    bucket_policy,
    cloudformation,
    config_rules,
    customization,
    detection,
    glue,
    guardrails,
    hub,
    iam,
    image_users,
    insights,
    inventory,
    invocation_logging,
    jobs,
    knowledge_bases,
    lifecycle,
    lineage,
    model_packages,
    notebooks,
    opsitems,
    redriving,
    registry,
    replication,
    s3control,
    sagemaker,
    securityhub,
    streams,
    transactions,
)
from embedded.backends.registry import (
    CHECKS,
    IMPLEMENTED,
    BadResponse,
    NotModelled,
    Refusal,
    Where,
    checks,
    here,
    implements,
    reset,
)
from embedded.backends.tags import exists, forget, known


def install() -> None:
    """Hook into moto and into every session made from now on. Safe to call again."""
    registry.install()
    streams.install()
    transactions.install()


__all__ = [
    "CHECKS",
    "IMPLEMENTED",
    "BadResponse",
    "NotModelled",
    "Refusal",
    "Where",
    "agent_aliases",
    "agentcore",
    "bedrock",
    "bucket_policy",
    "checks",
    "cloudformation",
    "config_rules",
    "customization",
    "detection",
    "exists",
    "forget",
    "glue",
    "guardrails",
    "here",
    "hub",
    "iam",
    "image_users",
    "implements",
    "insights",
    "install",
    "inventory",
    "invocation_logging",
    "jobs",
    "knowledge_bases",
    "known",
    "lifecycle",
    "lineage",
    "model_packages",
    "notebooks",
    "opsitems",
    "redriving",
    "replication",
    "reset",
    "s3control",
    "sagemaker",
    "securityhub",
]
