"""How far it is from an event to contained: these counts may fall, and rise only with a reason.

docs/performance.md, "Calls", lists every call and why it is made.
"""

import pytest

from bench.path import walk
from bench.recorded_answers import FIRST

LONGEST = {  # rounds to contained, calls to contained, calls in all
    "quarantine_bucket": (5, 11, 24),
    "revoke_sessions": (5, 10, 21),
    "tag_ai_resource": (5, 7, 16),
    "escalate_finding": (9, 9, 10),
}


@pytest.mark.parametrize("playbook", FIRST)
def test_the_way_is_no_longer_than_it_was(playbook: str) -> None:
    path = walk(playbook)
    assert (path.contained, len(path.before), len(path.steps)) == LONGEST[playbook]


def test_no_report_or_tag_comes_before_the_effect() -> None:
    for playbook in ("quarantine_bucket", "revoke_sessions"):
        calls = {step.call for step in walk(playbook).before}
        assert not calls & {"ssm:CreateOpsItem", "sns:Publish", "s3control:TagResource"}
        assert not [call for call in calls if call.startswith("securityhub:")]


def test_changes_follow_their_proven_capture() -> None:
    for playbook in ("quarantine_bucket", "revoke_sessions"):
        path = walk(playbook)
        proven = [step.round for step in path.steps if step.why == "evidence: captured"]
        kept = [step.round for step in path.steps if step.why.startswith("keep what was there")]
        assert proven and kept
        assert max(proven + kept) < path.contained
