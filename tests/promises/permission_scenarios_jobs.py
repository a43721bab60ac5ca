"""The road of jobs that a person has had stopped, as deployed with StopTrainingJobs."""

import pytest

from cordon.statuses import Status
from embedded import backends
from embedded.backends import customization, jobs
from tests.examples import event, folder_of
from tests.promises.world import HOME, PLAYBOOKS, World

SENSITIVE = "macie_sensitive_data"
JOBS = PLAYBOOKS[folder_of(SENSITIVE)]  # the function
HERE = backends.here(HOME[0], HOME[1])


def run_jobs() -> list[str]:
    """One job of each kind reads the bucket, one of them stops slowly; their ARNs."""
    data = "s3://acme-training-data/train/"
    made = [
        jobs.running(kind, "nightly", HERE, reads=data) for kind in (jobs.TRAINING, jobs.PROCESSING)
    ]
    jobs.slow(jobs.TRAINING, "nightly", HERE, 2)
    made.append(customization.job("ffffffffffff", HERE, reads=data, model=False)[0])
    return made


def jobs_stopped(world: World) -> None:
    """A person approves that they are stopped; one needs its time, and a workflow waits for it."""
    environment = world.account.functions[JOBS].environment
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(environment, "CORDON_STOP_TRAINING_JOBS", "true")
        running = run_jobs()
        world.send(event(SENSITIVE))
        assert world.case().status is Status.AWAITING_APPROVAL
        world.approve(world.case())
        assert world.case().status is Status.CONTAINED
        assert {jobs.every()[arn] for arn in running} == {"Stopped"}
        assert world.release(world.case()).status is Status.REOPENED


JOB_ROADS = (jobs_stopped,)
