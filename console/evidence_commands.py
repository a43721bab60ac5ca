"""The command that reads evidence and verifies it, of a stack or of a folder."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from console import access_log, evidence_folder, render
from console.evidence import verify
from console.options import Find, on_stack
from console.settings import StackSettings
from console.stack import NotPossible, Stack
from cordon.memory.settings import KEY as SETTINGS

out = Console()
errors = Console(stderr=True)


@on_stack
def evidence(
    find: Find,
    case: Annotated[str, typer.Argument(help="The case, `settings`, or `verify` and a folder.")],
    folder: Annotated[
        Path | None, typer.Argument(help="After `verify`: what --to has written, checked offline.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Empty folder to write the entries to.")] = None,
    live: Annotated[
        bool, typer.Option(help="Compare who decided with the access log of the desk's API.")
    ] = False,
) -> None:
    """Read the evidence of a case or of the settings, and verify that it is what was written.

    Ends with 0 where it is verified, with 1 where anything is wrong, and with 3 where the only
    thing to say is that an attempt may not have ended.
    """
    if (case == "verify") is (folder is None) or (folder and (to or live)):
        raise NotPossible("either `cordon evidence CASE`, or `cordon evidence verify FOLDER`")
    raise typer.Exit(_verify_folder(folder) if folder else _verify_case(find(), case, to, live))


def _verify_case(deployed: Stack, case: str, to: Path | None, live: bool) -> int:
    if case == SETTINGS:
        copy, found = StackSettings.of(deployed).evidence()
    else:
        copy = deployed.evidence_copy(deployed.case(case))
        found = verify(copy)
    if to is None:
        render.show_entries(copy, out, errors)
    else:
        try:
            evidence_folder.write(copy, to)
        except OSError as error:
            raise NotPossible(f"nothing can be written there: {error}") from None
    if live:
        found = [*found, *access_log.compared(copy, deployed)]
    return render.show_verdict(copy, found, errors)


def _verify_folder(folder: Path) -> int:
    try:
        copy, faults, limits = evidence_folder.read(folder)
    except evidence_folder.NotACopy as why:
        raise NotPossible(f"{folder} cannot be verified: {why}") from None
    ended = render.show_verdict(copy, [*faults, *verify(copy)], errors)
    errors.print(render.plain(limits), markup=False, soft_wrap=True)
    return ended


COMMANDS = {evidence: "cordon evidence 7c98 --to copy"}
