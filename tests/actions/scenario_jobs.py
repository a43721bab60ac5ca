"""Scenarios of jobs that run and read a bucket: one of each kind, and one that ended meanwhile."""

from typing import Any

from cordon.actions.action import Undone
from cordon.actions.stop_jobs import StopJobs
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import customization, jobs
from tests.actions.scenario import PLACE, Scenario

HERE = backends.here(PLACE.account, PLACE.region)
BUCKET = "acme-training-data"
STOP = StopJobs(PLACE, BUCKET, "0123456789abcdef")
DATA = f"s3://{BUCKET}/train/"
TUNE = "aaaaaaaaaaaa"


def running(aws: AwsClients) -> None:
    """One of each kind reads the bucket; another job reads another bucket."""
    jobs.running(jobs.TRAINING, "Nightly-1", HERE, reads=DATA)
    jobs.running(jobs.PROCESSING, "clean", HERE, reads=f"s3://{BUCKET}")
    customization.job(TUNE, HERE, reads=f"{DATA}tune.jsonl", model=False)
    jobs.running(jobs.TRAINING, "other", HERE, reads=f"s3://{BUCKET}-2/train/")


def read(aws: AwsClients) -> Any:
    return jobs.every()


def start_another(aws: AwsClients) -> None:
    jobs.running(jobs.TRAINING, "late", HERE, reads=DATA)


SCENARIOS = (
    Scenario(
        "running",
        STOP,
        STOP,
        prepare=running,
        read=read,
        tamper=start_another,
        after_tamper=Undone.KEPT,
    ),
)
