"""What people attest is kept with who and until when; a refusal has written nothing."""

from datetime import timedelta

import pytest

from cordon.clock import now
from cordon.deciding.attest import attest
from cordon.deciding.desk import NotDecided
from cordon.deciding.request import Attest, BadRequest
from cordon.memory import attestations
from cordon.memory.attestations import Attestation, Worth
from tests.deciding.stand_ins import ADA, Office, caller
from tests.make import ACCOUNT

ABOUT = "generative-3-resilience"


def day(days: float) -> str:
    return f"{now() + timedelta(days=days):%Y-%m-%d}"


def kept(office: Office) -> Attestation | None:
    return attestations.read(office.desk.table, [ABOUT, "agentic-1"]).get(ABOUT)


def test_it_is_kept_with_who_and_until_when(office: Office) -> None:
    response = attest(Attest(ABOUT, "tried in May", day(30)), caller(), office.desk)
    assert (response.status, response.body["by"], response.body["person"]) == (200, ADA, ADA)
    said = kept(office)
    assert said is not None
    assert (said.about, said.says, said.by, said.person) == (ABOUT, "tried in May", ADA, ADA)
    assert said.worth(now()) is Worth.ATTESTED
    assert said.worth(said.until) is Worth.ENDED
    assert f"{said.until:%Y-%m-%d}" == day(30)


def test_the_last_word_counts_and_may_be_withdrawn(office: Office) -> None:
    attest(Attest(ABOUT, "first", day(300)), caller(), office.desk)
    attest(Attest(ABOUT, "second", day(30)), caller(), office.desk)
    said = kept(office)
    assert said is not None and said.says == "second"
    assert attest(Attest(ABOUT, "", withdraw=True), caller(), office.desk).body["says"] == (
        "withdrawn"
    )
    said = kept(office)
    assert said is not None and said.worth(now()) is Worth.WITHDRAWN


@pytest.mark.parametrize("until", ["tomorrow", "2026-02-30", "2000-01-01", "2100-01-01"])
def test_no_day_to_come_within_a_year_is_refused(office: Office, until: str) -> None:
    with pytest.raises(BadRequest, match="until"):
        attest(Attest(ABOUT, "s", until), caller(), office.desk)
    assert kept(office) is None


def test_who_is_no_person_attests_nothing(office: Office) -> None:
    federated = caller(f"arn:aws:sts::{ACCOUNT}:federated-user/eve")
    for body in (Attest(ABOUT, "s", day(30)), Attest(ABOUT, "", withdraw=True)):
        with pytest.raises(NotDecided):
            attest(body, federated, office.desk)
    assert kept(office) is None
