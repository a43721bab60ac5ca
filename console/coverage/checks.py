"""The read-only calls that look at an account, one check each.

A check says *on*, *off*, *none* (there is nothing it could be on for) or *unknown*; nothing else is
concluded from it. Sources: the service models of botocore for what is required and returned; Amazon
GuardDuty API Reference, "GetDetector"; AWS Security Hub User Guide, "AI Security Best Practices
standard" (its ARN); Amazon CloudWatch API Reference, "ListMetrics" (what had data in two weeks);
Amazon Bedrock API Reference, "GetAgentActionGroup" (RETURN_CONTROL, requireConfirmation); IAM
Access Analyzer API Reference, "ListAnalyzers" (ACCOUNT and ORGANIZATION are those of external
access; an ACTIVE one generates findings); Amazon Inspector API Reference, "BatchGetAccountStatus";
Amazon Detective API Reference, "ListGraphs" (for its administrator) and "ListInvitations" (for a
member).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MOST_AGENTS = 50  # of which each action group is read: more are said, and not read
AI_STANDARD = ":standards/ai-security-best-practices/"
EXTERNAL_ACCESS = ("ACCOUNT", "ORGANIZATION")
CONFIRMS, RETURNS = "ENABLED", "RETURN_CONTROL"


class Saw(StrEnum):
    """What a check saw in the Region."""

    ON = "on"
    OFF = "off"
    NONE = "none"  # nothing is there that it could be on for
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Result:
    """What a check saw, and in a few words of ours what of it."""

    saw: Saw
    says: str = ""


@dataclass(frozen=True)
class Account:
    """The account as it is read: a call with the same arguments is made once."""

    client: Callable[[str], Any]
    id: str = ""  # of the caller's account: what a check wants that must name it
    _made: dict[Any, Mapping[str, Any]] = field(default_factory=dict)

    def get(self, service: str, operation: str, **given: Any) -> Mapping[str, Any]:
        """The response of one call."""
        key = (service, operation, *sorted(given.items()))
        if key not in self._made:
            self._made[key] = getattr(self.client(service), operation)(**given)
        return self._made[key]

    def each(self, service: str, operation: str, key: str, **given: Any) -> Iterator[Any]:
        """The items of every page, as they are needed."""
        token: dict[str, Any] = {}
        while True:
            page = self.get(service, operation, **given, **token)
            yield from page[key]
            name = next((one for one in ("nextToken", "NextToken") if page.get(one)), "")
            if not name:
                return
            token = {name: page[name]}


Look = Callable[[Account], Result]


@dataclass(frozen=True)
class Check:
    """One thing to look at."""

    title: str
    permissions: tuple[str, ...]  # IAM's names of its calls
    look: Look


def _there(service: str, operation: str, key: str, **given: Any) -> Look:
    """Is there at least one?"""

    def look(account: Account) -> Result:
        found = next(account.each(service, operation, key, **given), None)
        return Result(Saw.OFF if found is None else Saw.ON)

    return look


def _detector(account: Account) -> Result:
    found = _detectors(account)
    return _on(any(one["Status"] == "ENABLED" for one in found))


def _feature(name: str) -> Look:
    def look(account: Account) -> Result:
        return _on(
            any(
                one["Status"] == "ENABLED"
                and (feature["Name"], feature["Status"]) == (name, "ENABLED")
                for one in _detectors(account)
                for feature in one.get("Features", ())
            )
        )

    return look


def _detectors(account: Account) -> list[Mapping[str, Any]]:
    ids = account.each("guardduty", "list_detectors", "DetectorIds")
    return [account.get("guardduty", "get_detector", DetectorId=id) for id in ids]


def _malware_protection(account: Account) -> Result:
    plans = account.each("guardduty", "list_malware_protection_plans", "MalwareProtectionPlans")
    count = len(list(plans))
    return Result(Saw.ON, f"plans: {count}; other buckets are not scanned") if count else _on(False)


def _macie(account: Account) -> Result:
    return _on(account.get("macie2", "get_macie_session")["status"] == "ENABLED")


def _hub(account: Account) -> Result:
    return _on(bool(account.get("securityhub", "describe_hub")["HubArn"]))


def _ai_standard(account: Account) -> Result:
    enabled = account.each("securityhub", "get_enabled_standards", "StandardsSubscriptions")
    found = [one for one in enabled if AI_STANDARD in one["StandardsArn"]]
    return Result(Saw.ON if any(one["StandardsStatus"] == "READY" for one in found) else Saw.OFF)


def _recorder(account: Account) -> Result:
    found = account.get("config", "describe_configuration_recorder_status")
    return _on(any(one["recording"] for one in found["ConfigurationRecordersStatus"]))


def _trail(account: Account) -> Result:
    trails = account.get("cloudtrail", "describe_trails")["trailList"]
    status = (account.get("cloudtrail", "get_trail_status", Name=t["TrailARN"]) for t in trails)
    logs = any(one["IsLogging"] for one in status)
    return Result(Saw.ON, "which events it records was not looked at") if logs else _on(False)


def _analyzer(account: Account) -> Result:
    analyzers = account.each("accessanalyzer", "list_analyzers", "analyzers")
    found = [one["status"] for one in analyzers if one["type"] in EXTERNAL_ACCESS]
    return _on("ACTIVE" in found)


def _inspector_of_images(account: Account) -> Result:
    said = account.get("inspector2", "batch_get_account_status", accountIds=(account.id,))
    found = next(iter(said["accounts"]), None)
    if found is None:
        return Result(Saw.UNKNOWN, "Amazon Inspector says nothing of the account")
    return _on(found["resourceState"]["ecr"]["status"] == "ENABLED")


def _detective(account: Account) -> Result:
    if any(account.each("detective", "list_graphs", "GraphList")):
        return Result(Saw.ON, "as its administrator")
    invited = account.each("detective", "list_invitations", "Invitations")
    is_member = any(one.get("Status") == "ENABLED" for one in invited)
    return Result(Saw.ON, "as a member") if is_member else _on(False)


def _invocation_logging(account: Account) -> Result:
    found = account.get("bedrock", "get_model_invocation_logging_configuration")
    return _on(bool(found.get("loggingConfig")))


def _gateways(account: Account) -> list[Mapping[str, Any]]:
    service, operation = "bedrock-agentcore-control", "list_gateways"
    ids = [one["gatewayId"] for one in account.each(service, operation, "items")]
    return [account.get(service, "get_gateway", gatewayIdentifier=id) for id in ids]


def _every_gateway(holds: Callable[[Mapping[str, Any]], bool]) -> Look:
    def look(account: Account) -> Result:
        gateways = _gateways(account)
        without = sum(not holds(one) for one in gateways)
        says = f"{without} of {len(gateways)} gateways without" if without else ""
        return Result(Saw.OFF if without else Saw.ON, says) if gateways else Result(Saw.NONE)

    return look


def _authorizes(gateway: Mapping[str, Any]) -> bool:
    return bool(gateway.get("authorizerType", "NONE") != "NONE")


def _has_policies(gateway: Mapping[str, Any]) -> bool:
    return bool(gateway.get("policyEngineConfiguration", {}).get("mode") == "ENFORCE")


def _agents(how: str) -> Look:
    """Is there an agent whose draft is so? A draft is not always what an alias serves."""

    def look(account: Account) -> Result:
        agents = list(account.each("bedrock-agent", "list_agents", "agentSummaries"))
        found = {_agency(account, one["agentId"]) for one in agents[:MOST_AGENTS]}
        if how in found:
            return Result(Saw.ON, "by a draft")
        more = len(agents) - MOST_AGENTS
        return Result(Saw.UNKNOWN, f"{more} more agents were not read") if more > 0 else _on(False)

    return look


def _agency(account: Account, agent: str) -> str:
    """``reads``, ``confirmed`` or ``does``: what an agent's draft may do without a person."""
    draft = {"agentId": agent, "agentVersion": "DRAFT"}
    listed = account.each(
        "bedrock-agent", "list_agent_action_groups", "actionGroupSummaries", **draft
    )
    ids = [one["actionGroupId"] for one in listed if one["actionGroupState"] == "ENABLED"]
    groups = [
        account.get("bedrock-agent", "get_agent_action_group", **draft, actionGroupId=id)
        for id in ids
    ]
    if not groups:
        return "reads"
    return "confirmed" if all(_is_confirmed(one["agentActionGroup"]) for one in groups) else "does"


