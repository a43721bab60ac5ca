"""Reads both halves for the walk: SageMaker AI and Bedrock, in one account and Region."""

from collections.abc import Sequence
from functools import partial

from cordon.clients import AwsClients
from cordon.concurrency import gather
from cordon.finding import ARN, Place
from cordon.lineage.bedrock import Bedrock
from cordon.lineage.calls import Expired
from cordon.lineage.sagemaker import ENTITIES, SageMaker, kind
from cordon.lineage.walk import Found, Read, Unread

ELSEWHERE = "it is of another account or Region, which was not read"


def start_of(arn: str) -> Found:
    """Where a walk begins: a bucket or a resource, by its ARN. Raises ValueError for anything else.

    >>> start_of("arn:aws:s3:::acme-data").type
    'bucket'
    """
    match = ARN.fullmatch(arn)
    if not match:
        raise ValueError(f"not an ARN: {arn!r}")
    service, name = match["service"], match["resource"]
    if service == "s3" and "/" not in name:
        return Found(arn, "bucket")
    if service not in ("sagemaker", "bedrock") or "/" not in name:
        raise ValueError(f"neither a bucket nor a resource of SageMaker or Bedrock: {arn!r}")
    return Found(arn, kind(arn))


class AwsReader:
    """What was made of things, as far as this account and Region says."""

    def __init__(self, aws: AwsClients, place: Place, expired: Expired) -> None:
        self._place = place
        self._sagemaker = SageMaker(aws, expired) if aws.has_service("sagemaker") else None
        bedrock = aws.has_service("bedrock")  # botocore lists no Regions of bedrock-agent
        self._bedrock = Bedrock(aws, place, expired) if bedrock else None

    def read(self, these: Sequence[Found]) -> Sequence[Read]:
        """For each of these, in their order. Bedrock's lists are read once, by one of them."""
        read = gather(*(partial(self._of_sagemaker, one) for one in these)) if these else []
        return [_both(said, self._of_bedrock(one)) for one, said in zip(these, read, strict=True)]

    def _of_sagemaker(self, one: Found) -> Read:
        service, name = _service(one)
        if self._is_elsewhere(one):
            return Read(unread=[Unread(one.id, ELSEWHERE)])
        if self._sagemaker is None or service not in ("s3", "sagemaker"):
            return Read()
        if service == "s3":
            return self._sagemaker.data_sets(name)
        read = self._sagemaker.next if kind(one.id) in ENTITIES else self._sagemaker.entities_of
        return read(one)

    def _of_bedrock(self, one: Found) -> Read:
        """What a training job has written may be what Bedrock imported."""
        service, name = _service(one)
        if self._bedrock is None or self._is_elsewhere(one):
            return Read()
        if service == "s3":
            return self._bedrock.of_bucket(name)
        if service == "bedrock":
            return self._bedrock.next(one)
        return self._bedrock.of_uri(one.source) if one.source.startswith("s3://") else Read()

    def _is_elsewhere(self, one: Found) -> bool:
        match = ARN.fullmatch(one.id)
        here = (self._place.partition, self._place.region, self._place.account)
        known = match is not None and match["service"] in ("sagemaker", "bedrock")
        return known and match is not None and match.group("partition", "region", "account") != here


def _service(one: Found) -> tuple[str, str]:
    match = ARN.fullmatch(one.id)
    return (match["service"], match["resource"]) if match else ("", "")


def _both(one: Read, other: Read) -> Read:
    return Read([*one.found, *other.found], [*one.unread, *other.unread])
