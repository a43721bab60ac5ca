"""What people see of a case, in one place: after the outcome, never before it is known."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from cordon.errors import NotReported
from cordon.memory.cases import Case, Reported
from cordon.reporting.incident import report_incident, report_message
from cordon.reporting.security_hub import Original, report_finding, report_original

if TYPE_CHECKING:
    from cordon.bootstrap import Services

Sink = Callable[[Reported], Reported]  # what people were shown, before and after


def is_reported(case: Case, shown: Reported, services: "Services") -> bool:
    """Were people shown what the case is now, on the original finding too?"""
    waits = services.deployment.security_hub and shown.original == Original.ABSENT
    return shown.version >= case.version and not waits


def report(case: Case, services: "Services", known: Reported | None = None) -> None:
    """Show in Security Hub, in an incident and by a message what the case is now.

    ``known``: what people were shown before, where that need not be read.
    One that does not take its report does not silence the others. Raises NotReported with what each
    of them said; what was shown is kept.
    """
    shown, faults = known or services.cases.reported(case), []
    for name, show in _sinks(case, services).items():
        try:
            shown = show(shown)
        except (NotReported, ClientError, BotoCoreError) as fault:
            faults.append(f"{name}: {fault}")
    version = shown.version if faults else case.version
    services.cases.save_reported(case, replace(shown, version=version))
    if faults:
        raise NotReported(f"case {case.id}: {'; '.join(faults)}")


def _sinks(case: Case, services: "Services") -> Mapping[str, Sink]:
    """The message comes last: it names the incident."""
    playbook, deployment = services.playbook, services.deployment
    hub: dict[str, Sink] = {
        "our finding": lambda shown: report_finding(
            case, playbook, deployment, shown, services.client("securityhub")
        ),
        "the original finding": lambda shown: report_original(
            case, playbook, shown, services.client("securityhub")
        ),
    }
    people: dict[str, Sink] = {
        "the incident": lambda shown: report_incident(
            case, playbook, shown, services.client("ssm")
        ),
        "the message": lambda shown: report_message(
            case, playbook, deployment, shown, services.client("sns")
        ),
    }
    return {**(hub if deployment.security_hub else {}), **people}