def _is_confirmed(group: Mapping[str, Any]) -> bool:
    """Control is returned to the application, or each function is confirmed by its user."""
    if group.get("actionGroupExecutor", {}).get("customControl") == RETURNS:
        return True
    functions = group.get("functionSchema", {}).get("functions", ())
    confirmed = [one.get("requireConfirmation") for one in functions]
    return bool(confirmed) and set(confirmed) == {CONFIRMS}


def _on(is_on: bool) -> Result:
    return Result(Saw.ON if is_on else Saw.OFF)


_DETECTOR = ("guardduty:ListDetectors", "guardduty:GetDetector")
_GATEWAY = ("bedrock-agentcore:ListGateways", "bedrock-agentcore:GetGateway")
_AGENTS = ("bedrock:ListAgents", "bedrock:ListAgentActionGroups", "bedrock:GetAgentActionGroup")
_AGENTCORE = "bedrock-agentcore-control"
CHECKS: Mapping[str, Check] = {
    "detector": Check("GuardDuty", _DETECTOR, _detector),
    "ai_protection": Check("GuardDuty AI Protection", _DETECTOR, _feature("AI_PROTECTION")),
    "s3_protection": Check("GuardDuty S3 Protection", _DETECTOR, _feature("S3_DATA_EVENTS")),
    "malware_protection": Check(
        "Malware Protection for S3", ("guardduty:ListMalwareProtectionPlans",), _malware_protection
    ),
    "macie": Check("Macie", ("macie2:GetMacieSession",), _macie),
    "security_hub": Check("Security Hub CSPM", ("securityhub:DescribeHub",), _hub),
    "ai_standard": Check(
        "AI Security Best Practices standard", ("securityhub:GetEnabledStandards",), _ai_standard
    ),
    "config_recorder": Check(
        "Config's recorder", ("config:DescribeConfigurationRecorderStatus",), _recorder
    ),
    "trail_logging": Check(
        "a trail", ("cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus"), _trail
    ),
    "inspector_of_images": Check(
        "Amazon Inspector of ECR", ("inspector2:BatchGetAccountStatus",), _inspector_of_images
    ),
    "access_analyzer": Check(
        "IAM Access Analyzer of external access", ("access-analyzer:ListAnalyzers",), _analyzer
    ),
    "detective": Check(
        "Detective", ("detective:ListGraphs", "detective:ListInvitations"), _detective
    ),
    "guardrails": Check(
        "a guardrail",
        ("bedrock:ListGuardrails",),
        _there("bedrock", "list_guardrails", "guardrails"),
    ),
    "enforced_guardrail": Check(
        "a guardrail enforced on every call",
        ("bedrock:ListEnforcedGuardrailsConfiguration",),
        _there("bedrock", "list_enforced_guardrails_configuration", "guardrailsConfig"),
    ),
    "invocation_logging": Check(
        "model invocation logging",
        ("bedrock:GetModelInvocationLoggingConfiguration",),
        _invocation_logging,
    ),
    "model_invocations": Check(
        "models of Bedrock were invoked in two weeks",
        ("cloudwatch:ListMetrics",),
        _there(
            "cloudwatch",
            "list_metrics",
            "Metrics",
            Namespace="AWS/Bedrock",
            MetricName="Invocations",
        ),
    ),
    "bedrock_agents": Check(
        "Bedrock agents",
        ("bedrock:ListAgents",),
        _there("bedrock-agent", "list_agents", "agentSummaries"),
    ),
    "knowledge_bases": Check(
        "knowledge bases",
        ("bedrock:ListKnowledgeBases",),
        _there("bedrock-agent", "list_knowledge_bases", "knowledgeBaseSummaries"),
    ),
    "agent_runtimes": Check(
        "AgentCore runtimes",
        ("bedrock-agentcore:ListAgentRuntimes",),
        _there(_AGENTCORE, "list_agent_runtimes", "agentRuntimes"),
    ),
    "gateways": Check(
        "AgentCore gateways",
        ("bedrock-agentcore:ListGateways",),
        _there(_AGENTCORE, "list_gateways", "items"),
    ),
    "gateways_authorize": Check(
        "every gateway authorizes its callers", _GATEWAY, _every_gateway(_authorizes)
    ),
    "gateways_have_policies": Check(
        "every gateway enforces policies on its tools", _GATEWAY, _every_gateway(_has_policies)
    ),
    "agents_without_actions": Check("Bedrock agents without actions", _AGENTS, _agents("reads")),
    "agents_confirmed": Check(
        "Bedrock agents whose actions a person confirms", _AGENTS, _agents("confirmed")
    ),
    "agents_not_confirmed": Check(
        "Bedrock agents whose actions nobody confirms", _AGENTS, _agents("does")
    ),
    "custom_models": Check(
        "custom models of Bedrock",
        ("bedrock:ListCustomModels",),
        _there("bedrock", "list_custom_models", "modelSummaries"),
    ),
    "customization_jobs": Check(
        "customization jobs",
        ("bedrock:ListModelCustomizationJobs",),
        _there("bedrock", "list_model_customization_jobs", "modelCustomizationJobSummaries"),
    ),
    "training_jobs": Check(
        "training jobs of SageMaker",
        ("sagemaker:ListTrainingJobs",),
        _there("sagemaker", "list_training_jobs", "TrainingJobSummaries"),
    ),
    "imported_models": Check(
        "imported models",
        ("bedrock:ListImportedModels",),
        _there("bedrock", "list_imported_models", "modelSummaries"),
    ),
    "amazon_q_business": Check(
        "Amazon Q Business",
        ("qbusiness:ListApplications",),
        _there("qbusiness", "list_applications", "applications"),
    ),
}
