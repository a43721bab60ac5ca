"""Jobs that run now and have a bucket's data as their input: SageMaker's and Bedrock's.

Nobody documents how soon lineage has a job, so the services' own lists are read: ListTrainingJobs
and ListProcessingJobs (StatusEquals), DescribeTrainingJob (InputDataConfig), DescribeProcessingJob
(ProcessingInputs), ListModelCustomizationJobs (statusEquals) and GetModelCustomizationJob, of one
account and Region. What a job reads by a manifest, a file system, a query or its own code is not
known by its input. Sources: the service models of ``sagemaker`` and ``bedrock``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather
from cordon.lineage.bedrock import inputs_of_job
from cordon.lineage.calls import NOT_FOUND, Expired, below, once, pages
from cordon.lineage.walk import TIME, Unread

IN_PROGRESS, STOPPING = "InProgress", "Stopping"
AT_ONCE = 16  # calls between two looks at the clock
Said = Mapping[str, Any]


@dataclass(frozen=True)
class Calls:
    """The calls about one kind of job."""

    list: Callable[..., Said]
    describe: Callable[..., Said]
    stop: Callable[..., Said]


@dataclass(frozen=True)
class Kind:
    """One kind of job: its calls, and the names of what they take and say."""

    service: str
    resource: str  # as in the ARN: "training-job"
    calls: Callable[[AwsClients], Calls]
    items: str
    page: str  # how the list names a page
    only: str  # and a status
    parameter: str  # how a call names the job
    member: str  # and the list
    arn: str
    status: str
    inputs: Callable[[Said], Iterator[str]]


def _training(aws: AwsClients) -> Calls:
    sagemaker = aws.client("sagemaker")
    return Calls(
        sagemaker.list_training_jobs,
        sagemaker.describe_training_job,
        sagemaker.stop_training_job,
    )


def _processing(aws: AwsClients) -> Calls:
    sagemaker = aws.client("sagemaker")
    return Calls(
        sagemaker.list_processing_jobs,
        sagemaker.describe_processing_job,
        sagemaker.stop_processing_job,
    )


def _customization(aws: AwsClients) -> Calls:
    bedrock = aws.client("bedrock")
    return Calls(
        bedrock.list_model_customization_jobs,
        bedrock.get_model_customization_job,
        bedrock.stop_model_customization_job,
    )


def _of_training(said: Said) -> Iterator[str]:
    for channel in said.get("InputDataConfig", []):
        yield channel.get("DataSource", {}).get("S3DataSource", {}).get("S3Uri", "")


def _of_processing(said: Said) -> Iterator[str]:
    for one in said.get("ProcessingInputs", []):
        yield one.get("S3Input", {}).get("S3Uri", "")


KINDS = (
    Kind(
        service="sagemaker",
        resource="training-job",
        calls=_training,
        items="TrainingJobSummaries",
        page="NextToken",
        only="StatusEquals",
        parameter="TrainingJobName",
        member="TrainingJobName",
        arn="TrainingJobArn",
        status="TrainingJobStatus",
        inputs=_of_training,
    ),
    Kind(
        service="sagemaker",
        resource="processing-job",
        calls=_processing,
        items="ProcessingJobSummaries",
        page="NextToken",
        only="StatusEquals",
        parameter="ProcessingJobName",
        member="ProcessingJobName",
        arn="ProcessingJobArn",
        status="ProcessingJobStatus",
        inputs=_of_processing,
    ),
    Kind(
        service="bedrock",
        resource="model-customization-job",
        calls=_customization,
        items="modelCustomizationJobSummaries",
        page="nextToken",
        only="statusEquals",
        parameter="jobIdentifier",
        member="jobArn",
        arn="jobArn",
        status="status",
        inputs=inputs_of_job,
    ),
)
_KINDS = {kind.resource: kind for kind in KINDS}


@dataclass(frozen=True)
class Job:
    """A job. ``name`` is how calls name it: an ARN may spell it otherwise."""

    arn: str
    name: str

    @property
    def kind(self) -> Kind:
        """Its calls."""
        return _KINDS[self.arn.split(":", 5)[5].partition("/")[0]]

    def status(self, aws: AwsClients) -> str:
        """As it is now; "" where the job is deleted."""
        kind = self.kind
        try:
            return str(kind.calls(aws).describe(**{kind.parameter: self.name})[kind.status])
        except ClientError as error:
            if error_code(error) not in NOT_FOUND:
                raise
            return ""

    def stop(self, aws: AwsClients) -> None:
        """Have it stopped. Raises the service's error, as where it has ended meanwhile."""
        self.kind.calls(aws).stop(**{self.kind.parameter: self.name})


@dataclass(frozen=True)
class Running:
    """The jobs, and what could not be read."""

    jobs: Sequence[Job]
    unread: Sequence[Unread]


def running_jobs(aws: AwsClients, bucket: str, expired: Expired) -> Running:
    """Those that run and whose input names the bucket, or something in it."""
    jobs: list[Job] = []
    unread: list[Unread] = []
    for kind in KINDS:
        if not aws.has_service(kind.service):
            continue
        calls, named = kind.calls(aws), {kind.only: IN_PROGRESS}
        listed, left = pages(calls.list, kind.items, kind.page, expired, **named)
        unread += left
        for begin in range(0, len(listed), AT_ONCE):
            if expired():
                unread.append(Unread(f"{kind.resource}s: {len(listed) - begin}", TIME))
                break
            some = listed[begin : begin + AT_ONCE]
            read = gather(
                *(
                    partial(once, calls.describe, **{kind.parameter: one[kind.member]})
                    for one in some
                )
            )
            for one, said in zip(some, read, strict=True):
                if isinstance(said, Unread):
                    unread.append(said)
                elif said and any(below(uri, bucket) for uri in kind.inputs(said)):
                    jobs.append(Job(one[kind.arn], one[kind.member]))
    return Running(jobs, unread)
