"""What the runtime is told to load in place of ``playbook.handler``."""

from importlib import import_module

import_module("recorded_moment")  # first of all
handler = import_module("playbook").handler
