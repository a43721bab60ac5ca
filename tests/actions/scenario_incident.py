"""A case that people must hear of."""

from dataclasses import replace
from typing import Any

from cordon.actions.action import Undone
from cordon.actions.incident import OpenIncident
from cordon.clients import AwsClients
from embedded import backends
from tests.actions.scenario import PLACE, Scenario

backends.install()  # moto has no OpsItems; before any session is made, which is in the first test

TOPIC = PLACE.arn("sns", "cordon")
BUCKET = "arn:aws:s3:::training-data"
OPEN = OpenIncident(
    PLACE,
    dedup="0123456789abcdef",
    title="HIGH: A bucket became public",
    body="What happened: a bucket became public.\n\nTo do: close it.",
    severity="2",
    topic=TOPIC,
    resources=(BUCKET,),
)
QUIET = replace(OPEN, topic="")  # nobody listens: only the OpsItem


def prepare(aws: AwsClients) -> None:
    aws.client("sns").create_topic(Name="cordon")


def _open(aws: AwsClients) -> list[dict[str, Any]]:
    filters = [{"Key": "Status", "Values": ["Open"], "Operator": "Equal"}]
    found = aws.client("ssm").describe_ops_items(OpsItemFilters=filters)["OpsItemSummaries"]
    return list(found)


def read(aws: AwsClients) -> list[dict[str, str]]:
    """The incidents that are open: a closed one stays on the books for ever."""
    shown = ("Title", "Severity", "Source", "Category")
    return [{name: item[name] for name in shown} for item in _open(aws)]


def resolve(aws: AwsClients) -> None:
    """A person deals with it before the case is released."""
    for item in _open(aws):
        aws.client("ssm").update_ops_item(OpsItemId=item["OpsItemId"], Status="Resolved")


SCENARIOS = (
    Scenario(
        "told",
        OPEN,
        replace(OPEN, title="CRITICAL: A bucket became public", severity="1"),
        prepare=prepare,
        read=read,
        tamper=resolve,
        after_tamper=Undone.RESTORED,
    ),
    Scenario(
        "without-a-topic",
        QUIET,
        QUIET,
        prepare=prepare,
        read=read,
        tamper=resolve,
        after_tamper=Undone.RESTORED,
    ),
)
