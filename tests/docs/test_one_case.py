"""docs/one-case.md: what people wrote around the made parts is what the run shows."""

import re
from pathlib import Path

import pytest

from console import marks
from console.one_case_picture import picture
from console.playbook_blocks.block import logical_name
from embedded.journal import Called, ExecutionStarted, RuleMatched
from tests.examples import QUARANTINE

PAGE = (Path(__file__).parents[2] / "docs" / "one-case.md").read_text()
ARROWS = re.findall(r"(\w+)->>(\w+): (.+)", PAGE)


def test_captures_are_evidence_before_the_first_change() -> None:
    first = next(n for n, (_, to, _) in enumerate(ARROWS) if to == "bucket")
    assert ARROWS[first - 1][1:] == ("evidence", "approved,<br/>captured")


def test_nothing_was_written_where_it_was_so_before() -> None:
    assert "block_public_access on arn:aws:s3:::acme-model-artifacts: done and verified" in PAGE
    assert not [what for _, _, what in ARROWS if "PublicAccessBlock" in what]


def test_nobody_changes_the_bucket_before_a_person_has_approved() -> None:
    approved = ARROWS.index(("people", "desk", "approve"))
    assert "bucket" not in {to for _, to, _ in ARROWS[:approved]}


def test_the_last_change_is_undone_first() -> None:
    changes = [what for _, to, what in ARROWS if to == "bucket"]
    made, *undone = [re.split(r",<br/>", what) for what in changes]
    assert [one.replace("Untag", "Tag") for (one,) in undone] == made[::-1]


def test_the_picture_is_of_the_calls_in_their_order() -> None:
    def called(caller: str, operation: str, **params: str) -> Called:
        return Called(caller, "role", "s3", operation, params, "us-east-1", (), True)

    own = logical_name(QUARANTINE.name)
    drawn = picture(
        [
            RuleMatched("AnotherRule", "1", ()),
            RuleMatched(f"{own}GuardDuty", "1", ()),
            called(own, "GetBucketPolicy", Bucket="theirs"),
            called("AnotherPlaybook", "PutBucketPolicy", Bucket="theirs"),
            ExecutionStarted("Workflow", "0123-1-approve-abcd", {}),
            called(own, "PutObject", Bucket="ours", Body='{"stage": "action_released"}'),
            called(own, "PutBucketPolicy", Bucket="theirs"),
        ],
        QUARANTINE.name,
        "ours",
    )
    assert [line.strip() for line in drawn.splitlines() if "->>" in line] == [
        "finding->>playbook: the finding, by its rule",
        "people->>desk: approve",
        "desk->>playbook: the workflow wakes it",
        "playbook->>evidence: action released",
        "playbook->>bucket: PutBucketPolicy",
    ]


@pytest.mark.parametrize("page", ["no marks", "<!-- it: made by `make playbooks` -->\nno end"])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="lacks the marks of 'it'"):
        marks.replaced(page, "it", "new")


def test_what_is_between_the_marks_is_made_anew() -> None:
    begin, end = "<!-- it: made by `make playbooks` -->", "<!-- /it -->"
    page = f"a\n{begin}\nold\n{end}\nb"
    assert marks.replaced(page, "it", "new") == f"a\n{begin}\nnew\n{end}\nb"
