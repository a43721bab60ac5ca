"""``python -m console``: the ``cordon`` command, in a checkout that nobody has installed."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "layers" / "cordon"), str(ROOT / "functions"), str(ROOT)]

from console.cli import main  # noqa: E402  (only now can it be found)

main()
