"""What the tables of an archive must say, by its evidence. A part of the script of an archive.

Of a text that others wrote, and of which a table may have less, only what is compared is kept.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

BY = {  # column of the index → the stages of which it says who decided them
    "approved_by": ("approved", "decided"),
    "rejected_by": ("rejected",),
    "released_by": ("releasing", "released"),
}
DECIDED = (*sum(BY.values(), ()), "setting_decided", "expired")
COLUMNS = {  # what tables say that evidence says too
    "index": ("case", "account", "playbook", *BY, "entries", "sha256", "stages"),
    "observed": ("case", "account", "playbook", "batch"),  # rows of the index, too
    "decisions": ("at", "decision", "case", "by", "entry"),
}


class ChainRead:
    """What was read of one chain so far."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.number, self.sha256 = 0, ""
        self.stages: list[str] = []
        self.moments: list[str] = []
        self.by = dict.fromkeys(BY, "")

    def add(self, number: int, sha256: str, entry: Mapping[str, Any]) -> None:
        """The next entry."""
        self.number, self.sha256 = number, sha256
        self.stages.append(entry["stage"])
        self.moments.append(entry["at"])
        for column, stages in BY.items():
            if entry["stage"] in stages:
                self.by[column] = decided_by(entry) or self.by[column]

    def row(self) -> str:
        """As the index must say it: COLUMNS."""
        playbook, account, case, _ = self.folder.split("/")
        counted = cell(len(self.moments)), self.sha256, cell(self.stages)
        return " ".join((case, account, playbook, *self.by.values(), *counted))


def cell(value: Any) -> str:
    """What may be compared of a value, the same of evidence, of JSON and of CSV."""
    if isinstance(value, list):
        value = ";".join(map(cell, value))
    text = "" if value is None else str(value)
    kept = (one for one in text if one.isalnum() or ("!" <= one <= "~" and one != "'"))
    return "".join(islice(kept, 100))


def decided_by(entry: Mapping[str, Any]) -> str:
    """Who decided; "" where the entry is of no decision."""
    content = entry["content"]
    by = cell(content.get("by")) or cell(content.get("named_by"))
    return by if entry["stage"] in DECIDED else ""


def observed(batch: Mapping[str, Any], playbook: str) -> Iterator[tuple[str, list[str], str]]:
    """Of each case of a batch its folder, its controls, and the row of the index that it may be.

    Of what is no batch, nothing: the archive names it among the faults of its making.
    """
    records = batch["observed"] if isinstance(batch.get("at"), str) else ()
    for one in records:
        content = one.get("content") if isinstance(one, dict) else None
        if isinstance(content, dict):
            case, account = one.get("case"), one.get("account")
            said = content.get("supports_evidence_for")
            listed = said if isinstance(said, list) else ()
            controls = [text for text in listed if isinstance(text, str)]
            row = (case, account, playbook, batch["key"])
            yield f"{playbook}/{account}/{case}/", controls, " ".join(map(cell, row))
