"""The policy on a resource as a setting: Cordon's statements are added, and taken out again.

written   ``{"policy": digest, "base": digest | None, "sids": [of Cordon's statements]}``, and
          ``"base_policy": text | None`` where a person has changed the base
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cordon.actions import policy_text
from cordon.actions.action import Json, Refused
from cordon.actions.policy_text import Statement
from cordon.actions.setting import Setting
from cordon.clients import AwsClients


@dataclass(frozen=True)
class ResourcePolicy(Setting):
    """Base of the actions that add statements to a resource's policy."""

    setting: ClassVar[str] = "policy"
    sids: ClassVar[tuple[str, ...]]  # all that Cordon's statements may have

    def capture(self, aws: AwsClients) -> Json:
        captured = super().capture(aws)
        try:
            policy_text.check(captured[self.setting])
        except policy_text.Unreadable as error:
            raise Refused(f"{self.resource}: its policy cannot be read ({error})") from error
        return captured

    def noted(self, text: str, base: str | None, added: Sequence[Statement]) -> dict[str, Any]:
        """What ``written`` keeps of a policy with these statements of ours."""
        return {self.setting: self.mark(text), "sids": policy_text.added_sids(base, added)}

    def without_ours(self, current: Any, base: Any) -> Any:
        return policy_text.unmerge(current, base, self.sids)

    def mark(self, setting: Any) -> Any:
        return policy_text.digest(setting)

    def equal(self, left: Any, right: Any) -> bool:
        return policy_text.equal(left, right)

    def not_written(self, current: Any, written: Json) -> str:
        return _differs(current, written["sids"])

    def difference(self, current: Any, wanted: Any) -> str:
        return _differs(current, policy_text.sids(wanted))

    def _noted_base(self, captured: Json, written: Json) -> Any:
        return written["base_policy"] if "base_policy" in written else captured[self.setting]

    def _changed_base(self, base: Any, captured: Json) -> dict[str, Any]:
        return {} if self.equal(base, captured[self.setting]) else {"base_policy": base}


@dataclass(frozen=True)
class DenyByPolicy(ResourcePolicy):
    """Base of those that add one statement, a deny, to the policy of a resource."""

    limit: ClassVar[int]  # characters of one policy
    advice: ClassVar[str]  # what a person does where ours has no room

    @property
    def statement(self) -> Statement:
        """The deny."""
        raise NotImplementedError

    def with_statement(self, base: str | None) -> str:
        """The policy with the deny. Raises Refused where it has no room."""
        merged = policy_text.merge(base, [self.statement])
        if len(merged) > self.limit:
            raise Refused(
                f"{self.resource}: its policy has {len(base or ''):,} characters, and with "
                f"Cordon's statement more than the {self.limit:,} that the service takes. "
                f"{self.advice}"
            )
        return merged

    def _write_with_ours(
        self, aws: AwsClients, base: Any, shown: Any, *, first: bool
    ) -> dict[str, Any]:
        text = self.with_statement(base)
        self.write(aws, text)
        return self.noted(text, base, [self.statement])


def _differs(current: Any, wanted: Sequence[str]) -> str:
    there = policy_text.sids(current)
    names = ", ".join(sid for sid in wanted if sid not in there) or "none"
    return f"the policy differs from the written one, missing statements: {names}"
