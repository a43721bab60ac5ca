"""What people see of a case, in one place: after the outcome, never before it is known."""

from dataclasses import replace
from typing import TYPE_CHECKING

from cordon.errors import NotReported
from cordon.memory.cases import Case, Reported
from cordon.reporting.incident import report_incident
from cordon.reporting.security_hub import Original, report_finding

if TYPE_CHECKING:
    from cordon.bootstrap import Services


def is_reported(case: Case, shown: Reported, services: "Services") -> bool:
    """Were people shown what the case is now, on the original finding too?"""
    waits = services.deployment.security_hub and shown.original == Original.ABSENT
    return shown.version >= case.version and not waits


def report(case: Case, services: "Services") -> None:
    """Show in Security Hub, and in an incident, what the case is now.

    One that does not take its report does not silence the other. Raises NotReported with what each
    of them said; what was shown is kept.
    """
    shown, faults = services.cases.reported(case), []
    playbook, deployment = services.playbook, services.deployment
    try:
        hub = services.client("securityhub") if deployment.security_hub else None
        shown = report_finding(case, playbook, deployment, shown, hub)
    except NotReported as fault:
        faults.append(str(fault))
    try:
        ssm, sns = services.client("ssm"), services.client("sns")
        shown = report_incident(case, playbook, deployment, shown, ssm, sns)
    except NotReported as fault:
        faults.append(str(fault))
    version = shown.version if faults else case.version
    services.cases.save_reported(case, replace(shown, version=version))
    if faults:
        raise NotReported("; ".join(faults))
