"""Where a sweep's pages lie: in the bucket that expires, below the sweep's own name.

::

    sweeps/<sweep>/pages/00000001.json      findings as GetFindings returns them, a list
    sweeps/<sweep>/sent/00000001.json       what became of that page's findings, counted

A page that is sent again writes the same count over the one before.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cordon.backlog import MOST
from cordon.errors import Malformed

_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MOST}}}")  # StartExecution, name
_PAGE = re.compile(r"[0-9]{8}")


@dataclass(frozen=True)
class Pages:
    """The pages of one sweep."""

    s3: Any  # a client
    bucket: str
    sweep: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.sweep):
            raise Malformed("sweep", "is not the name of a sweep")

    def write(self, page: str, findings: list[Mapping[str, Any]]) -> None:
        """Write a page, over the one that a try before this has written."""
        self._put("pages", page, findings)

    def read(self, page: str) -> list[Any]:
        """The findings of a page."""
        return list(self._get(self._key("pages", page)))

    def sent(self, page: str, counts: Mapping[str, int]) -> None:
        """Say what became of a page."""
        self._put("sent", page, counts)

    def counts(self) -> Iterator[Mapping[str, int]]:
        """What became of each page that was sent."""
        pages = self.s3.get_paginator("list_objects_v2")
        prefix = f"sweeps/{self.sweep}/sent/"
        for listed in pages.paginate(Bucket=self.bucket, Prefix=prefix):
            yield from (self._get(one["Key"]) for one in listed.get("Contents", ()))

    def page_of(self, key: object) -> str:
        """The page that a key names. Raises Malformed where it is none of this sweep."""
        page = str(key).removeprefix(f"sweeps/{self.sweep}/pages/").removesuffix(".json")
        if not _PAGE.fullmatch(page) or key != self._key("pages", page):
            raise Malformed("key", "is not a page of this sweep")
        return page

    def _key(self, folder: str, page: str) -> str:
        return f"sweeps/{self.sweep}/{folder}/{page}.json"

    def _put(self, folder: str, page: str, content: Any) -> None:
        body = json.dumps(content).encode()
        self.s3.put_object(Bucket=self.bucket, Key=self._key(folder, page), Body=body)

    def _get(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
