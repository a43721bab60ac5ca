"""What is read of an event is beside it: every field of a finding but two."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from console.as_read import as_read
from cordon.finding import Finding, Severity, SeverityLabel, State
from tests.make import NOON, PLACE, a_finding, a_principal

FINDING = a_finding(activity=NOON)
LATER = NOON + timedelta(seconds=1)
OTHER = Finding(
    id="other",
    source="macie",
    channel="securityhub",
    type="other",
    severity=Severity("High", SeverityLabel.HIGH),
    place=replace(PLACE, region="eu-west-1"),
    first_seen=LATER,
    last_seen=LATER,
    state=State.ARCHIVED,
    sample=True,
    authored_by_aws=False,
    resources=(replace(FINDING.resources[0], place=replace(PLACE, account="444455556666")),),
    principal=a_principal(),
    title="other",
    description="other",
    detail_sha256="other",
    hub=None,
    served=False,
    workflow="NEW",
    user_fields=True,
    custom_action="CordonContain",
    is_cordon_finding=True,
    activity=None,
    denied=True,
    actors=(a_principal(), a_principal("IAMUser", "ada")),
    facts=(("event_name", "CreateGuardrail"),),
)


@pytest.mark.parametrize("name", [field.name for field in fields(Finding)])
def test_every_field_is_there(name: str) -> None:
    changed = replace(FINDING, **{name: getattr(OTHER, name)})
    seen = as_read(changed) != as_read(FINDING)
    assert seen is (name not in ("description", "detail_sha256"))
