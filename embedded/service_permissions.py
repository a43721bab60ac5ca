"""Which AWS service may reach which resource of the stack, and for whom."""

from collections.abc import Mapping
from typing import Any

from embedded import policy_evaluation
from embedded.iam_directory import IamDirectory
from embedded.resource_policies import queue_policies
from embedded.stack import Stack

SENDS = {  # the service of a target or destination → the permission to send to it
    "lambda": "lambda:InvokeFunction",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "states": "states:StartExecution",
}


class Permissions:
    """Whether AWS services may reach queues, functions and topics of the stack."""

    def __init__(self, stack: Stack) -> None:
        self._place = stack.place
        self._policies: dict[str, list[policy_evaluation.Policy]] = {}
        for resource in stack.of("AWS::SNS::TopicPolicy"):
            for arn in resource.properties["Topics"]:
                self._add(arn, resource.properties["PolicyDocument"])
        for resource in stack.of("AWS::Lambda::Permission"):
            self._add(*_permission(resource.properties, stack))

    def _add(self, arn: str, policy: policy_evaluation.Policy) -> None:
        self._policies.setdefault(arn, []).append(policy)

    def service(self, principal: str, action: str, arn: str, source: str) -> bool:
        """Whether a service may use a resource on behalf of ``source`` (an ARN)."""
        request = self._request(principal, action, arn, source)
        policies = policy_evaluation.Policies(identity=[], resource=self._of(arn))
        return policy_evaluation.decide(request, policies) is policy_evaluation.Decision.ALLOWED

    def role(self, role: str, action: str, arn: str) -> bool:
        """Whether a role may use a resource."""
        directory = IamDirectory(self._place.account, self._place.partition)
        request = self._request(role, action, arn, "")
        policies = policy_evaluation.Policies(
            identity=[p for _, p in directory.policies_of(role)], resource=self._of(arn)
        )
        return policy_evaluation.decide(request, policies) is policy_evaluation.Decision.ALLOWED

    def assumable(self, role: str, service: str, source: str) -> bool:
        """Whether a service may assume a role for one of its resources (an ARN)."""
        trust = IamDirectory(self._place.account, self._place.partition).trust_of(role)
        if trust is None:
            return False
        request = self._request(service, "sts:AssumeRole", role, source)
        return (
            policy_evaluation.decide(request, policy_evaluation.Policies([], resource=[trust]))
            is policy_evaluation.Decision.ALLOWED
        )

    def _of(self, arn: str) -> list[policy_evaluation.Policy]:
        """The policies on a resource: a queue's as it is now, others as the template has them."""
        return queue_policies(arn) if ":sqs:" in arn else self._policies.get(arn, [])

    def _request(
        self, principal: str, action: str, arn: str, source: str
    ) -> policy_evaluation.Request:
        """With the keys of a service that calls for a resource of its own, or of a role.

        Source: IAM User Guide, "AWS global condition context keys": aws:SourceArn and
        aws:SourceAccount come from service principals only. EventBridge gives SNS neither of them
        (EventBridge User Guide, "Using resource-based policies", Amazon SNS permissions).
        """
        context = {"aws:PrincipalAccount": self._place.account, "aws:SecureTransport": "true"}
        if source and (principal, action) != ("events.amazonaws.com", "sns:Publish"):
            context |= {"aws:SourceArn": source, "aws:SourceAccount": self._place.account}
        if not source:
            context["aws:PrincipalArn"] = principal
        context["aws:PrincipalIsAWSService"] = "true" if source else "false"
        return policy_evaluation.Request(principal, action, arn, context)


def _permission(
    properties: Mapping[str, Any], stack: Stack
) -> tuple[str, policy_evaluation.Policy]:
    """A Lambda permission as the resource policy statement it becomes."""
    name = str(properties["FunctionName"])
    arn = name if name.startswith("arn:") else stack.place.arn("lambda", f"function:{name}")
    conditions = {}
    if "SourceArn" in properties:
        conditions["ArnLike"] = {"aws:SourceArn": properties["SourceArn"]}
    if "SourceAccount" in properties:
        conditions["StringEquals"] = {"aws:SourceAccount": properties["SourceAccount"]}
    principal = str(properties["Principal"])
    kind = "Service" if principal.endswith(".amazonaws.com") else "AWS"
    statement = {
        "Effect": "Allow",
        "Principal": {kind: principal},
        "Action": properties["Action"],
        "Resource": arn,
        "Condition": conditions,
    }
    return arn, {"Statement": [statement]}
