"""Where the template can be deployed: what a tool checks in each Region, and what only AWS says.

``make static`` runs cfn-lint over every Region that it has schemas of: a type that is missing in a
Region is an error there. Properties, runtimes and architectures by Region are in no schema.
"""

import json
from importlib.metadata import distribution
from pathlib import Path

import botocore
import pytest

from cordon.finding import PARTITIONS
from tests.architecture.stack import ROOT, raw, stack

# Not imported: with SymPy and NetworkX, cfn-lint takes a seventh of the time of all imports.
SCHEMAS = Path(str(distribution("cfn-lint").locate_file("cfnlint"))) / "data/schemas/providers"
# cfn-lint would take the schemas of us-east-1 for them, and say that all is well.
NOT_LINTED = {
    "me-south-1": "cfn-lint has no schemas of it",
    "me-west-1": "botocore names it, cfn-lint does not know it yet",
    "sa-west-1": "botocore names it, cfn-lint does not know it yet",
}
# What the template uses and AWS says is not available in a partition, with the page.
CHINA = "Getting Started with Amazon Web Services in China, Amazon Lambda"
GOVCLOUD = "AWS GovCloud (US) User Guide, AWS Lambda"
UNAVAILABLE = {
    ("aws-cn", "event source mapping metrics"): CHINA,
    ("aws-cn", "S3 as a destination"): CHINA,
    ("aws-us-gov", "JSON log format"): GOVCLOUD,
}


def regions() -> set[str]:
    """Of the partitions that findings are read of; botocore's list, without pseudo Regions."""
    data = Path(botocore.__file__).parent / "data" / "partitions.json"
    partitions = json.loads(data.read_text())["partitions"]
    assert {one["id"] for one in partitions} >= set(PARTITIONS)
    served = [one for one in partitions if one["id"] in PARTITIONS]
    return {name for one in served for name in one["regions"] if not name.endswith("-global")}


def linted() -> set[str]:
    return {schema.stem for schema in SCHEMAS.glob("*-*.json")}


def test_every_region_is_linted_or_left_out_with_its_reason() -> None:
    assert regions() - linted() == NOT_LINTED.keys()


def test_gate_lints_all_regions() -> None:
    gate = (ROOT / "Makefile").read_text().partition("\nstatic:")[2].partition("\n\n")[0]
    assert "cfn-lint --regions ALL_REGIONS -- template.yaml" in gate


@pytest.mark.parametrize("region", sorted(NOT_LINTED))
def test_guide_says_what_is_not_linted(region: str) -> None:
    assert f"`{region}`" in guide()


def guide() -> str:
    """The section of the operator's guide on deploying."""
    text = (ROOT / "docs" / "operating" / "deploying.md").read_text()
    return text.partition("\n## Deploy\n")[2].partition("\n## ")[0]


def used() -> dict[str, bool]:
    """Which of the doubtful features the template uses."""
    built = stack()
    mappings = [one.properties for one in built.of("AWS::Lambda::EventSourceMapping")]
    functions = [one.properties for one in built.of("AWS::Lambda::Function")]
    failed = [m["DestinationConfig"]["OnFailure"] for m in mappings if "DestinationConfig" in m]
    return {
        "event source mapping metrics": any("MetricsConfig" in one for one in mappings),
        "S3 as a destination": any(one["Destination"].startswith("arn:aws:s3:") for one in failed),
        "JSON log format": any(f["LoggingConfig"]["LogFormat"] == "JSON" for f in functions),
    }


@pytest.mark.parametrize(("partition", "feature"), sorted(UNAVAILABLE))
def test_guide_says_where_aws_does_not_have_what_we_use(partition: str, feature: str) -> None:
    """Once the template does without it, the line goes here and there."""
    assert used()[feature]
    (row,) = (line for line in guide().splitlines() if line.startswith(f"| `{partition}` |"))
    assert feature in row and UNAVAILABLE[partition, feature] in row


def test_architecture_is_said() -> None:
    function = raw()["Globals"]["Function"]
    assert f"`{function['Architectures'][0]}`" in guide()
    assert f"`{function['Runtime']}`" in guide()
