"""What came of a verification of evidence, as a program reads it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.evidence import Fault
from console.tables import Row
from cordon.sources.text import one_line


@dataclass(frozen=True)
class Verified:
    """The exit status, what is wrong, and the one line that a person believes."""

    status: int
    faults: Sequence[Fault]
    verdict: str
    not_shown: str = ""  # what such a look cannot show, in words

    def rows(self) -> Iterator[Row]:
        """A row for each fault and warning; and, where it is verified, one that says so."""
        for one in self.faults:
            yield self._row("warning" if one.warning else "fault", one.text)
        if self.status == 0:
            yield self._row("verified", self.verdict)

    def _row(self, found: str, text: str) -> Row:
        return {"found": found, "text": one_line(text, 1000), "not_shown": self.not_shown}
