"""Copies of the running process: what happens in one changes nothing in another.

A run cannot be put back to the middle of a call. So each death is a copy of one run, from where it
dies; where a whole run is wanted again, an account is entered anew.
"""

import gc
import os
import pickle
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import pytest


class Failed(BaseException):
    """What went wrong in a copy, as text. Not an Exception: no handler under test swallows it."""


def fork() -> tuple[int, int]:
    """In the copy: 0 and where its result goes; in the original: its process id and the same."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # the copy's collector then does not touch our pages
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # no other thread holds a lock here
        process = os.fork()
    if process == 0:
        gc.disable()  # a copy is too short-lived to collect, and to collect copies every page
    os.close(reader if process == 0 else writer)
    return process, writer if process == 0 else reader


def send_result(writer: int, work: Callable[[], Any]) -> NoReturn:
    """In a copy: do the work, send what it gives, and end the copy."""
    try:
        given = (True, work())
    except BaseException as error:  # noqa: BLE001 it is raised again in the original
        shown = pytest.ExceptionInfo.from_exception(error).getrepr(style="short", chain=False)
        given = (False, str(shown))
    with os.fdopen(writer, "wb") as stream:
        pickle.dump(given, stream)
    os._exit(0)


def wait(process: int, reader: int) -> Any:
    """In the original: what the copy sent. Raises Failed where it failed."""
    with os.fdopen(reader, "rb") as stream:
        sent = stream.read()
    os.waitpid(process, 0)
    done, given = pickle.loads(sent) if sent else (False, "the copy died without a word")
    if not done:
        raise Failed(given)
    return given
