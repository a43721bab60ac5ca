"""The handler that the runtime loads in place of ``playbook.handler``."""

from importlib import import_module

import_module("recorded_moment")  # before any other code
handler = import_module("playbook").handler
