"""Pause an agent, its gateway, its memory or its knowledge base.

When    a person names the agent by its ARN; where a parameter says so, an API call has changed
        what an AgentCore runtime, gateway or memory, or a Bedrock agent, may do.
Does    a runtime, gateway or memory: a statement in its own policy denies its use to everybody. A
        Bedrock agent: its aliases reject invocations, or the one that was named does. A managed
        knowledge base that was named: its policy denies everybody to read it. A role that
        was named, an agent's execution role: it is denied models, tools and memories. People get
        an incident.
Undo    the policy to the byte, the aliases' states as captured, the role without the deny; an
        alias keeps what a person changed.
Leaves  sessions that run, an agent's role that nobody has named, its draft; a harness, browser or
        code interpreter.
"""

from dataclasses import replace

from cordon import by_arn
from cordon.actions import Action
from cordon.actions.agent_aliases import AGENT_ID, EVERY, TEST_ALIAS, RejectAgentInvocations
from cordon.actions.agent_core import DenyAgentAccess, is_pausable
from cordon.actions.deny_policy import AGENT_TOOLS, DenyAgentToolsToRole
from cordon.actions.knowledge_bases import ID as BASE_ID
from cordon.actions.knowledge_bases import DenyKnowledgeBase
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding, Resource, ResourceRole
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode
from cordon.unsupported import ROLE, revocable_principals

AGENT, ALIAS = "AWS::Bedrock::Agent", "AWS::Bedrock::AgentAlias"
AGENT_CORE = (
    "AWS::BedrockAgentCore::Runtime",
    "AWS::BedrockAgentCore::Gateway",
    "AWS::BedrockAgentCore::Memory",
)
BASE = "AWS::Bedrock::KnowledgeBase"
ENDPOINT, OF_RUNTIME = "AWS::BedrockAgentCore::RuntimeEndpoint", "/runtime-endpoint/"
# Each gives an agent another policy, tool, code, model or source. So does every deployment of it.
CHANGED_AGENTS = (
    "cloudtrail:bedrock-agentcore:PutResourcePolicy",
    "cloudtrail:bedrock-agentcore:UpdateGateway",
    "cloudtrail:bedrock-agentcore:UpdateAgentRuntime",
    "cloudtrail:bedrock-agentcore:CreateGatewayTarget",
    "cloudtrail:bedrock-agentcore:UpdateGatewayTarget",
    "cloudtrail:bedrock:CreateAgentActionGroup",
    "cloudtrail:bedrock:UpdateAgentActionGroup",
    "cloudtrail:bedrock:UpdateAgent",
    "cloudtrail:bedrock:AssociateAgentKnowledgeBase",
)

PAUSED = (
    "What is paused takes no new work. Find in CloudTrail who changed it and what its policy, "
    "tools, code and role are now, and correct that before the release. "
)
SESSIONS = (
    "Sessions that run go on, and AgentCore lists none: end each whose id your application or its "
    "logs know, by aws bedrock-agentcore stop-runtime-session --agent-runtime-arn ARN "
    "--runtime-session-id ID. The others end by the runtime's own limits (idle time, longest). "
    "To cut them off from models and tools, contain the runtime's role too (roleArn of "
    "get-agent-runtime): cordon contain ROLE --playbook pause_agent. A harness, a managed browser "
    "and a code interpreter are reached by their callers' roles alone. "
)
CALLS = "A call that a target of the gateway carries out goes on. "
RECORDS = "Events and records of the memory can still be listed, and read by their ids. "
ALIASES = (
    "An invocation that runs goes on. The agent's draft (TSTALIASID) and inline agents can still "
    "be invoked. To stop the draft and what runs, contain the agent's role too "
    "(agentResourceRoleArn of get-agent): cordon contain ROLE --playbook pause_agent. "
)
OF_ROLE = (
    "Whatever else works with this role is denied the same. Sessions that run keep it, and do what "
    "it still allows: pause the agent itself too, by its ARN. "
)
OF_BASE = (
    "What was retrieved from it before stays with whoever has it. Find what was put into its data "
    "sources, and by whom; correct that, and ingest anew, before the release. "
)
ADVICE = {
    "AWS::BedrockAgentCore::Runtime": SESSIONS,
    "AWS::BedrockAgentCore::Gateway": CALLS,
    "AWS::BedrockAgentCore::Memory": RECORDS,
    AGENT: ALIASES,
    ALIAS: ALIASES,
    BASE: OF_BASE,
    ROLE: OF_ROLE,
}


