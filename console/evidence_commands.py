"""The commands that read evidence and verify it, of a stack, a folder or an archive."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from console import access_log, case_evidence, evidence_folder, render, tables
from console.audit import commands as audit
from console.audit.period import NOTED, SINCE, noted_digests
from console.audit.verified import Verified
from console.evidence import verdict, verify
from console.options import Find, on_stack, to_write
from console.ready_policies import epilog
from console.settings import StackSettings
from console.stack import NotPossible, Stack
from cordon.memory.settings import KEY as SETTINGS

out = Console()
errors = Console(stderr=True)


class DefaultCase(TyperGroup):
    """``evidence 7c98`` is ``evidence case 7c98``: what is no command is a case."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See the class."""
        if args and args[0] not in (*self.commands, "--help"):
            args = ["case", *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=DefaultCase, no_args_is_help=True, help="What Cordon did, who decided it, and the proof."
)


@on_stack
def case(
    find: Find,
    case: Annotated[str, typer.Argument(help="The case, or `settings`.")],
    to: Annotated[
        Path | None,
        typer.Option(help="Empty folder to write the entries to.", callback=to_write),
    ] = None,
    live: Annotated[
        bool, typer.Option(help="Compare who decided with the access log of the desk's API.")
    ] = False,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Read the evidence of a case or of the settings, and verify that it is what was written.

    ``cordon evidence CASE`` is the same. With --output it is a row for each entry; what is wrong
    is on standard error.

    Ends with 0 where it is verified, with 1 where anything is wrong, and with 3 where the only
    thing to say is that an attempt may not have ended.
    """
    raise typer.Exit(_verify_case(find(), case, to, live, output))


@on_stack
def verify_evidence(
    find: Find,
    path: Annotated[
        Path | None, typer.Argument(help="An archive, or what --to has written; checked offline.")
    ] = None,
    since: SINCE = "",
    noted: NOTED = None,
    output: tables.OUTPUT = tables.Output.TABLE,
) -> None:
    """Is anything missing, changed, added or chained anew?

    Without a path: all of the stack's evidence against its digests, and these against each other.
    With --since the digests from that day on, and each case that they name from its first entry.
    With --output it is a row for each fault and warning, and one where it is verified.
    """
    if path is None:
        verified = audit.whole(find, since, noted_digests(noted or ()))
    elif since or noted:
        raise NotPossible(
            f"{'--since' if since else '--noted'} is about a stack's evidence: an archive or a copy"
            " is looked at whole"
        )
    elif not path.exists():
        raise NotPossible(f"there is no {path}")
    else:
        is_archive = audit.is_archive(path)
        verified = audit.verify_archive_at(path) if is_archive else _verify_folder(path)
    if output is not tables.Output.TABLE:
        tables.write(verified.rows(), (), output, out)
    raise typer.Exit(verified.status)


def _verify_case(
    deployed: Stack, case: str, to: Path | None, live: bool, output: tables.Output
) -> int:
    if case == SETTINGS:
        copy, found = StackSettings.of(deployed).evidence()
    else:
        copy = deployed.evidence_copy(deployed.case(case))
        found = verify(copy)
    if to is not None:
        try:
            evidence_folder.write(copy, to)
        except OSError as error:
            raise NotPossible(f"nothing can be written there: {error}") from None
    elif output is tables.Output.TABLE:
        render.show_entries(copy, out, errors)
    if output is not tables.Output.TABLE:
        tables.write(case_evidence.rows(copy), (), output, out)
    if live:
        found = [*found, *access_log.compared(copy, deployed)]
    return render.show_verdict(copy, found, errors)


def _verify_folder(folder: Path) -> Verified:
    try:
        copy, faults, limits = evidence_folder.read(folder)
    except evidence_folder.NotACopy as why:
        raise NotPossible(f"{folder} cannot be verified: {why}") from None
    found = [*faults, *verify(copy)]
    status = render.show_verdict(copy, found, errors)
    errors.print(render.plain(limits), markup=False, soft_wrap=True)
    return Verified(status, tuple(found), verdict(copy, found), limits)


NAMES = {verify_evidence: "verify"}
COMMANDS = {
    case: "cordon evidence 7c98 --to copy",
    verify_evidence: "cordon evidence verify",
    **audit.COMMANDS,
}
for command, example in COMMANDS.items():
    verb = NAMES.get(command, command.__name__)
    app.command(verb, epilog=epilog(f"evidence {verb}", example))(command)
