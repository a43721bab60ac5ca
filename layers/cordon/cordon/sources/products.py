"""Which product wrote a finding, told by its ARN alone.

Anyone who may call BatchImportFindings can write any title, severity and resource, but only
under a product ARN of their own. AWS's products are those with no account in the ARN and the
company ``aws`` (Security Hub User Guide, "ProductArn"; OCSF: ``productv2``).
"""

import re
from dataclasses import dataclass

from cordon.finding import PARTITIONS
from cordon.sources.field import Field
from cordon.sources.shapes import Shape

# Only these may make us act.
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
    """A product ARN in its parts."""

    path: str
    arn: str
    partition: str
    region: str
    account: str
    company: str
    name: str

    @property
    def is_aws(self) -> bool:
        """An AWS product, not merely one called so."""
        return not self.account and self.company == "aws"

    @property
    def source(self) -> str:
        """``guardduty`` for AWS's own; ``company/product`` for all others."""
        return self.name if self.is_aws else f"{self.company}/{self.name}"

    @property
    def trusted(self) -> bool:
        """May its findings make us act?"""
        return self.is_aws and self.name in AWS_SOURCES

    def is_default_product_of(self, account: str) -> bool:
        """Is this the account's own default product, under which we report?"""
        return (self.account, self.company, self.name) == (account, account, "default")


def product(field: Field, *spaces: str) -> Product:
    """The product in ``field``; ``spaces`` are the resource types that count as a product."""
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
