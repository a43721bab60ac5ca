"""Whose a resource is, and the policies that lie on it now: a bucket's, a role's, an agent's."""

from embedded import backends, policy_evaluation
from embedded.backends import agentcore, knowledge_bases
from embedded.iam_directory import IamDirectory, parsed
from embedded.place import Place
from embedded.required_permission import RequiredPermission


def owner_of(resource: str, place: Place) -> str:
    """The account a resource belongs to; a bucket's ARN does not say."""
    if ":s3:::" in resource:
        return _bucket_owner(resource, place.partition) or place.account
    parts = resource.split(":")
    return parts[4] if len(parts) > 4 and parts[4].isdigit() else place.account


def _bucket(resource: str) -> str:
    return resource.split(":::", 1)[1].split("/", 1)[0]


def _bucket_owner(resource: str, partition: str) -> str | None:
    from moto.s3.models import s3_backends

    name = _bucket(resource)
    owners = (a for a, b in list(s3_backends.items()) if name in b[partition].buckets)
    return next(owners, None)


def policies_on(need: RequiredPermission, place: Place) -> list[policy_evaluation.Policy]:
    """The policy on the resource itself: a bucket's, a queue's, an agent's, or a role's trust."""
    if ":s3:::" in need.resource:
        return _bucket_policy(need.resource, place.partition)
    if ":sqs:" in need.resource:
        return queue_policies(need.resource)
    if ":bedrock-agentcore:" in need.resource:
        return _agentcore_policy(need.resource)
    if ":knowledge-base/" in need.resource:
        return _knowledge_base_policy(need.resource)
    if need.action.startswith("sts:") and ":role/" in need.resource:
        account = need.resource.split(":")[4]
        trust = IamDirectory(account, place.partition).trust_of(need.resource)
        return [_trusting(trust, need.resource)] if trust else []
    return []


def _bucket_policy(resource: str, partition: str) -> list[policy_evaluation.Policy]:
    from moto.s3.models import s3_backends

    owner = _bucket_owner(resource, partition)
    if owner is None:
        return []
    policy = s3_backends[owner][partition].buckets[_bucket(resource)].policy
    return [parsed(policy.decode() if isinstance(policy, bytes) else policy)] if policy else []


def queue_policies(arn: str) -> list[policy_evaluation.Policy]:
    """The policy that a queue has now, if it has one."""
    from moto.sqs.models import sqs_backends

    _, _, _, region, account, name = arn.split(":", 5)
    queue = sqs_backends[account][region].queues.get(name)
    return [parsed(queue.policy)] if queue is not None and queue.policy else []


def _agentcore_policy(arn: str) -> list[policy_evaluation.Policy]:
    _, _, _, region, account, _ = arn.split(":", 5)
    policy = agentcore.policy_of(arn, backends.here(account, region))
    return [parsed(policy)] if policy else []


def _knowledge_base_policy(arn: str) -> list[policy_evaluation.Policy]:
    _, _, _, region, account, _ = arn.split(":", 5)
    policy = knowledge_bases.policy_of(arn, backends.here(account, region))
    return [parsed(policy)] if policy else []


def _trusting(trust: policy_evaluation.Policy, arn: str) -> policy_evaluation.Policy:
    """A trust policy names no resource; the resource is its role."""
    return {"Statement": [{**s, "Resource": arn} for s in policy_evaluation.statements(trust)]}
