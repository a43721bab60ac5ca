"""What Bedrock has once in an account and Region: its invocation logging, its enforced guardrail.

Neither is a resource that Config records, so that the account is what is evaluated. Whether the
logs arrive, and what a guardrail blocks, is not looked at.

Sources: Amazon Bedrock API Reference, "GetModelInvocationLoggingConfiguration" (no loggingConfig
where nothing is logged), "ListEnforcedGuardrailsConfiguration"; Amazon Bedrock User Guide, "Monitor
model invocation using CloudWatch Logs and Amazon S3".
"""

from cordon.actions.put_back import enforced_guardrails, invocation_logging
from cordon.assessing.evaluation import ACCOUNT, Compliance, Evaluation, Found
from cordon.assessing.request import Request
from cordon.clients import AwsClients
from cordon.errors import Malformed

LOGGING_RULE = "cordon-model-invocation-logging-is-on"
GUARDRAIL_RULE = "cordon-named-guardrail-is-enforced"
DESTINATIONS = ("cloudWatchConfig", "s3Config")
NOT_HERE = "AWS has no Bedrock in this Region"


def assess_logging(aws: AwsClients, request: Request) -> Found:
    """Are model invocations logged anywhere?"""
    if not aws.has_service("bedrock"):
        yield _account(request, Compliance.NOT_APPLICABLE, NOT_HERE)
        return
    logged = invocation_logging(aws.client("bedrock")) or {}
    if any(logged.get(one) for one in DESTINATIONS):
        yield _account(request, Compliance.COMPLIANT)
    else:
        yield _account(request, Compliance.NON_COMPLIANT, "Model invocations are not logged")


def assess_guardrail(aws: AwsClients, request: Request) -> Found:
    """Is the guardrail that the operator named the one that the account enforces?"""
    named, _, version = request.parameters.get("guardrail", "").partition(":")
    if not named or not version:
        raise Malformed("ruleParameters.guardrail", "is no id:version")
    if not aws.has_service("bedrock"):
        yield _account(request, Compliance.NOT_APPLICABLE, NOT_HERE)
        return
    found = [document for _, document in enforced_guardrails(aws.client("bedrock"))]
    if any(
        str(one["guardrailArn"]).endswith(f":guardrail/{named}")
        and one.get("guardrailVersion") == version
        for one in found
    ):
        yield _account(request, Compliance.COMPLIANT)
        return
    other = ", ".join(f"{one['guardrailArn']} {one.get('guardrailVersion', '')}" for one in found)
    enforced = f"enforced is {other}" if other else "no guardrail is enforced"
    yield _account(
        request, Compliance.NON_COMPLIANT, f"Named is {named}, version {version}: {enforced}"
    )


def _account(request: Request, compliance: Compliance, annotation: str = "") -> Evaluation:
    return Evaluation(ACCOUNT, request.account, compliance, annotation)
