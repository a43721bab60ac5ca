"""What people see in an embedded account, and the reporter that brings it about."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from cordon.clients import AwsClients
from cordon.clock import now
from cordon.deployment import Deployment
from cordon.finding import HubReference
from cordon.memory.cases import Case, Cases
from cordon.memory.reported import Reported, ReportedRows
from cordon.memory.table import Table
from cordon.playbook import Playbook
from cordon.reporting.projection import Failed
from cordon.reporting.run import Reporter
from embedded import backends
from embedded.backends import hub
from tests.actions.scenario import PLACE, account, stub
from tests.examples import ESCALATE, QUARANTINE, TAG
from tests.make import DEPLOYMENT
from tests.memory.table import NAME, create

backends.install()  # before any session is made, which is in the first test

assert PLACE.account == DEFAULT_ACCOUNT_ID
TOPIC = PLACE.arn("sns", "cordon")
HERE = backends.here(PLACE.account, PLACE.region)
HOME = replace(DEPLOYMENT, account=PLACE.account, region=PLACE.region, topic=TOPIC, table=NAME)
PRODUCT = f"arn:aws:securityhub:{PLACE.region}::product/aws/guardduty"
ORIGINAL = HubReference("f", PRODUCT)
PLAYBOOKS: Mapping[str, Playbook] = {p.name: p for p in (QUARANTINE, TAG, ESCALATE)}


class People:
    """The places where people see cases, and the rows behind them."""

    def __init__(self, aws: AwsClients) -> None:
        self.aws = aws
        self.deployment: Deployment = HOME
        self.playbooks = PLAYBOOKS
        self.table = Table(aws.client("dynamodb"), NAME)
        self.events: list[dict[str, Any]] = []  # details, as they were put on the bus
        self.calls: list[str] = []  # operations of Security Hub and the bus, in order
        self.until: datetime | None = None
        for service, operation in (
            ("securityhub", "BatchImportFindings"),
            ("securityhub", "BatchUpdateFindings"),
            ("securityhub", "GetFindings"),
            ("ssm", "CreateOpsItem"),
            ("ssm", "UpdateOpsItem"),
            ("sns", "PublishBatch"),
            ("events", "PutEvents"),
        ):
            stub(aws, service, operation, partial(self._saw, operation))

    def _saw(self, operation: str, sent: Mapping[str, Any]) -> None:
        self.calls.append(operation)
        if operation == "PutEvents":
            self.events += [json.loads(entry["Detail"]) for entry in sent["Entries"]]

    def save(self, case: Case) -> Case:
        """Write the case's row, whatever it was before; the case with its new version."""
        cases = Cases(self.table, case.playbook)
        known = cases.get(case.id)
        if known is None:
            return cases.open(case)
        if known.plan_hash != case.plan_hash:
            return cases.open(replace(case, version=known.version), replacing=known)
        moved = replace(case, version=known.version, changed_at=known.changed_at)
        return cases.write(replace(moved, has_plan=known.has_plan))

    def report(self, *cases: Case, anew: bool = False, **more: Any) -> list[Failed]:
        names = [(case.playbook, case.id) for case in cases]
        return self.reporter().report(names, anew=anew, **more)

    def reporter(self) -> Reporter:
        until = self.until or now() + timedelta(minutes=1)
        return Reporter(self.playbooks, self.deployment, self.aws.client, until)

    def show(self, case: Case, **more: Any) -> Reported:
        """Save the case, report it, and what is said to have been shown then."""
        saved = self.save(case)
        assert self.report(saved, **more) == []
        return self.shown(saved)

    def shown(self, case: Case) -> Reported:
        name = (case.playbook, case.id)
        return ReportedRows(self.table).get([name])[name]

    def keep(self, case: Case, **changes: Any) -> None:
        """The row of what was shown says this instead, as after a fault."""
        before = self.shown(case)
        ReportedRows(self.table).save(case, before, replace(before, **changes))

    def own(self) -> list[dict[str, Any]]:
        """Our findings, as Security Hub has them."""
        return [f for f in self.findings() if f["ProductName"] == "Cordon"]

    def findings(self) -> list[dict[str, Any]]:
        return [dict(found) for found in hub.findings(HERE).values()]

    def original(self, id: str = ORIGINAL.id) -> dict[str, Any]:
        return dict(hub.findings(HERE)[PRODUCT, id])

    def items(self) -> list[dict[str, Any]]:
        """Every OpsItem, with its text."""
        ssm = self.aws.client("ssm")
        listed = ssm.describe_ops_items(OpsItemFilters=[])["OpsItemSummaries"]
        return [dict(ssm.get_ops_item(OpsItemId=i["OpsItemId"])["OpsItem"]) for i in listed]

    def messages(self) -> list[Any]:
        """What was published: (message id, message, subject, attributes, group)."""
        topics = sns_backends[PLACE.account][PLACE.region].topics
        return list(topics[TOPIC].sent_notifications)


@contextmanager
def people() -> Iterator[People]:
    """A new account with Security Hub, the topic and the table."""
    with account() as aws:
        aws.client("securityhub").enable_security_hub(EnableDefaultStandards=False)
        aws.client("sns").create_topic(Name="cordon")
        create(aws.client("dynamodb"))
        yield People(aws)


def original(**more: Any) -> dict[str, Any]:
    """GuardDuty's finding as Security Hub keeps it."""
    return {
        "SchemaVersion": "2018-10-08",
        "Id": ORIGINAL.id,
        "ProductArn": PRODUCT,
        "GeneratorId": "g",
        "AwsAccountId": PLACE.account,
        "Types": ["Effects/Data Exposure"],
        "CreatedAt": "2026-11-24T12:00:00Z",
        "UpdatedAt": "2026-11-24T12:00:00Z",
        "Severity": {"Label": "HIGH"},
        "Title": "A bucket became public",
        "Description": "Anybody can read it.",
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::training-data"}],
        **more,
    }


def store(**more: Any) -> None:
    """Security Hub has the original finding so, whatever it had before."""
    finding = original(**more)
    hub.findings(HERE).pop((finding["ProductArn"], finding["Id"]), None)
    hub.store(HERE, finding)
