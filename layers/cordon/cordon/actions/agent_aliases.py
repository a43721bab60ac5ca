"""Pause a Bedrock agent: its aliases reject invocations.

An alias in ``REJECT_INVOCATIONS`` is paused, and runs again in ``ACCEPT_INVOCATIONS``.
``UpdateAgentAlias`` replaces the alias: name, description and routing are passed as they are read
just before. An alias without a version is left as it is: an update without a routing could make a
version. Sources: Amazon Bedrock API Reference, "UpdateAgentAlias", "ListAgentAliases",
"AgentAlias".

No alias, and so not reached: the working draft by ``TSTALIASID``, which cannot be updated, and
``InvokeInlineAgent``.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon import clock
from cordon.actions.action import (
    Action,
    Json,
    NotVerified,
    NotYet,
    Refused,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.actions.grants import STATE, Grant, Statement
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather

ACCEPT, REJECT = "ACCEPT_INVOCATIONS", "REJECT_INVOCATIONS"
DELETED = ""  # of an alias after an undo: it is not there, or has no version
EVERY = "*"  # of the aliases: those that it has, also later
TEST_ALIAS = "TSTALIASID"
AGENT_ID = re.compile(r"[0-9a-zA-Z]{10}")
CHANGES = timedelta(minutes=1)  # AWS names no time in which an update of an alias is done
IN_CHANGE = ("CREATING", "UPDATING")
KEPT = ("agentAliasName", "description", "routingConfiguration", "aliasInvocationState")

AGENTS = "arn:${AWS::Partition}:bedrock:*:${AWS::AccountId}:agent/*"
ALIASES = "arn:${AWS::Partition}:bedrock:*:${AWS::AccountId}:agent-alias/*"
READ_AGENTS = Statement(
    "ReadAgents", AGENTS, STATE, wide="people and events name any agent, in any Region"
)
PAUSE_ALIASES = Statement(
    "PauseAliases",
    ALIASES,
    "whether an alias accepts invocations",
    wide="people and events name any agent, in any Region",
)

Alias = Mapping[str, Any]  # as ListAgentAliases has it


@dataclass(frozen=True)
class RejectAgentInvocations(Action):
    """Let aliases of an agent reject invocations: those named, or every one.

    captured  ``{"aliases": {id: {name in the API: value}}, "role": the ARN of its service role}``
    written   ``{"aliases": {id: state}, "role": …}``: what Cordon has set each alias to
    """

    agent: str
    aliases: tuple[str, ...]

    family: ClassVar[str] = "agent"
    grants: ClassVar[tuple[Grant, ...]] = (
        READ_AGENTS.allows("bedrock:GetAgent", "bedrock:ListAgentAliases"),
        PAUSE_ALIASES.allows("bedrock:UpdateAgentAlias"),
    )

    def __post_init__(self) -> None:
        """Normalise the aliases, so that equal actions have equal hashes."""
        if not AGENT_ID.fullmatch(self.agent):
            raise ValueError(f"agent: not the id of an agent: {self.agent[:20]!r}")
        wrong = [a for a in self.aliases if a != EVERY and not AGENT_ID.fullmatch(a)]
        if not self.aliases or wrong or TEST_ALIAS in self.aliases:
            raise ValueError(f"aliases: not ids of aliases: {self.aliases!r}")
        every = EVERY in self.aliases
        object.__setattr__(self, "aliases", (EVERY,) if every else tuple(sorted({*self.aliases})))

    @property
    def target(self) -> str:
        return f"agent-aliases:{self.place.account}:{self.place.region}:{self.agent}"

    @property
    def resource(self) -> str:
        """The alias where it is one; else the agent."""
        if self.aliases == (EVERY,) or len(self.aliases) > 1:
            return self.place.arn("bedrock", f"agent/{self.agent}")
        return self.place.arn("bedrock", f"agent-alias/{self.agent}/{self.aliases[0]}")

    @property
    def in_words(self) -> str:
        if self.aliases == (EVERY,):
            return "lets every alias of the agent reject invocations"
        return f"lets the alias {', '.join(self.aliases)} of the agent reject invocations"

    @property
    def shuts_out(self) -> str:
        return "everybody who invokes the agent by such an alias"

    @property
    def caution(self) -> str:
        return (
            "an invocation that runs goes on until it ends; the working draft (TSTALIASID) and "
            "inline agents cannot be paused so: only a deny on the agent's role reaches them"
        )

    def combine(self, other: Self) -> Self:
        return replace(self, aliases=(*self.aliases, *other.aliases))

    def capture(self, aws: AwsClients) -> Json:
        listed, role = gather(partial(self._listed, aws), partial(self._role, aws))
        self._require_there(listed)
        if not self._wanted(listed):
            raise Refused(
                f"{self.resource} has no alias with a version: there is none to pause. Its working "
                f"draft is reached by a deny on its role alone, {role}"
            )
        kept = {a: {k: one[k] for k in KEPT if k in one} for a, one in sorted(listed.items())}
        return {"aliases": kept, "role": role}

    def is_as_captured(self, aws: AwsClients, captured: Json) -> bool:
        return _states(self._listed(aws)) == _states(captured["aliases"])

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        """Where nothing is noted, an alias that is not as captured is as a dead attempt left it."""
        listed = self._listed(aws) if current is None else current["aliases"]
        self._require_there(listed)
        states = {a: s for a, s in _states(listed).items() if s != _base(captured, a)}
        before = states if written is None else written["aliases"]
        wanted = dict.fromkeys(self._wanted(listed), REJECT)
        back = {alias: _base(captured, alias) for alias in before.keys() - wanted.keys()}
        done = self._set_each(aws, listed, {**back, **wanted})
        self._require_there(listed.keys() - (wanted.keys() - done.keys()))
        return {"aliases": done, "role": captured["role"]}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        listed = self._listed(aws)
        self._require_there(listed)
        wanted = dict.fromkeys(self._wanted(listed), REJECT)
        self._require_shown(listed, {**written["aliases"], **wanted})

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            listed = self._listed(aws)
            self._require_there(listed)
        except ResourceDeleted as deleted:
            return UndoResult(Undone.RESOURCE_DELETED, str(deleted))
        ours = {alias: _base(captured, alias) for alias in written["aliases"]}
        accepting = {alias: ACCEPT for alias, state in ours.items() if state == ACCEPT}
        left = self._set_each(aws, listed, accepting)
        reasons = [
            f"alias {alias} was deleted, or has no version any more: it was not restored"
            for alias in sorted(accepting.keys() - left.keys())
        ]
        reasons += [
            f"a person let alias {alias} accept invocations: it was not changed"
            for alias, state in sorted(ours.items())
            if state == REJECT and alias in listed and _state(listed[alias]) == ACCEPT
        ]
        ended = Undone.DRIFTED if reasons else Undone.RESTORED
        missing = dict.fromkeys(accepting.keys() - left.keys(), DELETED)
        return UndoResult(ended, "; ".join(reasons), {"aliases": {**left, **missing}})

    def verify_undone(self, aws: AwsClients, left: Json) -> None:
        listed, ours = self._listed(aws), left["aliases"]
        for alias in sorted(a for a in ours if ours[a] == DELETED):
            if listed.get(alias, {}).get("routingConfiguration"):
                raise NotVerified(f"alias {alias} is there, and was not restored")
        self._require_shown(listed, {a: state for a, state in ours.items() if state != DELETED})

    def unnoted(self, aws: AwsClients, captured: Json, written: Json) -> Json | None:
        listed, noted = self._listed(aws), written["aliases"]
        ours = listed if self.aliases == (EVERY,) else listed.keys() & {*self.aliases}
        rejecting = {a for a in ours if _state(listed[a]) == REJECT and a not in noted}
        found = [alias for alias in rejecting if _base(captured, alias) == ACCEPT]
        return {**written, "aliases": {**noted, **dict.fromkeys(found, REJECT)}} if found else None

    def note(self, written: Json) -> str:
        return (
            "the working draft can still be invoked: to stop that and what runs, contain its role "
            f"{written['role']} too"
        )

    def _require_there(self, listed: Collection[str]) -> None:
        """Raises ResourceDeleted where an alias of the plan is none of these."""
        missing = [alias for alias in self.aliases if alias != EVERY and alias not in listed]
        if missing:
            names = ", ".join(missing)
            raise ResourceDeleted(f"alias {names} of agent {self.agent} no longer exists")

    def _wanted(self, listed: Mapping[str, Alias]) -> list[str]:
        """The aliases that must reject. One without a version serves nobody."""
        chosen = listed if self.aliases == (EVERY,) else self.aliases
        return [alias for alias in chosen if listed[alias].get("routingConfiguration")]

    def _require_shown(self, listed: Mapping[str, Alias], expected: Mapping[str, str]) -> None:
        """Raises NotVerified, or NotYet while AWS changes an alias."""
        for alias in sorted(expected.keys() & listed.keys()):
            shown = _state(listed[alias])
            if shown != expected[alias]:
                raise NotVerified(f"alias {alias} is in {shown}, not in {expected[alias]}")
            if listed[alias]["agentAliasStatus"] in IN_CHANGE:
                raise _in_change(alias)

    def _set_each(
        self, aws: AwsClients, listed: Mapping[str, Alias], states: Mapping[str, str]
    ) -> dict[str, str]:
        """Set each alias that exists, with its version. Returns what they were set to.

        One after the other: AWS does not say whether two aliases of an agent change at once.
        """
        able = [a for a in sorted(states) if listed.get(a, {}).get("routingConfiguration")]
        return {a: states[a] for a in able if self._set(aws, a, listed[a], states[a])}

    def _set(self, aws: AwsClients, alias: str, shown: Alias, state: str) -> bool:
        """False if the alias is deleted."""
        kept = {k: shown[k] for k in KEPT if k in shown}
        try:
            aws.client("bedrock-agent").update_agent_alias(
                agentId=self.agent,
                agentAliasId=alias,
                **{**kept, "aliasInvocationState": state},
            )
        except ClientError as error:
            if error_code(error) == "ConflictException":
                raise _in_change(alias) from error
            if error_code(error) != "ResourceNotFoundException":
                raise
            return False
        return True

    def _listed(self, aws: AwsClients) -> dict[str, Alias]:
        """The aliases by id, but for the one of the working draft."""
        pages = aws.client("bedrock-agent").get_paginator("list_agent_aliases")
        try:
            found = [
                a for p in pages.paginate(agentId=self.agent) for a in p["agentAliasSummaries"]
            ]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise ResourceDeleted(f"{self.resource} no longer exists") from error
            raise
        return {str(a["agentAliasId"]): a for a in found if a["agentAliasId"] != TEST_ALIAS}

    def _role(self, aws: AwsClients) -> str:
        try:
            agent = aws.client("bedrock-agent").get_agent(agentId=self.agent)["agent"]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise ResourceDeleted(f"{self.resource} no longer exists") from error
            raise
        return str(agent["agentResourceRoleArn"])


def _state(alias: Alias) -> str:
    return str(alias.get("aliasInvocationState", ACCEPT))


def _states(listed: Mapping[str, Alias]) -> dict[str, str]:
    return {alias: _state(one) for alias, one in sorted(listed.items())}


def _base(captured: Json, alias: str) -> str:
    """The alias without Cordon: one that came later was accepting."""
    return _state(captured["aliases"].get(alias, {}))


def _in_change(alias: str) -> NotYet:
    return NotYet(clock.now() + CHANGES, f"AWS is changing alias {alias}")
