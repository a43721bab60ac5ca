"""The rules that bring a playbook its findings: the coarse gate, from the exact one's header."""

from console.triggers.heard import Heard, heard_by
from console.triggers.rules import Trigger, triggers

__all__ = ["Heard", "Trigger", "heard_by", "triggers"]
