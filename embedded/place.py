"""Account, Region and partition of an embedded account."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """An account in a Region."""

    account: str  # 12 digits
    region: str
    partition: str = "aws"

    @property
    def suffix(self) -> str:
        """AWS::URLSuffix of the partition."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """An ARN here; ``region=""`` for global services."""
        where = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{where}:{self.account}:{resource}"
