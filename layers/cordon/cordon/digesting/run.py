"""One run: a digest of all since the last one, up to the last full hour.

Each is of a day at most: where runs failed, the next one writes the missing digests one by one.
Two runs at a time do no harm: a number is written once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, groupby, islice
from typing import Any

from botocore.exceptions import ClientError

from cordon.clients import error_code
from cordon.clock import from_iso, now, to_iso
from cordon.concurrency import gather
from cordon.deployment import Deployment
from cordon.digesting.digest import (
    ALGORITHM,
    PREFIX,
    STAGE,
    Digest,
    Grown,
    Written,
    chain_of,
    signed_bytes,
    written,
)
from cordon.errors import EvidenceFault
from cordon.evidence import ChainEnd, Evidence, entry_at, sha256

SETTLED = timedelta(minutes=15)  # a put has ended by then: its client waits seconds
DAY = timedelta(days=1)
AT_ONCE = 64  # bodies in memory


@dataclass
class Summary:
    """What a run did: one line of the log."""

    digests: int = 0
    chains: int = 0
    objects: int = 0
    signed: bool = False
    until: str = ""

    def to_json(self) -> dict[str, Any]:
        """For the log, and for who invokes it."""
        return dict(vars(self))


@dataclass
class Run:
    """One run, with what it works with."""

    deployment: Deployment
    s3: Any
    kms: Any  # None: digests are not signed
    summary: Summary = field(default_factory=Summary)

    def run(self) -> Summary:
        """Write what is missing. What AWS refuses rises: the next run begins where this one ended.

        Raises EvidenceFault where the last digest is none of ours: nothing is chained to that.
        """
        settled = (now() - SETTLED).replace(minute=0, second=0)
        link, since = self._last()
        self.summary.until = since
        while since == "" or from_iso(since) < settled:
            until = settled if since == "" else min(settled, from_iso(since) + DAY)
            evidence = Evidence(self.s3, self._bucket, chain_of(self.deployment.account), link)
            digest = self._digest(since, until)
            if not evidence.begin(STAGE, self._signed(link, digest.content())):
                break  # another run was faster
            link, since = evidence.link, digest.until
            self.summary.digests += 1
            self.summary.chains += len(digest.chains)
            self.summary.objects += len(digest.objects)
            self.summary.until = since
        return self.summary

    @property
    def _bucket(self) -> str:
        return self.deployment.evidence_bucket

    def _last(self) -> tuple[ChainEnd, str]:
        """Where the chain of digests ends, and until when its last one is."""
        folder = chain_of(self.deployment.account).folder
        firsts = list(self._first_versions(folder))
        if not firsts:
            return ChainEnd(), ""
        last = firsts[-1]
        body = self._body(last)
        entry = entry_at(last["Key"], body)
        digest = entry["content"].get("digest")
        until = digest.get("until") if isinstance(digest, dict) else None
        if not isinstance(until, str) or not until:
            raise EvidenceFault(f"evidence {last['Key']} is no digest")
        return ChainEnd(entry["seq"], sha256(body)), until

    def _digest(self, since: str, until: datetime) -> Digest:
        digest = Digest(since, to_iso(until))
        for one in self._written(from_iso(since) if since else None, until):
            digest.add(one)
        unknown = (
            grown for grown in digest.chains.values() if grown.first > 1 and not grown.controls
        )
        while some := list(islice(unknown, AT_ONCE)):
            read = gather(*(partial(self._first_controls, grown) for grown in some))
            for grown, controls in zip(some, read, strict=True):
                grown.controls = controls
        return digest

    def _first_controls(self, grown: Grown) -> list[str]:
        """What the chain's first entry says; nothing where it is missing: verification says so.

        S3 says NoSuchKey only to who may list the bucket: S3 API Reference, "GetObject".
        """
        try:
            return list(self._read({"Key": grown.chain.key(1)}).controls)
        except ClientError as error:
            if error_code(error) not in ("NoSuchKey", "AccessDenied"):
                raise
            return []

    def _written(self, since: datetime | None, until: datetime) -> Iterator[Written]:
        """The objects of the period, in the order of their keys; of each its first version."""
        firsts = (
            version
            for version in self._first_versions("")
            if not version["Key"].startswith(PREFIX)
            and (since is None or version["LastModified"] > since)
            and version["LastModified"] <= until
        )
        while some := list(islice(firsts, AT_ONCE)):
            yield from gather(*(partial(self._read, version) for version in some))

    def _first_versions(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        """Of each key the version that was written first, and so is under lock. A delete marker
        hides none. S3 lists keys in order, and of a key the newest version first.

        Source: Amazon S3 API Reference, "ListObjectVersions".
        """
        pages = self.s3.get_paginator("list_object_versions")
        listed = pages.paginate(Bucket=self._bucket, Prefix=prefix)
        versions = chain.from_iterable(page.get("Versions", ()) for page in listed)
        for _, of_key in groupby(versions, key=lambda version: version["Key"]):
            *_, first = of_key
            yield first

    def _read(self, version: Mapping[str, Any]) -> Written:
        return written(version["Key"], self._body(version))

    def _body(self, version: Mapping[str, Any]) -> bytes:
        named = {name: version[name] for name in ("Key", "VersionId") if name in version}
        return bytes(self.s3.get_object(Bucket=self._bucket, **named)["Body"].read())

    def _signed(self, link: ChainEnd, digest: Mapping[str, Any]) -> dict[str, Any]:
        """The entry's content. KMS is sent a sha256, and no evidence.

        Source: AWS Key Management Service API Reference, "Sign": MessageType DIGEST.
        """
        if self.kms is None:
            return {"digest": digest}
        hashed = bytes.fromhex(sha256(signed_bytes(link.seq + 1, link.hash, digest)))
        signed = self.kms.sign(
            KeyId=self.deployment.digest_key,
            Message=hashed,
            MessageType="DIGEST",
            SigningAlgorithm=ALGORITHM,
        )
        self.summary.signed = True
        said = {"key": signed["KeyId"], "algorithm": ALGORITHM, "value": signed["Signature"].hex()}
        return {"digest": digest, "signature": said}
