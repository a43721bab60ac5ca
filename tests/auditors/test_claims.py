"""What Prowler must have said of a claim; and what no claim may leave out."""

import pytest

from tests.auditors.claims import (
    CLAIMS,
    FAIL,
    LOOKS,
    NOT_CLAIMED,
    PASS,
    Claim,
    contained_controls,
    faults,
    unclaimed,
)
from tests.examples import HEADERS

SHUT, RESTORED, TRAIL = (
    next(one for one in CLAIMS if one.check == check)
    for check in ("s3_bucket_public_access", "macie_is_enabled", "cloudtrail_multi_region_enabled")
)


def looks(claim: Claim, *said: str, of: str = "") -> dict[str, dict[tuple[str, str], str]]:
    about = (claim.check, of or claim.resource)
    rows = ({about: one} if one else {} for one in said)
    return dict(zip(LOOKS, rows, strict=True))


@pytest.mark.parametrize(
    ("claim", "said"), [(SHUT, (FAIL, PASS, FAIL)), (RESTORED, (FAIL, PASS, PASS))]
)
def test_what_a_release_keeps_stays_good(claim: Claim, said: tuple[str, ...]) -> None:
    assert list(faults([claim], looks(claim, *said))) == []


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ((PASS, PASS, FAIL), "before"),
        ((FAIL, FAIL, FAIL), "contained"),
        ((FAIL, PASS, PASS), "released"),
        ((FAIL, "", FAIL), "contained"),
        ((FAIL, "MANUAL", FAIL), "contained"),
        (("", PASS, FAIL), "before"),
    ],
)
def test_anything_else_is_said(said: tuple[str, ...], at: str) -> None:
    (fault,) = faults([SHUT], looks(SHUT, *said))
    assert fault.startswith(f"s3_bucket_public_access of {SHUT.resource}, {at}: ")


def test_pass_of_another_resource_is_none() -> None:
    said = list(faults([SHUT], looks(SHUT, FAIL, PASS, FAIL, of="arn:aws:s3:::another")))
    assert len(said) == len(LOOKS) and all("no row" in one for one in said)


def test_resource_may_have_another_name_where_it_fails() -> None:
    rows = looks(TRAIL, "", PASS, PASS)
    assert list(faults([TRAIL], rows)) != []
    rows["before"] = {(TRAIL.check, TRAIL.failing): FAIL}
    assert list(faults([TRAIL], rows)) == []


def test_check_of_a_contained_control_needs_a_claim_or_a_reason() -> None:
    assert {"S3.8", "SageMaker.3"} <= contained_controls()
    assert not {"SageMaker.1", "CloudTrail.1"} & contained_controls()  # tagged, and for a person
    claimed = {"S3.8": ["s3_bucket_level_public_access_block"], "S3.6": [*NOT_CLAIMED]}
    assert list(unclaimed(claimed)) == []
    (said,) = unclaimed({**claimed, "S3.3": ["s3_new"], "CloudTrail.1": ["of_nobody"]})
    assert said.startswith("s3_new, for S3.3")


def test_claims_are_of_playbooks_that_contain() -> None:
    for claim in CLAIMS:
        assert any(action.contains for action in HEADERS[claim.playbook].actions)
