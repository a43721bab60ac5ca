"""How the playbooks of a deployed stack are: from their functions, and from the settings."""

from collections.abc import Iterator
from dataclasses import replace

from console.settings import StackSettings
from console.stack import NotPossible, Stack
from cordon.deployment import Deployment

SERVICE = "POWERTOOLS_SERVICE_NAME"  # in a function's environment: its playbook


def each(stack: Stack) -> Iterator[tuple[str, Deployment]]:
    """Each playbook with its deployment. Lambda adds the Region to a function's environment."""
    functions, region = stack.client("lambda"), stack.outputs["AlertsTopic"].split(":")[3]
    baseline = StackSettings.of(stack).understood.baseline
    for name in stack.outputs["Functions"].split():
        found = functions.get_function_configuration(FunctionName=name)
        environment = {"AWS_REGION": region, **found["Environment"]["Variables"]}
        made = Deployment.from_environment(environment)
        yield environment[SERVICE], replace(made, baseline=baseline)


def deployment_of(stack: Stack, playbook: str) -> Deployment:
    """How one playbook is deployed. Raises NotPossible where the stack has none of this name."""
    for name, deployment in each(stack):
        if name == playbook:
            return deployment
    raise NotPossible(f"the stack {stack.name} has no playbook {playbook}")
