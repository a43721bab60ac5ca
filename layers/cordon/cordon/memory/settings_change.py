"""A change of the settings row: does evidence say who made it?

Item writes are no management events, and whoever may write the row may write it past the desk. The
table's stream has every write. It is looked at some seconds later, by way of the queue: to stop
writes the row first and its evidence afterwards, and so does a first deployment. What nobody can
account for is one line of the log, which the alarm *SettingsChangedWithoutEvidence* counts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cordon.deployment import Deployment
from cordon.evidence import ChainEnd
from cordon.memory import settings as settings_row
from cordon.memory.table import row_of
from cordon.sources.text import one_line


@dataclass(frozen=True)
class SettingsChange:
    """What the row said after one write; its own texts are whatever its writer wrote."""

    decided: str  # entries_hash of the row
    evidence_count: int
    evidence_hash: str
    changed_by: str
    changed_at: str

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "SettingsChange | None":
        """The change behind a record of the stream; None where its key is not the settings'."""
        if record["dynamodb"]["Keys"]["id"]["S"] != settings_row.KEY:
            return None
        row = row_of(record["dynamodb"].get("NewImage", {}))  # none where it was deleted
        end = settings_row.evidence_end(row)
        by, at = (one_line(str(row.get(name, "")), 300) for name in ("changed_by", "changed_at"))
        return cls(settings_row.entries_hash(row), end.seq, end.hash, by if row else "deleted", at)

    @classmethod
    def of_message(cls, raw: Any) -> "SettingsChange":
        """The change that a message carries. Raises TypeError or ValueError where it is none."""
        change = cls(**raw)
        texts = (change.decided, change.evidence_hash, change.changed_by, change.changed_at)
        if type(change.evidence_count) is not int or not all(isinstance(t, str) for t in texts):
            raise ValueError("not a change of the settings")
        return change

    def to_json(self) -> dict[str, Any]:
        """The message of the queue."""
        return {"settings": asdict(self)}

    def is_proven(self, s3: Any, deployment: Deployment) -> bool:
        """As ``settings.is_proven``. What rises is a reason to try again."""
        end = ChainEnd(self.evidence_count, self.evidence_hash)
        bucket, account = deployment.evidence_bucket, deployment.account
        return settings_row.is_proven(s3, bucket, account, end, self.decided)
