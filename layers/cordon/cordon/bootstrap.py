"""The one place where real things are wired together, once per invocation."""

from dataclasses import dataclass
from typing import Any

from cordon.cases import Case, Cases
from cordon.clients import clients_for
from cordon.engine import Engine
from cordon.evidence import Chain, Evidence
from cordon.holds import Holds
from cordon.playbook import Playbook
from cordon.settings import Deployment, Settings, load


@dataclass(frozen=True)
class Services:
    """A playbook with what it needs to answer a finding."""

    playbook: Playbook
    deployment: Deployment
    cases: Cases
    engine: Engine
    function_arn: str  # ARN of the running function, for the workflows to call back

    def client(self, service: str) -> Any:
        """A client of our own account and Region."""
        return clients_for(self.deployment.account, self.deployment.region).client(service)

    def settings(self) -> Settings:
        """What the operator decided, as of now."""
        return load(self.client("ssm"), self.deployment.parameters)

    def evidence(self, case: Case) -> Evidence:
        """The evidence of a case, from where its row says the chain ends."""
        return self.engine.evidence(case)


def bootstrap(playbook: Playbook, function: str) -> Services:
    """Everything for one invocation; clients are made on first use and kept between them."""
    deployment = Deployment.from_environment()
    own = clients_for(deployment.account, deployment.region)
    cases = Cases(own.client("dynamodb"), deployment.table)

    def evidence(case: Case) -> Evidence:
        chain = Chain(case.playbook, case.finding.place.account, case.id)
        return Evidence(own.client("s3"), deployment.evidence_bucket, chain, case.evidence_end)

    holds = Holds(own.client("dynamodb"), deployment.table)
    return Services(
        playbook, deployment, cases, Engine(cases, holds, clients_for, evidence), function
    )
