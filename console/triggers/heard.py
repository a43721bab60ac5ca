"""What a playbook hears: kinds by source, and from which severity on."""

from collections.abc import Iterable
from dataclasses import dataclass

from cordon.playbook import Playbook

THREATS = ("guardduty", "macie")  # they do not wait behind controls
BULK_OF_A_THREAT_SOURCE = {"macie": "SensitiveData:"}  # Macie sends a finding an object


@dataclass(frozen=True)
class Heard:
    """Patterns over ``Finding.kind`` as playbook headers have them, ``*`` allowed."""

    kinds: tuple[str, ...]  # at any severity
    high: tuple[str, ...] = ()  # where they are High or Critical
    critical: bool = False  # anything that is Critical, whatever it is
    passed: bool = False  # also when the control passes, or its resource is deleted

    @classmethod
    def by(cls, playbook: Playbook) -> "Heard":
        """What a header names."""
        return cls(
            kinds=playbook.handles,
            high=playbook.handles_high,
            critical=playbook.handles_critical,
            passed=playbook.releases_on_pass,
        )

    def of(self, source: str, *, high: bool = False) -> tuple[str, ...]:
        """The types of one source, sorted, each once."""
        return _types(self.high if high else self.kinds, source)

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source that is named."""
        return tuple(sorted({kind.partition(":")[0] for kind in (*self.kinds, *self.high)}))


def _types(kinds: Iterable[str], source: str) -> tuple[str, ...]:
    split = (kind.partition(":") for kind in kinds)
    return tuple(sorted({type for named, _, type in split if named == source}))
