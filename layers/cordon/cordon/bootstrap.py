"""The one place where real things are put together, once per invocation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cordon.actions import Action
from cordon.clients import AwsClients, clients_for
from cordon.deployment import Deployment
from cordon.evidence import Chain, Evidence
from cordon.memory.cases import Case, Cases
from cordon.memory.decisions import Decision, Decisions
from cordon.memory.holds import Holds
from cordon.memory.reported import Reported, ReportedRows
from cordon.memory.table import Table
from cordon.observed import ObservedBatch
from cordon.playbook import Playbook

# What a playbook's function must be given, beside what every function is.
NEEDS = (
    "CORDON_APPROVAL_HOURS",
    "CORDON_BREAK_GLASS",
    "CORDON_DENY",
    "CORDON_EVIDENCE_BUCKET",
    "CORDON_EVIDENCE_DAYS",
    "CORDON_EXTERNAL_ID",
    "CORDON_HOME_REGION",
    "CORDON_MEMBER_ROLE",
    "CORDON_ORGANIZATION",
    "CORDON_OTHER_REGIONS",
    "CORDON_OWN_ROLES",
    "CORDON_WORKFLOW",
)


@dataclass(frozen=True)
class Services:
    """A playbook with what it needs to respond to a finding."""

    playbook: Playbook
    deployment: Deployment
    cases: Cases
    holds: Holds
    decisions: Decisions
    reports: ReportedRows
    function_arn: str  # of the running function, for the workflows to call back
    lease_end: datetime  # when an attempt that begins in this invocation has surely ended
    batch: ObservedBatch | None = None  # of the queue: its new observed cases share evidence
    sweep: str = ""  # the name of the sweep that sent the finding; "": it came by itself

    def decision(self, case: str) -> Decision | None:
        """What people decided last of a case, in whatever round."""
        name = (self.playbook.name, case)
        return self.decisions.get([name]).get(name)

    def reported(self, case: str) -> Reported:
        """What people were last shown of a case."""
        name = (self.playbook.name, case)
        return self.reports.get([name])[name]

    def client(self, service: str) -> Any:
        """A client of our own account and Region."""
        return clients_for(self.deployment.account, self.deployment.region).client(service)

    def clients(self, account: str, region: str, case: str) -> AwsClients:
        """The clients of the account and Region where a case's resources are."""
        return clients_for(account, region, case)

    def aws(self, action: Action, case: Case) -> AwsClients:
        """The clients that an action of a case works with."""
        return self.clients(action.place.account, action.place.region, case.id)

    def evidence(self, case: Case) -> Evidence:
        """The evidence of a case, from where its row says the chain ends."""
        chain = Chain(case.playbook, case.finding.place.account, case.id)
        bucket = self.deployment.evidence_bucket
        batch = case.observed.key if case.observed else ""
        first = {"supports_evidence_for": list(self.playbook.controls)}
        return Evidence(self.client("s3"), bucket, chain, case.evidence_end, batch, first)


def bootstrap(playbook: Playbook, function_arn: str, lease_end: datetime) -> Services:
    """Everything for one invocation; clients are made on first use and kept between them."""
    deployment = Deployment.from_environment(needs=NEEDS)
    own = clients_for(deployment.account, deployment.region)
    table = Table(own.client("dynamodb"), deployment.table)
    days = deployment.evidence_days
    return Services(
        playbook=playbook,
        deployment=deployment,
        cases=Cases(table, playbook.name, days),
        holds=Holds(table),
        decisions=Decisions(table, days),
        reports=ReportedRows(table, days),
        function_arn=function_arn,
        lease_end=lease_end,
    )
