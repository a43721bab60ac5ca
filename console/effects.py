"""What a change of the settings would mean for the cases and budgets that there are, in words.

It is of the moment at which it is read, and keeps nobody from the change: what cannot be read is
said to be unknown, with the permission that is missing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from botocore.exceptions import BotoCoreError, ClientError

from console.aws_errors import explained, is_denied, missing
from console.case_list import is_held
from console.settings import StackSettings
from console.stack import Stack
from cordon.memory import budget
from cordon.memory.cases import Case
from cordon.settings import Exemption, MasterSwitch
from cordon.sources.custom_action import CONTAIN_ACTION
from cordon.sources.text import one_line
from cordon.statuses import Status

Effect = Callable[[Stack], list[str]]
OTHER_ARNS = (
    "that is counted by the ARNs in the plans: a role with a path, or the user of a key, is looked"
    " up before a change, and may be protected too"
)
MOST_NAMED = 5  # cases


def none(_: Stack) -> list[str]:
    """Of a change whose effect nothing is said of."""
    return []


def of_stop(stack: Stack) -> list[str]:
    """How many cases await an approval that nobody can give while nothing may be changed."""
    return _known("how many cases await approval", lambda: _waiting(stack.open_cases()))


def of_start(stack: Stack) -> list[str]:
    """How many cases await an approval that nobody can give until then."""

    def lines() -> Iterator[str]:
        understood = StackSettings.of(stack).understood
        if understood.switch is MasterSwitch.ON and not understood.unreadable:
            yield "nothing: the master switch is on"
            return
        waiting = _awaiting(stack.open_cases())
        yield f"waiting cases that nobody can approve while it is stopped: {_named(waiting)}"

    return _known("how many cases await approval", lines)


def of_observe(playbook: str) -> Effect:
    """The same of one playbook; what a person chose in Security Hub may be approved yet."""

    def lines(stack: Stack) -> Iterator[str]:
        cases = stack.open_cases(playbook)
        here = (case for case in cases if case.finding.custom_action != CONTAIN_ACTION)
        return _waiting(here, f" of {playbook}")

    what = f"how many cases of {playbook} await approval"
    return lambda stack: _known(what, lambda: lines(stack))


def of_exemption(exemption: Exemption) -> Effect:
    """How many cases have a target that is exempt then, and what comes of them."""

    def is_exempt(case: Case) -> bool:
        return any(
            fnmatchcase(case.playbook, exemption.playbook) and fnmatchcase(arn, exemption.resource)
            for arn in case.plan.resources
        )

    return lambda stack: _left_out(stack, "exempt", is_exempt)


def of_protection(pattern: str) -> Effect:
    """How many cases have a target that is protected then, and what comes of them."""

    def is_protected(case: Case) -> bool:
        return any(fnmatchcase(arn, pattern) for arn in case.plan.resources)

    def effect(stack: Stack) -> list[str]:
        said = _left_out(stack, "protected", is_protected)
        service = [*pattern.split(":"), "*"][2]
        return [*said, OTHER_ARNS] if fnmatchcase("iam", service) else said

    return effect


def of_budget(most: int, playbook: str) -> Effect:
    """How much of such a budget is used in this hour; of one playbook, or of all that share it."""

    def lines(stack: Stack) -> Iterator[str]:
        found = StackSettings.of(stack)
        understood, spent = found.understood, found.spent
        others = (name for name in found.playbooks if name not in understood.budgets)
        where = f"this hour in account {stack.account}; each other account has its own"
        used = {name: spent[name] for name in ([playbook] if playbook else others) if name in spent}
        for name, cases in used.items():
            yield f"{name}: {cases} of {most} used {where}{_used_up(cases, most)}"
        if not used:
            yield f"nothing of it is used {where}"

    return lambda stack: _known("how much of it is used", lambda: lines(stack))


def _known(what: str, effect: Callable[[], Iterable[str]]) -> list[str]:
    """The lines; where they cannot be read, why not: that keeps nobody from the change."""
    try:
        return list(effect())
    except ClientError as error:
        why = f"missing is {missing(error)}" if is_denied(error) else explained(error)
    except BotoCoreError as error:
        why = explained(error)
    except Exception as error:  # noqa: BLE001 whatever it is, a person must be able to stop
        why = one_line(f"{type(error).__name__}: {error}", 300)
    return [f"{what} is unknown: {why}"]


def _waiting(cases: Iterable[Case], of: str = "", why: str = "") -> Iterator[str]:
    waiting = _awaiting(cases)
    then = ": nobody can approve them meanwhile" if waiting else ""
    yield f"waiting cases{of} that it stops{why}: {_named(waiting)}{then}"


def _awaiting(cases: Iterable[Case]) -> list[Case]:
    return [case for case in cases if case.status is Status.AWAITING_APPROVAL]


def _named(cases: Sequence[Case]) -> str:
    """How many, and the first of them."""
    more = len(cases) - MOST_NAMED
    ids = [case.id for case in cases[:MOST_NAMED]] + ([f"{more} more"] if more > 0 else [])
    return f"{len(cases)} ({', '.join(ids)})" if cases else "0"


def _left_out(stack: Stack, how: str, is_left_out: Callable[[Case], bool]) -> list[str]:
    """A first question is of the whole plan. What is held stays, and is left as it is."""

    def lines() -> Iterator[str]:
        cases = [case for case in stack.open_cases() if is_left_out(case)]
        first = (case for case in cases if not case.awaits_approval_again)
        yield from _waiting(first, why=f", since a target is {how} then")
        held = list(filter(is_held, cases))
        then = ": that stays until a release, and no further attempt changes it meanwhile"
        yield (
            f"cases that hold a change of what is {how} then, or may: {_named(held)}"
            f"{then if held else ''}"
        )

    return _known(f"how many open cases have a target that is {how} then", lines)


def _used_up(cases: int, most: int) -> str:
    if cases >= most:
        return ": used up"
    return ": used up for findings below HIGH" if cases >= budget.limit(most, urgent=False) else ""
