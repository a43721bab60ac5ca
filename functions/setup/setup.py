"""What is made with the stack, and looked after from then on: see ``cordon.setting_up``."""

from cordon.setting_up.handler import handler

__all__ = ["handler"]
