"""``python -m console``: the ``cordon`` command, in a checkout that nobody has installed."""

import locale
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "layers" / "cordon"), str(ROOT / "functions"), str(ROOT)]

if not sys.flags.utf8_mode and locale.getencoding().lower() != "utf-8":  # as our files are
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
for stream in filter(None, (sys.stdout, sys.stderr)):  # PYTHONIOENCODING may still say another
    stream.reconfigure(errors="backslashreplace")
interrupted = signal.getsignal(signal.SIGINT)
if interrupted is signal.default_int_handler:  # until typer is there, which ends with 130
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from console.cli import main  # noqa: E402  (only now can it be found)

signal.signal(signal.SIGINT, interrupted)
main()
