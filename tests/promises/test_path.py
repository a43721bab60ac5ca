"""How far it is from an event to contained: these counts may fall, and rise only with a reason.

``python -m bench path`` lists the calls and why each is made. Reports are not counted: another
function shows people the case, after its row was written.
"""

from functools import cache

import pytest

from bench.path import SCENARIOS, Path, walk

# Rounds to contained, calls to contained, and calls in all.
COUNTS = {
    # Remember and look up; claim; read and take the budget; prove and keep; block. Then verify,
    # tag, verify, keep what was written, prove, and say how it ended. At most 5, 12 and 18.
    "public bucket, cold": (5, 11, 17),
    # The look-ups of trails, delivery channels and invocation logging are kept. At most 8 calls.
    "public bucket, warm": (5, 8, 14),
    # Its ARN is resolved for each event, because its path protects it. At most 5 rounds.
    "role, cold": (5, 10, 14),
    "role, warm": (5, 10, 14),
    # Keys first, then the policy: two effects in a row. At most 6 rounds. What a user has beside
    # keys takes four calls more in the round of the captures, and four when it is verified: whoever
    # has the user may have made a password meanwhile.
    "user, cold": (6, 17, 26),
    "user, warm": (6, 17, 26),
    # At most 12 calls: no look-up, and the tag is the effect.
    "tags": (5, 7, 11),
    # Remembered, proven, recorded; the reporter opens the incident. At most 4.
    "escalate": (0, 0, 3),
    # The same three; ten of one batch share the object of evidence. At most 3.
    "compliance finding, observed": (0, 0, 3),
    # What would be protected is said to who observes, too: the look-ups of a cold container.
    "threat to a bucket, observed, cold": (0, 0, 6),
    "threat to a bucket, observed, warm": (0, 0, 3),
    "threat to a role, observed": (0, 0, 4),  # at most 4
    # Remembered, and its ARN: nothing is written, and nobody is shown anything. At most 2.
    "role, contained, the same again": (0, 0, 2),
    "bucket, contained, the same again": (0, 0, 1),
    "bucket, contained, the same again, cold": (0, 0, 4),  # the look-ups
    "tags, the same again": (0, 0, 1),
    "role, observed, the same again": (0, 0, 2),
    "role, observed, with later activity": (0, 0, 2),  # at most 3
    # Newer sessions are revoked too: contained anew, but for the budget, which was taken.
    "role, contained, with later activity": (
        6,
        11,
        15,
    ),  # policy, with the recorded plan, once more
}
walked = cache(walk)


def path_of(name: str) -> Path:
    """The path of a scenario; each is walked once."""
    return walked(SCENARIOS[name])


def test_every_path_has_its_counts() -> None:
    assert COUNTS.keys() == SCENARIOS.keys()


@pytest.mark.drawn(1 / 10)
@pytest.mark.parametrize("name", COUNTS)
def test_the_way_is_no_longer_than_it_was(name: str) -> None:
    assert path_of(name).counts == COUNTS[name]


@pytest.mark.parametrize("name", ["public bucket, cold", "role, cold", "user, cold", "tags"])
def test_no_report_or_tag_comes_before_the_effect(name: str) -> None:
    late = ("s3control:TagResource", "sns:", "ssm:", "securityhub:", "events:")
    before = path_of(name).before
    assert before
    assert not [step for step in before if step.call.startswith(late)]
    assert path_of(name).reports


@pytest.mark.parametrize("name", ["public bucket, cold", "role, cold", "user, cold"])
def test_changes_follow_their_proven_capture(name: str) -> None:
    path = path_of(name)
    proven = [step.round for step in path.steps if step.why == "evidence: captured"]
    kept = [step.round for step in path.steps if step.why.startswith("keep what was there")]
    changed = [step.round for step in path.steps if step.is_effect]
    assert proven and kept and changed
    assert max(proven + kept) < min(changed)


@pytest.mark.parametrize("name", [name for name in COUNTS if "the same again" in name])
def test_nothing_is_written_and_nobody_is_shown_what_is_known(name: str) -> None:
    reads = ("Get", "BatchGet", "Describe", "List")
    calls = [step.call.partition(":")[2] for step in path_of(name).steps]
    assert [call for call in calls if not call.startswith(reads)] == []
