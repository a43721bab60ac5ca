"""``python -m console``: the ``cordon`` command."""

from console.cli import app

app()
