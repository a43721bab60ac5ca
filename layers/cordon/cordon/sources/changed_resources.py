"""What an API call changed, from the parameters of the request and from the response.

Source: AWS CloudTrail User Guide, "CloudTrail record contents" (requestParameters,
responseElements, resources); each service's API Reference for the parameters' names, which
CloudTrail writes with a small first letter. A name that is not valid is no resource: the call is
then a finding about its caller alone.
"""

from dataclasses import dataclass
from urllib.parse import unquote

from cordon.finding import Place, Resource
from cordon.sources import shapes
from cordon.sources.field import Field
from cordon.sources.resources import from_arn

_SINGLETONS = {  # service: (part of the call's name, type): one for an account and Region
    "bedrock": (("ModelInvocationLogging", "AWS::Bedrock::ModelInvocationLogging"),),
    "macie2": (("Macie", "AWS::Macie::Session"),),
    "securityhub": (("DisableSecurityHub", "AWS::SecurityHub::Hub"),),
}
# A credential of IAM that the call has made: only the response has its id. Nothing else of the
# response is read: it is where a secret would be.
_CREATED = (  # member of the response, type, form of its id
    ("accessKey", shapes.ACCESS_KEY, shapes.ACCESS_KEY_ID),
    ("serviceSpecificCredential", shapes.SERVICE_CREDENTIAL, shapes.SERVICE_CREDENTIAL_ID),
)


@dataclass(frozen=True)
class _Named:
    """Parameters that may name the resource, and what it is."""

    kind: str
    parameters: tuple[str, ...]
    arn: str = ""  # what is before the name in the ARN's last part; "" where no ARN follows


_TRAIL = _Named("AWS::CloudTrail::Trail", ("name", "trailName"), "trail/")
_AGENT = _Named("AWS::Bedrock::Agent", ("agentId",), "agent/")
_BY_SERVICE = {
    "cloudtrail": (_TRAIL,),
    "config": (_Named("AWS::Config::ConfigurationRecorder", ("configurationRecorderName",)),),
    "guardduty": (_Named("AWS::GuardDuty::Detector", ("detectorId",), "detector/"),),
    "kms": (_Named("AWS::KMS::Key", ("keyId",), "key/"),),
    "iam": (_Named(shapes.USER, ("userName",)), _Named(shapes.ROLE, ("roleName",))),
    "bedrock": (
        _Named("AWS::Bedrock::EnforcedGuardrailConfiguration", ("configId",)),
        _Named("AWS::Bedrock::Guardrail", ("guardrailIdentifier",), "guardrail/"),
        _AGENT,
    ),
    "bedrock-agentcore": (
        _Named("AWS::BedrockAgentCore::Runtime", ("agentRuntimeId", "agentRuntimeArn"), "runtime/"),
        _Named("AWS::BedrockAgentCore::Gateway", ("gatewayIdentifier", "gatewayArn"), "gateway/"),
        _Named(shapes.OTHER, ("resourceArn",)),
    ),
    "sagemaker": (
        _Named("AWS::SageMaker::NotebookInstance", ("notebookInstanceName",), "notebook-instance/"),
    ),
}


def read(service: str, detail: Field, place: Place) -> list[Resource]:
    """The changed resource. The ARNs that CloudTrail lists itself come first."""
    listed = [item["ARN"] for item in detail["resources"].items()]
    found = [from_arn(arn, place) for arn in listed if arn.if_any(shapes.ARN)]
    if found:
        return found
    name = detail["eventName"].value
    for part, kind in _SINGLETONS.get(service, ()):
        if part in name:
            return [Resource(kind, place.account, place)]
    created = _created(detail["responseElements"], place) if service == "iam" else []
    return created or _by_parameter(service, detail, place)


def _by_parameter(service: str, detail: Field, place: Place) -> list[Resource]:
    request, response = detail["requestParameters"], detail["responseElements"]
    for named in _BY_SERVICE.get(service, ()):
        for parameter in named.parameters:
            for given in map(_as_written, (request[parameter], response[parameter])):
                if given.if_any(shapes.AWS_NAME):
                    return [_resource(service, named, given, place)]
    return []


def _as_written(given: Field) -> Field:
    """An ARN that is a part of the request's path is recorded as the path has it: ``arn%3Aaws``.

    Amazon MSK Developer Guide, "Log API calls with AWS CloudTrail", has such an entry.
    """
    coded = isinstance(given.value, str) and given.value.lower().startswith("arn%3a")
    return Field(given.path, unquote(given.value)) if coded else given


def _resource(service: str, named: _Named, given: Field, place: Place) -> Resource:
    value = given.if_any(shapes.AWS_NAME)
    if value.startswith("arn:"):
        return from_arn(given, place, kind=named.kind)
    shape = shapes.shape_of(named.kind)
    if shape is not None and not shape.matches(value):
        given.malformed(f"is not {shape.description}")
    arn = place.arn(service, f"{named.arn}{value}") if named.arn else ""
    return Resource(named.kind, value, place, arn)


def _created(response: Field, place: Place) -> list[Resource]:
    """The credential and its user; [] where one of both is not named, as with root's keys."""
    for member, kind, form in _CREATED:
        made = response[member]
        credential = made[f"{member}Id"].if_any(form)
        user = made["userName"].if_any(shapes.USER_NAME)
        if credential and user:
            return [Resource(kind, credential, place), Resource(shapes.USER, user, place)]
    return []
