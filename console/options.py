"""Which stack a command is about: --stack, --profile and --region, before or after the verb.

What is not given comes from the environment (AWS_PROFILE, AWS_REGION, AWS_DEFAULT_REGION), then
from samconfig.toml, where `sam deploy --guided` writes it, then from the AWS configuration.
"""

import inspect
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate

import boto3
import typer

from console.stack import NotPossible, Stack, playbook_names

ROOT = Path(__file__).parent.parent
SAMCONFIG = ROOT / "samconfig.toml"
NAMED = "cordon"  # the stack's name, where nobody says another
NO_EVENTS = "no events there: of a folder, what ends with .json, .jsonl or .ndjson is read"
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")

STACK = Annotated[str, typer.Option(help="Name of the deployed stack.", show_default=False)]
PROFILE = Annotated[str, typer.Option(help="Profile of the AWS configuration.")]
REGION = Annotated[str, typer.Option(help="Region of the stack.")]


def version() -> str:
    """Of these commands."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def playbooks_that_begin(incomplete: str) -> list[str]:
    """For the shell, which completes a name."""
    return [name for name in playbook_names() if name.startswith(incomplete)]


PLAYBOOK = Annotated[
    str, typer.Option(help="Only of this playbook.", autocompletion=playbooks_that_begin)
]


def to_write(named: Path | None) -> Path | None:
    """A file or folder to write, as it was named. Raises BadParameter.

    ``-`` is standard output for other programs, and here nothing is written there: what a verb
    says of what it wrote is there.
    """
    if named == Path("-"):
        raise typer.BadParameter("- is no file here: name one that is to be written")
    return named


YES = Annotated[bool, typer.Option("--yes", help="Do what is shown, unprompted.")]
REPORT = Annotated[
    Path | None,
    typer.Option(help="Write it as a page too: one HTML file.", callback=to_write),
]


@dataclass(frozen=True)
class Where:
    """Which stack, where, and with whose credentials; what is "" comes from elsewhere."""

    stack: str = ""
    profile: str = ""
    region: str = ""

    def over(self, other: "Where") -> "Where":
        """This, and what it does not say from the other."""
        return Where(
            self.stack or other.stack,
            self.profile or other.profile,
            self.region or other.region,
        )

    def find(self) -> Stack:
        """The stack. Raises NotPossible, or what AWS refuses."""
        return Stack.named(self._settled().stack or NAMED, self.session())

    def session(self) -> boto3.session.Session:
        """Whose credentials, and in which Region."""
        where = self._settled()
        given = {"profile_name": where.profile, "region_name": where.region}
        return boto3.session.Session(**{name: value for name, value in given.items() if value})

    def _settled(self) -> "Where":
        return self.over(from_environment(os.environ)).over(from_samconfig(SAMCONFIG, os.environ))


def from_environment(environment: Mapping[str, str]) -> Where:
    """The Region, which boto3 reads from AWS_DEFAULT_REGION alone, and the AWS CLI from AWS_REGION.

    Source: AWS SDKs and Tools Reference Guide, "AWS Region"; Boto3, "Configuration".
    """
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return Where(region=next(filter(None, map(environment.get, names)), ""))


def from_samconfig(path: Path, environment: Mapping[str, str]) -> Where:
    """What `sam deploy` uses. Its profile only where the environment has no credentials.

    Source: AWS SAM Developer Guide, "AWS SAM CLI configuration file".
    """
    try:
        config = tomllib.loads(path.read_text()).get("default", {})
        commands = (config.get(name, {}) for name in ("global", "deploy"))
        given: dict[str, Any] = {}
        for command in commands:
            given |= command.get("parameters", {})
    except FileNotFoundError:
        return Where()
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise NotPossible(f"{path.name} cannot be read: {error}") from None
    profile = "" if any(environment.get(name) for name in CREDENTIALS) else given.get("profile", "")
    return Where(str(given.get("stack_name", "")), str(profile), str(given.get("region", "")))


Find = Callable[[], Stack]  # reads the stack when it is called: not every way needs it


def on_stack(verb: Callable[Concatenate[Any, ...], None]) -> Callable[..., None]:
    """A command about a deployed stack: the three options are added, and it is given the stack.

    It is given a ``Find``, or, where that is its first parameter, a ``Where``.
    """
    first, *own = inspect.signature(verb, eval_str=True).parameters.values()
    options = list(inspect.signature(_options, eval_str=True).parameters.values())

    @wraps(verb)
    def command(ctx: typer.Context, stack: str, profile: str, region: str, **given: Any) -> None:
        before = ctx.find_root().obj
        where = Where(stack, profile, region).over(before if isinstance(before, Where) else Where())
        verb(where if first.annotation is Where else where.find, **given)

    context = first.replace(name="ctx", annotation=typer.Context)
    parameters = [context, *own, *options]
    keywords = [one.replace(kind=one.KEYWORD_ONLY) for one in parameters]
    vars(command)["__signature__"] = inspect.Signature(keywords)
    command.__annotations__ = {one.name: one.annotation for one in keywords}
    return command


def _options(stack: STACK = "", profile: PROFILE = "", region: REGION = "") -> None:
    """The options that ``on_stack`` adds."""
