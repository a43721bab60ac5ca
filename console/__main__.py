"""``python -m console``: the ``cordon`` command."""

from console.cli import main

main()
