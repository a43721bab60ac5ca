"""Stop the jobs that read a bucket now: training, processing and customization jobs.

A plan is pure, so it names the bucket; ``capture`` looks which jobs run. A job that is stopped
cannot be resumed: it is never undone, and a person approves it in every mode. Each case has a hold
of its own, of the jobs that ran when it was carried out; what starts later goes on.

captured  ``{"jobs": [{"arn", "name"}], "unread": [text]}``
written   ``{"stopped": [arn], "ended": [arn], "unread": [text]}``: those whose stop was requested,
          and those that had ended by themselves before

Sources: Amazon SageMaker AI API Reference, "StopTrainingJob" (Stopping, then Stopped; SIGTERM, and
120 seconds), "StopProcessingJob"; Amazon Bedrock API Reference, "StopModelCustomizationJob";
Service Authorization Reference, "Amazon SageMaker AI", "Amazon Bedrock". That a job which has ended
refuses to be stopped is not documented: only a reading says how it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from cordon import clock
from cordon.actions.action import (
    Action,
    Json,
    NothingToChange,
    NotVerified,
    NotYet,
    Refused,
    Undone,
    UndoResult,
)
from cordon.actions.descendants import LISTS, MODELS
from cordon.actions.grants import Grant, Statement
from cordon.actions.tag_found import bounded, short
from cordon.clients import AwsClients, error_code
from cordon.concurrency import gather
from cordon.lineage import IN_FUNCTION, within
from cordon.lineage.calls import NOT_FOUND
from cordon.lineage.running_jobs import IN_PROGRESS, STOPPING, Job, Running, running_jobs

NEXT_LOOK = timedelta(seconds=30)  # while jobs are Stopping
STOPPED = "Stopped"
# What a job refuses with that has ended, or is deleted
NOT_STOPPED = frozenset({"ValidationException", "ConflictException", *NOT_FOUND})
_ANY = "any job of the account may read the bucket"


def _jobs(sid: str, resource: str) -> Statement:
    return Statement(
        sid,
        f"arn:${{AWS::Partition}}:{resource}/*",
        "stops what reads a bucket of sensitive data, once a person has approved it",
        wide=_ANY,
    )


_TRAINING = _jobs("StopTrainingJobs", "sagemaker:*:${AWS::AccountId}:training-job")
_PROCESSING = _jobs("StopProcessingJobs", "sagemaker:*:${AWS::AccountId}:processing-job")
_TUNING = _jobs("StopCustomizationJobs", "bedrock:*:${AWS::AccountId}:model-customization-job")


@dataclass(frozen=True)
class StopJobs(Action):
    """Stop the jobs that run when it is carried out and have the bucket as their input."""

    bucket: str
    case: str

    family: ClassVar[str] = "job"
    grants: ClassVar[tuple[Grant, ...]] = (
        LISTS.allows(
            "bedrock:ListModelCustomizationJobs",
            "sagemaker:ListProcessingJobs",
            "sagemaker:ListTrainingJobs",
        ),
        MODELS.allows("bedrock:GetModelCustomizationJob"),
        _TRAINING.allows("sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"),
        _PROCESSING.allows("sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob"),
        _TUNING.allows("bedrock:StopModelCustomizationJob"),
    )
    kept_because: ClassVar[str] = (
        "a job that was stopped cannot be resumed; whoever needs it starts it again, and then it"
        " reads the data again"
    )

    @property
    def target(self) -> str:
        return f"jobs:{self.resource}:{self.case}"

    @property
    def resource(self) -> str:
        return f"arn:{self.place.partition}:s3:::{self.bucket}"

    @property
    def only_by_a_person(self) -> bool:
        return True

    @property
    def in_words(self) -> str:
        return (
            f"stops the training, processing and customization jobs of SageMaker and Bedrock in "
            f"{self.place.region} that run when it is carried out and have the bucket as input"
        )

    @property
    def caution(self) -> str:
        return (
            "it cannot be undone: what a job has computed is lost, unless the job saves it. Which "
            "jobs, is read when it is carried out; exemptions and protections count by the bucket, "
            "not by the job. What a job reads by a manifest, a file system, a query or its own "
            "code is not found"
        )

    @property
    def shuts_out(self) -> str:
        return "whoever waits for what these jobs make"

    def look(self, aws: AwsClients) -> str:
        found = self._running(aws)
        jobs = bounded([short(job.arn) for job in found.jobs])
        return ". ".join([f"running now, and to be stopped: {jobs}", *_not_read(_unread(found))])

    def capture(self, aws: AwsClients) -> Json:
        found = self._running(aws)
        jobs = [{"arn": job.arn, "name": job.name} for job in found.jobs]
        return {"jobs": jobs, "unread": _unread(found)}

    def is_as_captured(self, aws: AwsClients, captured: Json) -> bool:
        """Do those that were captured still run?"""
        return set(self._statuses(aws, captured).values()) <= {IN_PROGRESS}

    def apply(
        self, aws: AwsClients, captured: Json, written: Json | None, current: Json | None = None
    ) -> Json:
        """Stop those that were captured: of what started since, there is no evidence yet."""
        stopped = set((written or {}).get("stopped", ()))
        ended = set((written or {}).get("ended", ()))
        jobs = [job for job in _captured(captured) if job.arn not in ended]
        for job, was in zip(jobs, gather(*(partial(_stop, aws, one) for one in jobs)), strict=True):
            (stopped if was or job.arn in stopped else ended).add(job.arn)
        return {
            "stopped": sorted(stopped),
            "ended": sorted(ended),
            "unread": captured["unread"],
        }

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        shown = self._statuses(aws, captured)
        if running := [arn for arn in written["stopped"] if shown[arn] == IN_PROGRESS]:
            raise NotVerified(f"still {IN_PROGRESS}: {bounded(running)}")
        if waiting := [short(arn) for arn in written["stopped"] if shown[arn] == STOPPING]:
            raise NotYet(clock.now() + NEXT_LOOK, f"{STOPPING}: {bounded(waiting)}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        if not written["stopped"]:
            return UndoResult(Undone.KEPT, "no job was stopped: each had ended by itself")
        return UndoResult(Undone.KEPT, self.kept_because)

    def note(self, written: Json) -> str:
        said = {
            "a stop was requested, and they run no longer": written["stopped"],
            "had ended by themselves": written["ended"],
        }
        found = [
            f"{word}: {bounded([short(a) for a in arns])}" for word, arns in said.items() if arns
        ]
        return ". ".join([*found, *_not_read(written["unread"])])

    def _running(self, aws: AwsClients) -> Running:
        """Raises NothingToChange where no job runs, Refused where that is not known."""
        found = running_jobs(aws, self.bucket, within(IN_FUNCTION))
        if not found.jobs:
            nothing = f"no job was found that runs and has {self.resource} as its input"
            if found.unread:
                raise Refused(". ".join([nothing, *_not_read(_unread(found))]))
            raise NothingToChange(nothing)
        return found

    def _statuses(self, aws: AwsClients, captured: Json) -> Mapping[str, str]:
        jobs = _captured(captured)
        shown = gather(*(partial(job.status, aws) for job in jobs))
        return {job.arn: status for job, status in zip(jobs, shown, strict=True)}


def _captured(captured: Json) -> list[Job]:
    return [Job(one["arn"], one["name"]) for one in captured["jobs"]]


def _unread(found: Running) -> list[str]:
    return [f"{one.what}: {one.why}" for one in found.unread]


def _not_read(unread: Any) -> list[str]:
    return [f"not read: {bounded(unread)}"] if unread else []


def _stop(aws: AwsClients, job: Job) -> bool:
    """Was its stop requested, now or before? False where it had ended by itself."""
    try:
        job.stop(aws)
    except ClientError as error:
        if error_code(error) not in NOT_STOPPED:
            raise
        if (status := job.status(aws)) == IN_PROGRESS:
            raise
        return status in (STOPPING, STOPPED)
    return True
