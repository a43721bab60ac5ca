"""Reads findings from Security Hub and writes them as pages, so many a call.

GetFindings allows 3 requests a second in an account and Region, with bursts of 6, and 100 findings
each (Security Hub API Reference, "Welcome", "GetFindings"); the reporter needs it too. So a sweep
makes one request after the other, and its workflow pauses between two calls of the function.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cordon.sweeping.pages import Pages
from cordon.sweeping.wanted import At, Filters

MOST_FINDINGS = 100  # of a response
RESPONSES = 5  # of a page at most
PAGES = 4  # of a call of the function
MOST_BYTES = 4_000_000  # of a page, but for the last response: a finding has at most 240 KB


def read(queries: Sequence[Filters], at: At, pages: Pages, hub: Any) -> At:
    """Write the next pages; where to go on. The same ``at`` writes the same pages again."""
    for _ in range(PAGES):
        findings: list[Mapping[str, Any]] = []
        responses, size = 0, 0
        while at.query < len(queries) and responses < RESPONSES and size < MOST_BYTES:
            more = {"NextToken": at.token} if at.token else {}
            filters = queries[at.query]
            response = hub.get_findings(Filters=filters, MaxResults=MOST_FINDINGS, **more)
            findings += response["Findings"]
            size += len(json.dumps(response["Findings"]))
            responses += 1
            token = response.get("NextToken", "")
            at = replace(at, token=token) if token else replace(at, token="", query=at.query + 1)
        if findings:
            at = replace(at, pages=at.pages + 1, findings=at.findings + len(findings))
            pages.write(f"{at.pages:08}", findings)
    return at
