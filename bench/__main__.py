"""``python -m bench cold`` measures and prints a section of docs/performance.md."""

import sys
from pathlib import Path

import typer

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "layers" / "cordon"), str(ROOT / "functions"), str(ROOT)]

from bench import cold, cost, path, replay, warm  # noqa: E402  (needs the paths above)

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.callback()(lambda: None)
app.command("cold")(cold.main)
app.command("path")(path.main)
app.command("cost")(cost.main)
app.command("warm")(warm.main)
app.command("replay")(replay.main)

if __name__ == "__main__":
    app()
