"""Creates the settings row with the stack, as a custom resource that CloudFormation calls.

Create writes the row from the template's defaults, unless there is one. Update adds what is new in
the template: the mode and budget of a playbook that has no mode, and protected patterns. Delete
leaves the row, as the table stays too. None of them changes what is there: it is the people's.
Each write is in evidence first, as the desk's are: a row that nobody can account for rings.

Whatever happens, CloudFormation hears of it before the function's time is over, with the reason.
Sources: AWS CloudFormation User Guide, "Custom resource request objects", "Custom resource response
objects" (a response has at most 4096 bytes; a physical id that changes means a replacement).
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock, Timer
from typing import Any, TypeVar

import urllib3
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from cordon.clients import clients_for
from cordon.clock import sleep
from cordon.evidence import ChainEnd, Evidence
from cordon.memory import settings as row
from cordon.memory.table import TRIES, Cancelled, Row, Table
from cordon.settings import Deployment, parse
from cordon.sources.text import one_line
from cordon.trust import fall_back

Request = Mapping[str, Any]
T = TypeVar("T")
PHYSICAL_ID = "cordon-settings"  # of every response: another one would be a replacement
WAITS = (0.5, 1)  # seconds, between the tries to respond
TRY_SECONDS = 2.5
KEPT_SECONDS = 10  # for the response: three tries, and the waits between them
PROPAGATION = (1, 2, 4)  # seconds, between the tries of a role that was just made
REASON = 500  # characters, at most 2,000 bytes

logger = Logger(service="setup")


class NotResponded(Exception):
    """CloudFormation's bucket did not take the response. Lambda tries again."""


def handler(request: Request, context: Any) -> None:
    """Carry out one request of CloudFormation, and respond to it. Never logs the ResponseURL."""
    response = Response(request)
    left = context.get_remaining_time_in_millis() / 1000 - KEPT_SECONDS
    too_late = Timer(left, response.send, ["the function's time is over"])
    too_late.daemon = True
    too_late.start()
    try:
        done = carry_out(request)
    except Exception as error:  # noqa: BLE001 whatever it is, CloudFormation must hear of it
        reason = one_line(f"{type(error).__name__}: {error}", REASON)
        logger.error("failed", extra={"reason": reason})
        response.send(reason)
    else:
        logger.info(done)
        response.send()
    finally:
        too_late.cancel()


