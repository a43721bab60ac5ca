"""Whether resources are as our Config rules want them: see ``cordon.assessing``."""

from cordon.assessing.handler import handler

__all__ = ["handler"]
