"""A person attests what no call can show, or withdraws it. It changes nothing that Cordon does.

Which subjects there are is not known here: the matrices are not deployed. A row of a subject that
no matrix has is shown to nobody.
"""

from datetime import timedelta

from cordon.clock import now, to_iso
from cordon.deciding.desk import Desk, Response
from cordon.deciding.request import Attest, BadRequest, Caller
from cordon.memory import attestations
from cordon.memory.attestations import Attestation
from cordon.settings import moment

LONGEST = timedelta(days=366)  # what is never looked at again is worth nothing


def attest(body: Attest, caller: Caller, desk: Desk) -> Response:
    """Keep what a person attests. Raises NotDecided, BadRequest; then nothing was written."""
    person, at = desk.person(caller), now()
    until = at
    if not body.withdraw:
        try:
            until = moment(body.until)
        except ValueError:
            raise BadRequest("until", "must be a date: write it like 2027-01-31") from None
        if not at < until <= at + LONGEST:
            raise BadRequest("until", "must be a day to come, within a year")
    said = Attestation(body.about, body.says, caller.arn, person.id, at, until, body.withdraw)
    attestations.save(desk.table, said)
    what = "withdrawn" if body.withdraw else f"attested until {to_iso(until)}"
    kept = {"about": body.about, "by": caller.arn, "person": person.id, "until": to_iso(until)}
    return Response(200, kept | {"complete": True, "says": what})
