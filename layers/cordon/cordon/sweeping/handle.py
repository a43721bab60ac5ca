"""The handler of ``sweep_findings``: the three commands of the workflow ``sweep``.

::

    {"do": "read", "sweep", "wanted", "began", "at"}   → {"at", "more"}
    {"do": "send", "sweep", "key", "last"}              → {"wait": false}, or true: nothing was sent
    {"do": "summarise", "sweep", "at"}                  → what became of the findings, counted

A command carries no authority: whatever it names, findings are read as Security Hub has them and
are sent as backlog.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from cordon.clients import AwsClients, clients_for
from cordon.deployment import Deployment
from cordon.errors import Malformed, RunIncomplete
from cordon.headers import headers
from cordon.memory import parts
from cordon.memory.table import Table
from cordon.playbook import Playbook
from cordon.sweeping.pages import Pages
from cordon.sweeping.reading import read
from cordon.sweeping.sending import Sender
from cordon.sweeping.wanted import Wanted, at_of, queries

# What its function must be given, beside what every function is.
NEEDS = (
    "CORDON_MEMBER_ROLE",
    "CORDON_OTHER_REGIONS",
    "CORDON_REPORTS_QUEUE",
    "CORDON_SWEEPS_BUCKET",
)
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


def serve(functions: Path) -> Handler:
    """The Lambda handler, with the headers of all playbooks below this folder."""
    playbooks, logger = headers(functions), Logger(service="sweep_findings")

    def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
        deployment = Deployment.from_environment(needs=NEEDS)
        own = clients_for(deployment.account, deployment.region)
        done = carry_out(event, playbooks, deployment, own)
        logger.info("done", extra={"do": event["do"], "sweep": event["sweep"], **done})
        return done

    return handle


def carry_out(
    event: Mapping[str, Any],
    playbooks: Mapping[str, Playbook],
    deployment: Deployment,
    own: AwsClients,
) -> dict[str, Any]:
    """One command. Raises Malformed, which nobody tries again, and RunIncomplete.

    The latter where a page found no room and will not wait for it any more.
    """
    pages = Pages(own.client("s3"), deployment.sweeps_bucket, str(event.get("sweep", "")))
    match event.get("do"):
        case "read":
            wanted = Wanted.of(event.get("wanted"))
            every = queries(wanted, playbooks.values(), deployment, str(event.get("began", "")))
            at = read(every, at_of(event.get("at") or {}), pages, own.client("securityhub"))
            return {"at": vars(at), "more": at.query < len(every)}
        case "send":
            page = pages.page_of(event.get("key"))
            table = Table(own.client("dynamodb"), deployment.table)
            queues = parts.read(table, deployment).bulk_queues
            sender = Sender(deployment, playbooks, queues, own.client("sqs"))
            counts = sender.send(pages.read(page), pages.sweep)
            if counts is None and event.get("last"):
                raise RunIncomplete("a queue has long held more than a sweep may add to")
            if counts is not None:
                pages.sent(page, counts)
            return {"wait": counts is None}
        case "summarise":
            at, total, sent = at_of(event.get("at") or {}), Counter[str](), 0
            for of_a_page in pages.counts():
                total.update(of_a_page)
                sent += 1
            left = {"pages": at.pages, "pages_not_sent": at.pages - sent}
            return {**left, "findings_read": at.findings, "counts": dict(sorted(total.items()))}
    raise Malformed("do", "must be read, send or summarise")
