"""A playbook with the names that its resources have in template.yaml."""

from dataclasses import dataclass
from functools import cached_property

from console.logical_names import calls_parameter as calls_parameter
from console.logical_names import logical_name as logical_name
from console.logical_names import mode_parameter as mode_parameter
from console.triggers import Heard, Trigger, triggers
from cordon.playbook import Playbook
from cordon.sweeping.wanted import SOURCES


@dataclass(frozen=True)
class Block:
    """One playbook, as the template has it."""

    playbook: Playbook
    heard: Heard

    @property
    def name(self) -> str:
        """The playbook's name."""
        return self.playbook.name

    @property
    def logical(self) -> str:
        """The logical id of its function."""
        return logical_name(self.name)

    @property
    def role(self) -> str:
        """The logical id of its role."""
        return f"{self.logical}Role"

    @property
    def queue(self) -> str:
        """The logical id of its queue, which exists where ``bulk`` is not empty."""
        return f"{self.logical}BulkQueue"

    @property
    def mode_parameter(self) -> str:
        """The parameter with its mode where it is new."""
        return mode_parameter(self.name)

    @property
    def calls_parameter(self) -> str:
        """The parameter that switches its optional rule on."""
        return calls_parameter(self.name)

    @property
    def calls_condition(self) -> str:
        """Is that parameter "true"?"""
        return f"{self.logical}HearsCalls"

    @cached_property
    def triggers(self) -> tuple[Trigger, ...]:
        """Its rules."""
        return triggers(self.heard)

    @property
    def bulk(self) -> tuple[Trigger, ...]:
        """Those whose events pass by its queue."""
        return tuple(trigger for trigger in self.triggers if trigger.bulk)

    @property
    def swept(self) -> bool:
        """Has it a queue, and handles what Security Hub has copies of? A sweep sends it these."""
        kinds = (*self.playbook.handles, *self.playbook.handles_high)
        copied = any(kind.partition(":")[0] in SOURCES for kind in kinds)
        return bool(self.bulk) and (copied or self.playbook.handles_critical)

    def rule(self, trigger: Trigger) -> str:
        """The logical id of a rule."""
        return f"{self.logical}{trigger.name}"
