"""Whether an event that no parser reads ended as its plan says: kept, with what is wrong with it.

Each function that gets it fails with the field's name, every time that it is tried. Then the
dead-letter queue of its lane keeps the event as it came, one letter for each function.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from console.expected import UNREAD, UNREADABLE
from embedded.journal import DeadLettered, Invoked, Record


@dataclass(frozen=True)
class DeadLetters:
    """What a plan says of an event that no parser reads. Without such a plan it expects nothing."""

    event: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""  # "detail.id: is missing"
    queues: Mapping[str, str] = field(default_factory=dict)  # by function, logical ids

    @classmethod
    def of(cls, event: Mapping[str, Any], plan: Mapping[str, Any] | None) -> Self:
        """As the plan beside the event says."""
        if plan is None or plan["outcome"] != UNREADABLE:
            return cls()
        return cls(event, plan["reason"].removeprefix(UNREAD), plan.get("dead_letters", {}))

    def expects(self, record: Record) -> bool:
        """Is it a failure, or a letter, that the plan says?"""
        match record:
            case Invoked():
                return record.function in self.queues and self._says_why(record.error)
            case DeadLettered():
                return any(self._is_in(record, queue) for queue in self.queues.values())
        return False

    def missing(self, journal: Iterable[Record]) -> Iterator[str]:
        """What the plan says and did not happen."""
        records = list(journal)
        invoked = [record for record in records if isinstance(record, Invoked)]
        letters = [record for record in records if isinstance(record, DeadLettered)]
        for function in self.queues:
            said = (f"{one.error} {one.log}" for one in invoked if one.function == function)
            if not any(map(self._says_why, said)):
                yield f"{function} did not fail with: {self.why}"
        for queue, wanted in Counter(self.queues.values()).items():
            found = sum(self._is_in(letter, queue) for letter in letters)
            if found != wanted:
                yield f"dead letters with the event in {queue}: {found}, not {wanted}"

    def _says_why(self, text: str) -> bool:
        """As it is, or in a line of the log, which is JSON."""
        return self.why in text or json.dumps(self.why)[1:-1] in text

    def _is_in(self, letter: DeadLettered, queue: str) -> bool:
        """The event as it came, or Lambda's record of it; queues are named after their stack."""
        body = json.loads(letter.body)
        kept = body.get("requestPayload", body)
        return f"-{queue}-" in letter.queue and bool(kept == self.event)


NO_LETTERS = DeadLetters()
