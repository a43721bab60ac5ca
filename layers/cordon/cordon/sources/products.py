"""Which product wrote a finding. Its product ARN alone decides.

Anyone with permission to call BatchImportFindings can write any title, severity and resource, but
only under a product ARN of their own. An AWS product's ARN has no account and the company ``aws``
(Security Hub User Guide, "ProductArn"; OCSF: ``productv2``).
"""

import re
from dataclasses import dataclass

from cordon.finding import PARTITIONS
from cordon.sources.field import Field
from cordon.sources.shapes import Shape

# Only findings of these products can lead to a change.
AWS_SOURCES = frozenset(
    {"guardduty", "macie", "securityhub", "inspector", "config", "access-analyzer"}
)
_ARN = Shape(
    "a product ARN",
    re.compile(
        rf"arn:(?P<partition>{'|'.join(PARTITIONS)}):securityhub:(?P<region>[a-z0-9-]+)"
        r":(?P<account>[0-9]{12}|)"
        r":(?P<space>product|productv2)/(?P<company>[\w.-]{1,128})/(?P<name>[\w.-]{1,128})",
        re.ASCII,
    ),
)


@dataclass(frozen=True)
class Product:
    """The parts of a product ARN."""

    path: str
    arn: str
    partition: str
    region: str
    account: str
    company: str
    name: str

    @property
    def is_aws(self) -> bool:
        """Is it an AWS product, and not only named like one?"""
        return not self.account and self.company == "aws"

    @property
    def source(self) -> str:
        """``guardduty`` for an AWS product; ``company/product`` for all others."""
        return self.name if self.is_aws else f"{self.company}/{self.name}"

    @property
    def trusted(self) -> bool:
        """Can its findings lead to a change?"""
        return self.is_aws and self.name in AWS_SOURCES

    def is_default_product_of(self, account: str) -> bool:
        """Is this the account's default product? Cordon reports under that one."""
        return (self.account, self.company, self.name) == (account, account, "default")


def product(field: Field, *spaces: str) -> Product:
    """The product in ``field``. ``spaces`` are the accepted ARN resource types."""
    arn = field.required(_ARN)
    parts = _ARN.pattern.fullmatch(arn)
    if parts is None or parts["space"] not in spaces:
        field.malformed("is not a product ARN of this format")
    return Product(
        field.path,
        arn,
        parts["partition"],
        parts["region"],
        parts["account"],
        parts["company"],
        parts["name"],
    )
