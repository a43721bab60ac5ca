"""What an account lists, where moto has no such call: what a test says is there, and no more.

Sources: the service models of ``guardduty``, ``securityhub``, ``bedrock``, ``bedrock-agent``,
``accessanalyzer``, ``detective`` and ``qbusiness``. All in one page.
"""

from collections.abc import Mapping
from typing import Any

from embedded.backends.registry import Params, Refusal, Response, Where, implements
from embedded.backends.securityhub import needs_hub

LISTED = "inventory"
LISTS = {  # operation → the member that has the items
    ("accessanalyzer", "ListAnalyzers"): "analyzers",
    ("bedrock", "ListGuardrails"): "guardrails",
    ("bedrock", "ListInferenceProfiles"): "inferenceProfileSummaries",
    ("detective", "ListGraphs"): "GraphList",
    ("detective", "ListInvitations"): "Invitations",
    ("guardduty", "ListMalwareProtectionPlans"): "MalwareProtectionPlans",
    ("qbusiness", "ListApplications"): "applications",
    ("securityhub", "GetEnabledStandards"): "StandardsSubscriptions",
}


def are_there(service: str, operation: str, where: Where, *items: Mapping[str, Any]) -> None:
    """The operation lists these items, in their service's shape."""
    where.table(LISTED)[service, operation] = [dict(one) for one in items]


def group_is_there(agent: str, group: Mapping[str, Any], where: Where) -> None:
    """The agent's draft has this action group, as ``AgentActionGroup`` is."""
    where.table(LISTED).setdefault(("groups", agent), {})[group["actionGroupId"]] = dict(group)


def _list(service: str, operation: str, member: str) -> None:
    @implements(service, operation)
    def listed(_: Params, where: Where) -> Response:
        if service == "securityhub":
            needs_hub(where)
        return {member: where.table(LISTED).get((service, operation), [])}


for (_service, _operation), _member in LISTS.items():
    _list(_service, _operation, _member)


@implements("bedrock-agent", "ListAgentActionGroups")
def list_agent_action_groups(params: Params, where: Where) -> Response:
    """Of the draft: no other version is made here."""
    names = ("actionGroupId", "actionGroupName", "actionGroupState", "updatedAt")
    groups = where.table(LISTED).get(("groups", params["agentId"]), {}).values()
    return {"actionGroupSummaries": [{name: one[name] for name in names} for one in groups]}


@implements("bedrock-agent", "GetAgentActionGroup")
def get_agent_action_group(params: Params, where: Where) -> Response:
    """One of the draft's."""
    groups = where.table(LISTED).get(("groups", params["agentId"]), {})
    if params["actionGroupId"] not in groups:
        raise Refusal("ResourceNotFoundException", f"there is no {params['actionGroupId']}")
    return {"agentActionGroup": groups[params["actionGroupId"]]}
