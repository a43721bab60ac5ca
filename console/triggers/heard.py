"""What a playbook hears: kinds by source, and from which severity on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cordon.playbook import Playbook

STATE_SOURCES = ("sagemaker:", "bedrock:")  # their own events say that something was changed
BULK_OF_A_THREAT_SOURCE = {"macie": "SensitiveData:"}  # Macie sends a finding an object


@dataclass(frozen=True)
class Heard:
    """Patterns over ``Finding.kind`` as playbook headers have them, ``*`` allowed."""

    kinds: tuple[str, ...]  # at any severity
    high: tuple[str, ...] = ()  # where they are High or Critical
    critical: bool = False  # anything that is Critical, whatever it is
    passed: bool = False  # also when the control passes, or its resource is deleted
    ended: tuple[str, ...] = ()  # controls of which a pass ends what Cordon opened
    optional: tuple[str, ...] = ()  # calls and state changes, where a parameter says so

    def of(self, source: str, *, high: bool = False) -> tuple[str, ...]:
        """The types of one source, sorted, each once."""
        return _types(self.high if high else self.kinds, source)

    @property
    def optional_calls(self) -> tuple[str, ...]:
        """The API calls of ``optional``."""
        return _types(self.optional, "cloudtrail")

    @property
    def optional_states(self) -> "Heard":
        """The rest of ``optional``. Raises ValueError for what is no call and no state change."""
        kinds = [kind for kind in self.optional if not kind.startswith("cloudtrail:")]
        if wrong := [kind for kind in kinds if not kind.startswith(STATE_SOURCES)]:
            raise ValueError(f"only calls and state changes are optional: {', '.join(wrong)}")
        return Heard(tuple(kinds))

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source that is named."""
        return tuple(sorted({kind.partition(":")[0] for kind in (*self.kinds, *self.high)}))


def _types(kinds: Iterable[str], source: str) -> tuple[str, ...]:
    split = (kind.partition(":") for kind in kinds)
    return tuple(sorted({type for named, _, type in split if named == source}))


def heard_by(headers: Sequence[Playbook]) -> dict[str, Heard]:
    """What each playbook hears, by name; one that takes over, what others cannot change too."""
    found = {header.name: _own(header) for header in headers}
    cannot = tuple(kind for header in headers if header.unsupported for kind in header.handles)
    for header in headers:
        if header.takes_over:
            own = found[header.name]
            found[header.name] = replace(own, kinds=(*cannot, *own.kinds))
    return found


def _own(header: Playbook) -> Heard:
    return Heard(
        kinds=header.handles,
        high=header.handles_high,
        critical=header.handles_critical,
        passed=header.releases_on_pass,
        ended=header.ends_on_pass,
        optional=header.optional,
    )
