"""Jobs that run and read a bucket are stopped; the others, and what is not known, are said."""

import pytest

from cordon.actions import NothingToChange, NotVerified, NotYet, Refused
from cordon.clients import AwsClients
from embedded.backends import jobs
from tests.actions.scenario import stub
from tests.actions.scenario_jobs import BUCKET, HERE, STOP, TUNE, running, start_another

NIGHTLY = HERE.arn("sagemaker", "training-job/Nightly-1")
CLEAN = HERE.arn("sagemaker", "processing-job/clean")
OTHER = HERE.arn("sagemaker", "training-job/other")
TUNED = HERE.arn("bedrock", f"model-customization-job/amazon.nova-lite-v1:0/{TUNE}")


def test_only_those_that_have_the_bucket_as_their_input_are_stopped(aws: AwsClients) -> None:
    running(aws)
    captured = STOP.capture(aws)
    assert {one["arn"] for one in captured["jobs"]} == {NIGHTLY, CLEAN, TUNED}
    start_another(aws)
    written = STOP.apply(aws, captured, None)
    STOP.verify(aws, captured, written)
    late = HERE.arn("sagemaker", "training-job/late")
    assert jobs.every() == {
        NIGHTLY: "Stopped",
        CLEAN: "Stopped",
        TUNED: "Stopped",
        OTHER: "InProgress",
        late: "InProgress",
    }
    for name in ("training-job/Nightly-1", "processing-job/clean", TUNE):
        assert name in STOP.note(written)


def test_job_that_ended_meanwhile_is_said_to_have_ended(aws: AwsClients) -> None:
    running(aws)
    captured = STOP.capture(aws)
    jobs.end(jobs.TRAINING, "Nightly-1", HERE)
    written = STOP.apply(aws, captured, None)
    assert (written["ended"], len(written["stopped"])) == ([NIGHTLY], 2)
    STOP.verify(aws, captured, written)
    assert jobs.every()[NIGHTLY] == "Completed"
    assert "ended by themselves: training-job/Nightly-1" in STOP.note(written)


def test_stopping_is_not_stopped(aws: AwsClients) -> None:
    running(aws)
    jobs.slow(jobs.TRAINING, "Nightly-1", HERE, 1)
    captured = STOP.capture(aws)
    written = STOP.apply(aws, captured, None)
    with pytest.raises(NotYet, match="Stopping: training-job/Nightly-1"):
        STOP.verify(aws, captured, written)
    STOP.verify(aws, captured, written)
    jobs.end(jobs.TRAINING, "Nightly-1", HERE, "InProgress")
    with pytest.raises(NotVerified, match="still InProgress"):
        STOP.verify(aws, captured, written)


def test_no_job_is_nothing_to_change(aws: AwsClients) -> None:
    jobs.running(jobs.TRAINING, "other", HERE, reads=f"s3://{BUCKET}-2/train/")
    for look in (STOP.look, STOP.capture):
        with pytest.raises(NothingToChange, match=f"runs and has .*{BUCKET}"):
            look(aws)


def test_what_could_not_be_read_is_said_and_is_no_statement(aws: AwsClients) -> None:
    stub(aws, "sagemaker", "ListTrainingJobs", lambda _: "AccessDeniedException")
    with pytest.raises(Refused, match="not read: ListTrainingJobs"):
        STOP.capture(aws)
    jobs.running(jobs.PROCESSING, "clean", HERE, reads=f"s3://{BUCKET}/x")
    said = STOP.look(aws)
    assert "processing-job/clean" in said and "not read: ListTrainingJobs" in said
    captured = STOP.capture(aws)
    assert "not read" in STOP.note(STOP.apply(aws, captured, None))


def test_release_keeps_it_and_says_why(aws: AwsClients) -> None:
    running(aws)
    captured = STOP.capture(aws)
    assert STOP.is_as_captured(aws, captured)
    written = STOP.apply(aws, captured, None)
    assert not STOP.is_as_captured(aws, captured)
    assert "cannot be resumed" in STOP.undo(aws, captured, written).reason
    none = {"stopped": [], "ended": [NIGHTLY], "unread": []}
    assert "no job was stopped" in STOP.undo(aws, captured, none).reason
