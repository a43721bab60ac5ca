"""What people then go on with: the folder's module, and the function in template.yaml."""

import textwrap

from console.playbook_blocks.block import Block
from cordon.finding import ResourceRole

WHEN = {  # by the source of the finding
    "guardduty": "GuardDuty finds {type}.",
    "macie": "Macie finds {type}.",
    "config": "the Config rule {type} is NON_COMPLIANT.",
    "securityhub": "the control {type} of Security Hub is FAILED.",
}
MODULE = '''\
"""{title}: changes nothing yet.

{when}
Does    nothing yet: an incident says what a person must do.
Undo    resolves the incident.
Leaves  every resource.
"""

from cordon.actions import Action
from cordon.deployment import Deployment
from cordon.entry import serve
from cordon.finding import Finding, Resource, ResourceRole
from cordon.playbook import Incident, Playbook, Serves
from cordon.settings import Mode

MANUAL_STEP = "Decide what must be contained, and do it: this playbook changes nothing yet."


def targets(finding: Finding) -> tuple[Resource, ...]:
    """What the finding is about, in the finding's own account."""
    found = finding.resources_of("{about}", role=ResourceRole.{role})
    return tuple(one for one in found if one.place.account == finding.place.account)


def plan(finding: Finding, case: str, deployment: Deployment) -> list[Action]:
    """No change yet: what a person must do is all of it."""
    return []


PLAYBOOK = Playbook(
    name="{name}",
    handles=("{kind}",),
    targets=targets,
    plan=plan,
    actions=(),
    controls=(),
    defence_layer="incident response",
    serves=Serves.SECURITY,
    recommended_mode=Mode.APPROVE,
    manual_step=lambda _: MANUAL_STEP,
    incident=Incident.ALWAYS,
)

handler = serve(PLAYBOOK)
'''
RESERVED = (
    "      ReservedConcurrentExecutions: "
    "!If [HasReserved, !Ref ReservedConcurrency, !Ref AWS::NoValue]\n"
)
FUNCTION = """\
  {logical}:
    Type: AWS::Serverless::Function
    Metadata: {{BuildMethod: makefile, ContextPath: functions}}
    Properties:
      Description: Informs a person of {type}, and changes nothing yet
      CodeUri: functions/{name}
{reserved}      Role: !GetAtt {role}.Arn
      LoggingConfig: {{LogFormat: JSON, LogGroup: !Ref {logical}LogGroup}}
      Environment:
        Variables:
          POWERTOOLS_SERVICE_NAME: {name}

  # >>> playbook: {name}
  # <<<
"""


def module(name: str, kind: str, about: tuple[str, ResourceRole]) -> str:
    """``functions/<name>/playbook.py``: valid, with a plan that changes nothing."""
    source, _, type = kind.partition(":")
    when = textwrap.fill(
        WHEN[source].format(type=type),
        width=100,
        initial_indent="When    ",
        subsequent_indent=" " * 8,
        break_on_hyphens=False,
        break_long_words=False,
    )
    title = name.replace("_", " ").capitalize()
    resource, role = about
    return MODULE.format(
        title=title, when=when, about=resource, role=role.name, name=name, kind=kind
    )


def function(block: Block, kind: str) -> str:
    """The function as people write it. Concurrency is reserved where a rule invokes it directly."""
    direct = any(not trigger.bulk for trigger in block.triggers)
    return FUNCTION.format(
        logical=block.logical,
        name=block.name,
        role=block.role,
        type=kind.partition(":")[2],
        reserved=RESERVED if direct else "",
    )
