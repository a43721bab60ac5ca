"""Cases that are only observed, of one delivered batch: one object of evidence for all of them.

Compliance findings come by the thousand, and most of them are only observed. Each of their cases
has its decision in the batch's object, which is written before any of their rows and before the
batch is acknowledged; the row names the object, the place in it, and its sha256. The first entry
that such a case writes of its own follows on that object.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cordon.errors import CordonError
from cordon.evidence import ChainEnd, write_batch
from cordon.memory.cases import Case, Observed

if TYPE_CHECKING:
    from cordon.bootstrap import Services


@dataclass
class ObservedBatch:
    """The cases of one delivered batch that are new and only observed; nothing is written yet."""

    message: str = ""  # the one that is being handled
    waiting: list[tuple[str, Case, Mapping[str, Any]]] = field(default_factory=list)

    def add(self, case: Case, record: Mapping[str, Any]) -> None:
        """Leave a case, with the record of its decision, until the whole batch was read."""
        self.waiting.append((self.message, case, record))

    def commit(self, services: "Services") -> dict[str, Exception]:
        """Write the object, then each row; what failed, by message.

        Raises the ClientError of the object's write: then the whole batch comes again.
        """
        if not self.waiting:
            return {}
        records = [
            {"case": case.id, "account": case.finding.place.account, "content": record}
            for _, case, record in self.waiting
        ]
        s3, bucket = services.client("s3"), services.deployment.evidence_bucket
        ref = write_batch(s3, bucket, services.playbook.name, records)
        failed: dict[str, Exception] = {}
        for position, (message, case, _) in enumerate(self.waiting):
            observed = Observed(ref.key, ref.sha256, position)
            named = replace(case, observed=observed, evidence_end=ChainEnd(0, ref.sha256))
            try:
                services.cases.open(named)
            except (CordonError, ClientError, BotoCoreError) as error:
                failed[message] = error
        return failed
