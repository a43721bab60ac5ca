"""Our finding's id is that of one stack's case, and of no other's."""

from cordon.finding import Place
from cordon.sources.own_finding import case_named, id_of
from tests.examples import QUARANTINE

PLACE = Place("aws", "111122223333", "eu-west-1")
CASE = "0123456789abcdef"
OURS, OTHER = (f"arn:aws:cloudformation:x:1:stack/cordon/{n}-11f0-4e5f" for n in ("0a1b2c3d", "f0"))


def test_two_stacks_have_two_findings_of_one_case() -> None:
    ids = [id_of(stack, PLACE, QUARANTINE.name, CASE) for stack in (OURS, OTHER)]
    assert ids[0] == f"cordon/111122223333/eu-west-1/{QUARANTINE.name}/{CASE}/0a1b2c3d"
    assert [case_named(id, OURS) for id in ids] == [(QUARANTINE.name, CASE), None]


def test_what_only_begins_like_an_id_names_no_case() -> None:
    ours = id_of(OURS, PLACE, QUARANTINE.name, CASE)
    for other in (ours + "/x", ours.rpartition("/")[0], "cordon/", ours.replace(CASE, "case")):
        assert case_named(other, OURS) is None
