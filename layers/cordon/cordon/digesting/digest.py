"""What a digest says. Pure: the objects of a period go in, and its content comes out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from cordon.errors import EvidenceFault
from cordon.evidence import Chain, entry_at, sha256
from cordon.finding import canonical_json
from cordon.sources.text import one_line

PREFIX = "digests/"
STAGE = "digest"
ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"  # CloudTrail's digests are signed so too
MOST_CONTROLS, MOST_NAME = 200, 100  # of one case; headers have far less


def chain_of(account: str) -> Chain:
    """Where the digests of an account's stack lie: one chain."""
    return Chain("digests", account, "daily")


def signed_bytes(number: int, previous: str, digest: Mapping[str, Any]) -> bytes:
    """What the signature of a digest is over: its place in the chain, and all that it says."""
    signed = {"number": number, "previous": previous, "digest": digest}
    return canonical_json(signed).encode()


@dataclass(frozen=True)
class Written:
    """What a digest needs to know of one object of evidence."""

    key: str
    sha256: str
    entry: Mapping[str, str] = field(default_factory=dict)  # playbook, account, case, stage
    seq: int = 0  # 0: it is no entry of a chain
    controls: tuple[str, ...] = ()
    cases: tuple[Mapping[str, Any], ...] = ()  # of a batch: of each its case, account, controls


def written(key: str, body: bytes) -> Written:
    """An entry, a batch, or an object of nobody: its name and its sha256 are said all the same."""
    try:
        entry = entry_at(key, body)
    except EvidenceFault:
        return Written(key, sha256(body), cases=tuple(_observed(key, body)))
    named = {name: entry[name] for name in ("playbook", "account", "case", "stage")}
    return Written(key, sha256(body), named, entry["seq"], _controls(entry["content"]))


def _observed(key: str, body: bytes) -> Iterator[Mapping[str, Any]]:
    """The cases of a batch, in its order."""
    try:
        batch = json.loads(body)
        if batch["key"] != key:
            return
        for one in batch["observed"]:
            named = {name: one_line(str(one[name]), MOST_NAME) for name in ("case", "account")}
            yield {**named, "controls": list(_controls(one["content"]))}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return


def _controls(content: Mapping[str, Any]) -> tuple[str, ...]:
    said = content.get("supports_evidence_for")
    texts = (one for one in said if isinstance(one, str)) if isinstance(said, list) else ()
    return tuple(one_line(text, MOST_NAME) for text in islice(texts, MOST_CONTROLS))


@dataclass
class Grown:
    """A chain with new entries: the first and the last of them, and what they are about."""

    playbook: str
    account: str
    case: str
    first: int
    seq: int
    sha256: str  # of the last one
    stages: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)

    @property
    def chain(self) -> Chain:
        """Where it lies."""
        return Chain(self.playbook, self.account, self.case)


@dataclass
class Digest:
    """What a period brought. It holds a line for each chain, and no body."""

    since: str  # stamp; "" where there was no digest before: from the first entry on
    until: str
    chains: dict[str, Grown] = field(default_factory=dict)  # by folder
    objects: list[Mapping[str, Any]] = field(default_factory=list)  # batches, and what is no entry

    def add(self, one: Written) -> None:
        """The objects come in the order of their keys, and so of a chain's numbers."""
        if not one.seq:
            self.objects.append({"key": one.key, "sha256": one.sha256, "cases": list(one.cases)})
            return
        said = one.entry
        chain = Chain(said["playbook"], said["account"], said["case"])
        names = (said["playbook"], said["account"], said["case"])
        grown = self.chains.setdefault(chain.folder, Grown(*names, one.seq, one.seq, one.sha256))
        grown.seq, grown.sha256 = one.seq, one.sha256
        grown.stages = _with(grown.stages, [one_line(said["stage"], MOST_NAME)])
        grown.controls = _with(grown.controls, one.controls)

    def content(self) -> dict[str, Any]:
        """As it is signed and written."""
        return {
            "since": self.since,
            "until": self.until,
            "chains": [asdict(one) for one in self.chains.values()],
            "objects": self.objects,
        }


def _with(known: list[str], more: Iterable[str]) -> list[str]:
    return list(dict.fromkeys((*known, *more)))
