"""A bucket with versions, in this process, and a stack whose evidence lies in it.

It knows the five calls of S3 that digests and their verification make, and the two of KMS.
"""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from console.stack import Stack
from cordon.digesting.run import Run, Summary
from cordon.evidence import Chain, ChainEnd, EntryRef, Evidence, write_batch
from tests.examples import QUARANTINE, TAG

ACCOUNT, BUCKET = "111122223333", "evidence"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0"
START = datetime(2026, 11, 24, 12, tzinfo=UTC)


def refused(code: str, operation: str) -> ClientError:
    error: Any = {"Error": {"Code": code, "Message": code}}
    return ClientError(error, operation)


@dataclass
class Version:
    id: str
    at: datetime
    body: bytes | None  # None: a delete marker


@dataclass
class Bucket:
    """Versions by key, the oldest first. ``now`` is when the next one is written."""

    now: datetime = START
    keys: dict[str, list[Version]] = field(default_factory=dict)
    count: int = 0

    def put_object(self, *, Key: str, Body: bytes, IfNoneMatch: str = "", **_: Any) -> None:
        there = self.keys.get(Key)
        if IfNoneMatch and there and there[-1].body is not None:
            raise refused("PreconditionFailed", "PutObject")
        self.count += 1
        self.keys.setdefault(Key, []).append(Version(f"v{self.count}", self.now, Body))

    def get_object(self, *, Key: str, VersionId: str = "", **_: Any) -> dict[str, Any]:
        found = [v for v in self.keys.get(Key, ()) if VersionId in ("", v.id)]
        if not found or found[-1].body is None:
            raise refused("NoSuchKey", "GetObject")
        return {"Body": io.BytesIO(found[-1].body)}

    def delete_object(self, Key: str) -> None:
        """Hide it behind a delete marker."""
        self.count += 1
        self.keys[Key].append(Version(f"v{self.count}", self.now, None))

    def list_object_versions(self, *, Prefix: str = "", **_: Any) -> dict[str, Any]:
        listed: dict[str, Any] = {"Versions": [], "DeleteMarkers": []}
        for key in sorted(k for k in self.keys if k.startswith(Prefix)):
            for one in reversed(self.keys[key]):
                said = {"Key": key, "VersionId": one.id, "LastModified": one.at}
                if one.body is None:
                    listed["DeleteMarkers"].append(said)
                else:
                    listed["Versions"].append({**said, "Size": len(one.body)})
        return listed

    def get_paginator(self, _: str) -> Any:
        def pages(**given: Any) -> Iterator[dict[str, Any]]:
            yield self.list_object_versions(**given)

        return SimpleNamespace(paginate=pages)

    # ---- what somebody does who may do everything ----

    def replace(self, key: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Another body in its place, as if it had always been there."""
        said = json.loads(self.keys[key][0].body or b"")
        change(said)
        body = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
        self.keys[key] = [Version(self.keys[key][0].id, self.keys[key][0].at, body)]

    def forget(self, prefix: str) -> None:
        """No version is left."""
        for key in [key for key in self.keys if key.startswith(prefix)]:
            del self.keys[key]


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class Kms:
    """Signs as KMS does with MessageType DIGEST."""

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, **_: Any) -> dict[str, Any]:
        assert MessageType == "DIGEST"
        value = private_key().sign(Message, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        return {"KeyId": KeyId, "Signature": value}

    def get_public_key(self, *, KeyId: str) -> dict[str, Any]:
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return {
            "KeyId": KeyId,
            "PublicKey": private_key().public_key().public_bytes(encoding, form),
        }


@dataclass
class Deployed:
    """A bucket that Cordon writes evidence to, and the nights in which it is digested."""

    s3: Bucket = field(default_factory=Bucket)
    key: str = ""  # ARN
    ends: dict[str, ChainEnd] = field(default_factory=dict)
    batches: dict[str, str] = field(default_factory=dict)  # of a case: the key of its batch

    def write(
        self, case: str, stage: str, playbook: str = QUARANTINE.name, **content: Any
    ) -> Chain:
        """An entry of a case, as Cordon writes it."""
        chain = Chain(playbook, ACCOUNT, case)
        proof = Evidence(
            self.s3, BUCKET, chain, self.ends.get(case, ChainEnd()), self.batches.get(case, "")
        )
        proof.write(stage, content)
        self.ends[case] = proof.link
        return chain

    def observe(self, *cases: str, controls: tuple[str, ...] = ()) -> EntryRef:
        """A batch of cases that are only observed."""
        records = [
            {"case": case, "account": ACCOUNT, "content": {"supports_evidence_for": [*controls]}}
            for case in cases
        ]
        ref = write_batch(self.s3, BUCKET, TAG.name, records)
        self.ends |= dict.fromkeys(cases, ChainEnd(0, ref.sha256))
        self.batches |= dict.fromkeys(cases, ref.key)
        return ref

    def night(self, days: int = 1) -> Summary:
        """The function runs, that many days later."""
        self.s3.now += timedelta(days=days)
        deployment: Any = SimpleNamespace(
            account=ACCOUNT, evidence_bucket=BUCKET, digest_key=self.key
        )
        return Run(deployment, self.s3, Kms() if self.key else None).run()

    @property
    def stack(self) -> Stack:
        """As its auditor finds it."""
        clients: dict[str, Any] = {"s3": self.s3, "kms": Kms()}
        outputs = {
            "EvidenceBucket": BUCKET,
            "AlertsTopic": f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts",
        }
        return Stack(
            clients.__getitem__, outputs, parameters={"DigestKey": self.key}, name="cordon"
        )


def use_clock(patch: Any, deployed: Deployed) -> None:
    """Its moments are the bucket's."""
    for module in (
        "cordon.digesting.run",
        "cordon.evidence",
        "console.audit.period",
        "console.audit.stack_audit",
    ):
        patch.setattr(f"{module}.now", lambda: deployed.s3.now)