def targets(finding: Finding) -> tuple[Resource, ...]:
    """The finding's agents, by valid ARN or id, in its own account; of an endpoint its runtime.

    A role or a knowledge base only where a person named it: the role of an API call is its caller,
    and that an agent was given a knowledge base says nothing of what is in that.
    """
    if finding.source == by_arn.SOURCE and finding.principal is not None:
        return tuple(one for one in revocable_principals(finding) if one.type == ROLE)
    by_a_person = finding.source == by_arn.SOURCE
    types = (*AGENT_CORE, AGENT, ALIAS, *((BASE,) if by_a_person else ()))
    named = [_agent(one) for one in finding.resources if one.role is ResourceRole.TARGET]
    return tuple(
        dict.fromkeys(
            one
            for one in named
            if one.type in types and one.place.account == finding.place.account and _is_valid(one)
        )
    )


def _agent(resource: Resource) -> Resource:
    if resource.type != ENDPOINT:
        return resource
    runtime, name = resource.arn.partition(OF_RUNTIME)[0], resource.name.partition("/")[0]
    return replace(resource, type=AGENT_CORE[0], name=name, arn=runtime)


def _is_valid(resource: Resource) -> bool:
    if resource.type in AGENT_CORE:
        return is_pausable(resource.arn)
    if resource.type == BASE:
        return BASE_ID.fullmatch(resource.name) is not None
    agent, _, alias = resource.name.partition("/")
    ids = (agent, alias) if resource.type == ALIAS else (resource.name,)
    return alias != TEST_ALIAS and all(AGENT_ID.fullmatch(one) for one in ids)


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """One change of each."""
    return [_pause(resource, deployment) for resource in targets(finding)]


def _pause(resource: Resource, deployment: Deployment) -> Action:
    place = resource.place
    if resource.type == ROLE:
        policy = deployment.deny_policy(AGENT_TOOLS.name, place.partition, place.account)
        return DenyAgentToolsToRole(place, policy, resource.name)
    if resource.type in AGENT_CORE:
        return DenyAgentAccess(place, resource.arn)
    if resource.type == BASE:
        return DenyKnowledgeBase(place, resource.name)
    agent, _, alias = resource.name.partition("/")
    return RejectAgentInvocations(place, agent, (alias or EVERY,))


def manual_step(finding: Finding) -> str:
    """How to end what runs, and what is not reached, by what is paused."""
    kinds = {resource.type for resource in targets(finding)}
    advice = dict.fromkeys(ADVICE[kind] for kind in ADVICE if kind in kinds)
    return "".join((PAUSED, *advice)).strip()


PLAYBOOK = Playbook(
    name="pause_agent",
    handles=(),
    optional=CHANGED_AGENTS,
    targets=targets,
    plan=plan,
    actions=(DenyAgentAccess, RejectAgentInvocations, DenyAgentToolsToRole, DenyKnowledgeBase),
    controls=(
        "NIST.800-53.r5 AC-3",
        "NIST.800-53.r5 AC-6",
        "NIST.800-53.r5 IR-4(1)",
        "ISO/IEC 27001:2022 A.5.26",
        "SOC 2 CC7.4",
        "HIPAA 164.308(a)(6)(ii)",
        "GDPR Art. 32",
        "PCI DSS v4.0.1 12.10.1",
    ),
    defence_layer="application protection",
    serves=Serves.SECURITY,
    recommended_mode=Mode.APPROVE,
    manual_step=manual_step,
    incident=Incident.ALWAYS,
    by_arn=(*AGENT_CORE, AGENT, ALIAS, BASE, ROLE),
)

handler = serve(PLAYBOOK)