class Response:
    """The one response to a request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._lock = Lock()
        self._sent = False

    def send(self, reason: str = "") -> None:
        """Say that it was done, or why not. The first that arrives counts. Raises NotResponded."""
        body = json.dumps(self._body(reason), ensure_ascii=False).encode()
        with self._lock:
            for wait in WAITS:
                if self._sent:
                    return
                try:
                    self._put(body)
                except NotResponded as error:
                    logger.warning("not responded", extra={"reason": str(error)})
                    sleep(wait)
            if not self._sent:
                self._put(body)

    def _body(self, reason: str) -> dict[str, str]:
        same = {key: self._request[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
        ended = {"Status": "FAILED", "Reason": reason} if reason else {"Status": "SUCCESS"}
        return {**same, **ended, "PhysicalResourceId": PHYSICAL_ID}

    def _put(self, body: bytes) -> None:
        """One try. Texts of urllib3 have the URL, which is signed; so do its logs of retries."""
        pool = urllib3.PoolManager(ca_certs=os.environ.get("AWS_CA_BUNDLE") or None)
        try:
            status = pool.request(
                "PUT",
                self._request["ResponseURL"],
                body=body,
                headers={"Content-Type": ""},  # the URL is signed without one
                retries=False,
                timeout=urllib3.Timeout(total=TRY_SECONDS),
            ).status
        except urllib3.exceptions.HTTPError as error:
            fall_back(error)  # the next try trusts what AWS_CA_BUNDLE then says
            raise NotResponded(type(error).__name__) from None
        if status != 200:
            raise NotResponded(f"HTTP status {status}")
        self._sent = True


def carry_out(request: Request) -> str:
    """Do what is requested; what was done."""
    kind = request["RequestType"]
    if kind == "Delete":
        return "the settings stay"
    entries = entries_of(request["ResourceProperties"])
    deployment = Deployment.from_environment()
    own = clients_for(deployment.account, deployment.region)
    table = Table(own.client("dynamodb"), deployment.table)
    write = Writing(table, own.client("s3"), deployment, f"CloudFormation, {request['StackId']}")
    if kind == "Create":
        return once_allowed(lambda: create(write, entries))
    if kind == "Update":
        before = frozenset(request["OldResourceProperties"].get("Protected", ()))
        return once_allowed(lambda: add(write, entries, before))
    raise ValueError(f"no such request: {one_line(str(kind), 40)}")


@dataclass(frozen=True)
class Writing:
    """Where the row and its evidence are written, and in whose name."""

    table: Table
    s3: Any
    deployment: Deployment
    by: str

    def prove(self, known: Row | None, left: Row) -> ChainEnd:
        """Write the evidence of a write that leaves the row so; where the chain then ends."""
        chain = row.chain_of(self.deployment.account)
        bucket = self.deployment.evidence_bucket
        proof = Evidence(self.s3, bucket, chain, row.evidence_end(known))
        version = (known or {}).get("version")
        after = {"after": [row.entries_hash(left)], "row_version": version}
        proof.write("setting_deployed", {"by": self.by, **after})
        return proof.link


def once_allowed(call: Callable[[], T]) -> T:
    """The role is some seconds old, and what it allows may not be in force everywhere yet.

    Source: IAM User Guide, "Troubleshoot IAM", on changes that are not visible at once.
    """
    for wait in PROPAGATION:
        try:
            return call()
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDeniedException", "AccessDenied"):
                raise
            sleep(wait)
    return call()


def entries_of(properties: Mapping[str, Any]) -> Row:
    """The row's entries from the template. Raises ValueError with all that is wrong with them.

    CloudFormation sends every value as text.
    """
    protected = frozenset(filter(None, properties["Protected"]))
    entries = {
        "master_switch": properties["MasterSwitch"],
        "modes": dict(properties["Modes"]),
        "budget": _number(properties["Budget"]),
        "budgets": {name: _number(text) for name, text in properties["Budgets"].items()},
        "exemptions": {},
        **({"protected": protected} if protected else {}),
    }
    if faults := parse(entries).faults:
        raise ValueError("; ".join(faults))
    return entries


def _number(text: Any) -> Any:
    return int(text) if str(text).isdecimal() else text


def create(write: Writing, entries: Row) -> str:
    """Write the first row, unless there is one."""
    if row.read(write.table) is None:
        end = write.prove(None, entries)
        if row.create(write.table, entries, write.by, end):
            return "the settings are written"
    return "the settings were there, and stay"


def add(write: Writing, entries: Row, protected_before: frozenset[str]) -> str:
    """Add to the row what is new in the template; what a person set stays as it is."""
    new = entries.get("protected", frozenset()) - protected_before
    added: list[str] = []
    for _ in range(TRIES):
        known = row.read(write.table)
        if known is None:
            return "the settings row was deleted by somebody: nothing is added"
        try:
            for path, value in missing(known, entries):
                end = write.prove(known, row.with_entry(known, path, value))
                row.set_entry(write.table, known, path, value, write.by, end)
                known = row.read(write.table) or {}
                added.append(".".join(path))
            protected = known.get("protected", frozenset())
            if isinstance(protected, frozenset) and new - protected:
                end = write.prove(known, row.with_entry(known, ("protected",), protected | new))
                row.protect(write.table, known, new, write.by, end)
                added += sorted(new)
        except Cancelled:
            continue  # somebody changed the row meanwhile
        return f"added: {', '.join(added)}" if added else "nothing to add"
    raise TimeoutError("somebody changes the settings again and again")


def missing(known: Row, entries: Row) -> Iterator[tuple[row.Path, Any]]:
    """The entries of playbooks that have no mode. What is not a map is left to people."""
    modes = known.get("modes")
    if isinstance(modes, Mapping):
        for playbook in sorted(entries["modes"].keys() - modes.keys()):
            if isinstance(known.get("budgets"), Mapping) and playbook in entries["budgets"]:
                yield ("budgets", playbook), entries["budgets"][playbook]
            yield ("modes", playbook), entries["modes"][playbook]
