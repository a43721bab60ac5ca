"""The handler that the runtime loads in place of the function's own, which it calls."""

import os
from importlib import import_module

import_module("recorded_moment")  # before any other code
handler = import_module(os.environ["BENCH_HANDLER"].rpartition(".")[0]).handler
