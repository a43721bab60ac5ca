"""SageMaker's jobs that run: training and processing jobs, listed, described and stopped.

In moto a job has ended as soon as it is made, and StopTrainingJob is missing. Nothing is made by
the API here: ``running`` says that a job runs. Where none does, moto responds. Sources: the service
model of ``sagemaker``; Amazon SageMaker AI API Reference, "StopTrainingJob" (Stopping, then
Stopped), "StopProcessingJob". That a job which has ended refuses to be stopped is our guess.
"""

from typing import Any

from embedded.backends import customization, tags
from embedded.backends.pages import page
from embedded.backends.registry import NotOurs, Params, Refusal, Response, Where, implements, tables
from embedded.backends.times import now

TABLE = "running-jobs"
TRAINING, PROCESSING = "training-job", "processing-job"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/train:1"


def running(kind: str, name: str, where: Where, *, reads: str) -> str:
    """A job in progress whose only input is a URI; its ARN."""
    arn = where.arn("sagemaker", f"{kind}/{name}")
    where.table(TABLE)[kind, name] = {"arn": arn, "reads": reads, "status": "InProgress", "left": 0}
    tags.exists(arn, where)
    return arn


def slow(kind: str, name: str, where: Where, readings: int) -> None:
    """It shows Stopping for so many readings once it is stopped."""
    where.table(TABLE)[kind, name]["left"] = readings


def end(kind: str, name: str, where: Where, status: str = "Completed") -> None:
    """It ends by itself."""
    where.table(TABLE)[kind, name]["status"] = status


def every() -> dict[str, str]:
    """The status of each job, in all accounts and Regions, by ARN; Bedrock's too."""
    ours = {one["arn"]: one["status"] for table in tables(TABLE) for one in table.values()}
    return dict(sorted({**ours, **customization.statuses()}.items()))


def _one(kind: str, name: str, where: Where) -> dict[str, Any]:
    found: dict[str, Any] | None = where.table(TABLE).get((kind, name))
    if found is None:
        raise NotOurs
    return found


def _described(kind: str, name: str, where: Where) -> dict[str, Any]:
    """As it is; each reading brings a stop nearer to its end."""
    one = _one(kind, name, where)
    shown = dict(one)
    if one["status"] == "Stopping":
        one["left"] -= 1
        one["status"] = "Stopping" if one["left"] > 0 else "Stopped"
    return shown


def _listed(kind: str, word: str, params: Params, where: Where) -> Response:
    if not where.table(TABLE):
        raise NotOurs
    wanted = params.get("StatusEquals")
    found = [
        {
            f"{word}JobName": name,
            f"{word}JobArn": one["arn"],
            f"{word}JobStatus": one["status"],
            "CreationTime": now(),
        }
        for (of, name), one in sorted(where.table(TABLE).items())
        if of == kind and wanted in (None, one["status"])
    ]
    listed, more = page(found, params, "NextToken", 10)
    return {f"{word}JobSummaries": listed, **more}


def _stopped(kind: str, name: str, where: Where) -> Response:
    one = _one(kind, name, where)
    if one["status"] != "InProgress":
        raise Refusal("ValidationException", f"the job {one['arn']} is {one['status']}")
    one["status"] = "Stopping" if one["left"] else "Stopped"
    return {}


@implements("sagemaker", "ListTrainingJobs")
def list_training_jobs(params: Params, where: Where) -> Response:
    """All of them, or those with a status."""
    return _listed(TRAINING, "Training", params, where)


@implements("sagemaker", "DescribeTrainingJob")
def describe_training_job(params: Params, where: Where) -> Response:
    """One that runs or was stopped; moto responds for its own."""
    name = params["TrainingJobName"]
    one = _described(TRAINING, name, where)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": one["reads"]}}
    return {
        "TrainingJobName": name,
        "TrainingJobArn": one["arn"],
        "ModelArtifacts": {"S3ModelArtifacts": "s3://results/model.tar.gz"},
        "TrainingJobStatus": one["status"],
        "SecondaryStatus": "Training" if one["status"] == "InProgress" else one["status"],
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": source}],
        "ResourceConfig": {"VolumeSizeInGB": 1},
        "StoppingCondition": {},
        "CreationTime": now(),
    }


@implements("sagemaker", "StopTrainingJob")
def stop_training_job(params: Params, where: Where) -> Response:
    """One of ours."""
    return _stopped(TRAINING, params["TrainingJobName"], where)


@implements("sagemaker", "ListProcessingJobs")
def list_processing_jobs(params: Params, where: Where) -> Response:
    """All of them, or those with a status."""
    return _listed(PROCESSING, "Processing", params, where)


@implements("sagemaker", "DescribeProcessingJob")
def describe_processing_job(params: Params, where: Where) -> Response:
    """One that runs or was stopped; moto responds for its own."""
    name = params["ProcessingJobName"]
    one = _described(PROCESSING, name, where)
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": name,
        "ProcessingJobArn": one["arn"],
        "ProcessingInputs": [
            {"InputName": "data", "S3Input": {"S3Uri": one["reads"], "S3DataType": "S3Prefix"}}
        ],
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": IMAGE},
        "ProcessingJobStatus": one["status"],
        "CreationTime": now(),
    }


@implements("sagemaker", "StopProcessingJob")
def stop_processing_job(params: Params, where: Where) -> Response:
    """One of ours; moto responds for its own."""
    return _stopped(PROCESSING, params["ProcessingJobName"], where)
