"""No bucket whose data an approved model was made of has a tag that one of our holds has set.

Two rules with one look: ``cordon:tainted:…`` is set where sensitive data was found (``TAINTED``),
``cordon:low-quality:…`` where data failed its rules (``LOW_QUALITY``). A tag goes with the release
of its case, and then the rule passes. Whoever may tag the bucket can set one too.

What a version was made of is what SageMaker's lineage leads to from its artifact, in ten steps. The
tag marks a whole bucket: which objects of it were read, nothing here says. Without a data set in
the lineage, or with one that lies elsewhere, nothing is known: NOT_APPLICABLE, never COMPLIANT.

Not looked at: the tags of a version's group, which are about its other versions too; where the
version's own files lie, which says nothing of the data; the statistics and constraints that a
version names, which are objects that would have to be read.

Sources: Amazon SageMaker AI Developer Guide, "Amazon SageMaker AI-Created Tracking Entities"
(Tracking Entities for Model Packages); Amazon SageMaker AI API Reference, "ListModelPackages",
"DescribeArtifact", "DescribeModelPackage" (``ModelMetrics``: where, not how it ended); Amazon S3
API Reference, "ListTagsForResource".
"""

from typing import Any

from botocore.exceptions import ClientError

from cordon.actions.action import Refused
from cordon.actions.dataset import LOCATION, LOW_QUALITY
from cordon.actions.descendants import TAINTED
from cordon.actions.s3.general_purpose import require_general_purpose
from cordon.actions.s3.tag import TagBucket
from cordon.actions.sagemaker import is_deleted
from cordon.assessing.data_sets import data_sets_of
from cordon.assessing.evaluation import Compliance, Evaluation, Found, Unread
from cordon.assessing.model_packages import APPROVED, REFUSED, TYPE
from cordon.assessing.request import Request
from cordon.clients import AwsClients, error_code

TAINTED_RULE = "cordon-model-package-data-is-not-tainted"
LOW_QUALITY_RULE = "cordon-model-package-data-is-not-low-quality"
NO_DATA = "SageMaker's lineage leads from it to no data set: nothing is known of its data"
ELSEWHERE = "Some of its data is in no bucket that S3 shows of this account: "
DENIED = "access to what its lineage leads to is denied: "


def assess_tainted(aws: AwsClients, request: Request) -> Found:
    """Every approved version of a model, and whether its data lies where sensitive data is held."""
    return _assess(aws, request, TAINTED)


def assess_low_quality(aws: AwsClients, request: Request) -> Found:
    """Every approved version of a model, and whether its data lies where data failed its rules."""
    return _assess(aws, request, f"{LOW_QUALITY}:")


def _assess(aws: AwsClients, request: Request, prefix: str) -> Found:
    sagemaker, held = aws.client("sagemaker"), _Held(aws, request, prefix)
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageType="Versioned", ModelApprovalStatus=APPROVED
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            yield held.judged(summary["ModelPackageArn"])


class _Held:
    """Data sets and the tags of their buckets, each read once in a run."""

    def __init__(self, aws: AwsClients, request: Request, prefix: str) -> None:
        self._sagemaker = aws.client("sagemaker")
        self._s3control = aws.client("s3control")
        self._request = request
        self._prefix = prefix
        self._places: dict[str, str] = {}  # data set → where it lies
        self._keys: dict[str, list[str] | None] = {}  # bucket → its keys; None: it is not ours

    def judged(self, package: str) -> Evaluation | Unread:
        """One version, by all of its data that could be read."""
        found: list[str] = []
        elsewhere: list[str] = []
        denied: list[str] = []
        data_sets = sorted(set(data_sets_of(self._sagemaker, package)))
        for data_set in data_sets:
            try:
                place = self._place(data_set)
                keys = self._held_by(place)
            except ClientError as error:
                if error_code(error) not in REFUSED:
                    raise
                denied.append(self._places.get(data_set, data_set))
                continue
            if keys is None:
                elsewhere.append(place)
            else:
                found += [f"the tag {key} is on the bucket of its data {place}" for key in keys]
        if found:
            more = f"; and {len(found) - 1} more" if found[1:] else ""
            said = f"{found[0][0].upper()}{found[0][1:]}{more}"
            return Evaluation(TYPE, package, Compliance.NON_COMPLIANT, said)
        if denied:
            return Unread(TYPE, package, f"{DENIED}{denied[0]}")
        if elsewhere or not data_sets:
            said = f"{ELSEWHERE}{elsewhere[0]}" if elsewhere else NO_DATA
            return Evaluation(TYPE, package, Compliance.NOT_APPLICABLE, said)
        return Evaluation(TYPE, package, Compliance.COMPLIANT)

    def _place(self, data_set: str) -> str:
        """Its S3 URI, or what else it stands for; its ARN if it is another account's or deleted."""
        if data_set not in self._places:
            self._places[data_set] = self._described(data_set)
        return self._places[data_set]

    def _described(self, data_set: str) -> str:
        if data_set.split(":")[4] != self._request.account:
            return data_set
        try:
            said: Any = self._sagemaker.describe_artifact(ArtifactArn=data_set)
        except ClientError as error:
            if is_deleted(error):
                return data_set
            raise
        return str(said["Source"]["SourceUri"])

    def _held_by(self, place: str) -> list[str] | None:
        """The keys of such tags on the bucket of this place; None if it is in no bucket of ours."""
        match = LOCATION.fullmatch(place)
        if not match:
            return None
        bucket = match["bucket"]
        if bucket not in self._keys:
            self._keys[bucket] = self._keys_of(bucket)
        keys = self._keys[bucket]
        return None if keys is None else [key for key in keys if key.startswith(self._prefix)]

    def _keys_of(self, bucket: str) -> list[str] | None:
        try:
            require_general_purpose(bucket)
        except Refused:
            return None
        try:
            tags = self._s3control.list_tags_for_resource(
                AccountId=self._request.account,
                ResourceArn=f"arn:{self._request.partition}:s3:::{bucket}",
            )["Tags"]
        except ClientError as error:
            if error_code(error) in TagBucket.not_found_errors:
                return None
            raise
        return sorted(tag["Key"] for tag in tags)
