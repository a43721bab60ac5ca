"""Makes every AWS client: on first use, from one session, with explicit timeouts and retries.
Each falls back where AWS is signed by a root that we do not ship (``cordon.trust``).

``clients_for(account, region, case)`` returns the clients of one account and Region. For a member
account it assumes that account's member role. The session name and the source identity contain the
case id, so that the member account's CloudTrail shows which case made the change.
"""

import os
import time
from functools import cache, lru_cache
from threading import RLock
from typing import Any
from urllib.parse import unquote

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

from cordon.trust import watch

CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 4},
    user_agent=f"Botocore/{botocore.__version__} cordon",  # constant: else built for each request
)
OF_ONE_POLICY = ("GetRolePolicy", "GetUserPolicy")
SESSION_SECONDS = 1800
_lock = RLock()  # clients are thread-safe, but making them from a session is not
RENEW_SECONDS = 900  # well before the session ends, and longer than any invocation


class AwsClients:
    """The clients of one account and Region. ``aws.client("s3")`` is made on first use."""

    def __init__(self, region: str, credentials: dict[str, str]) -> None:
        self.region = region
        self._credentials = credentials
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service. It is made once."""
        with _lock:
            if service not in self._clients:
                made = self.make(service)
                watch(made)
                if service == "iam":
                    for operation in OF_ONE_POLICY:
                        made.meta.events.register(f"after-call.iam.{operation}", _keep_text)
                self._clients[service] = made
            return self._clients[service]

    def make(self, service: str) -> Any:
        """A new client of a service."""
        return _session().client(
            service, region_name=self.region, config=CONFIG, **self._credentials
        )

    def has_service(self, service: str) -> bool:
        """Does botocore list the service for this Region? (China has no Bedrock.)"""
        session = _session()
        partition = session.get_partition_for_region(self.region)
        return self.region in session.get_available_regions(service, partition)


def clients_for(account: str, region: str, case: str = "") -> AwsClients:
    """Clients for an account and Region (12 digits, "us-east-1").

    Raises the ClientError of sts:AssumeRole if the member role cannot be assumed.
    """
    with _lock:
        if account == os.environ["CORDON_ACCOUNT"]:
            return _own(region)
        return _member(account, region, case, int(time.time() // RENEW_SECONDS))


def _keep_text(parsed: dict[str, Any], **_: Any) -> None:
    """An inline policy's exact text as ``PolicyText``: boto3 returns only the parsed document.

    Handlers of an operation run before those of the whole service, which parse it.
    """
    if "PolicyDocument" in parsed:
        parsed["PolicyText"] = unquote(parsed["PolicyDocument"])


def error_code(error: ClientError) -> str:
    """The service's error code: "AccessDenied"."""
    return str(error.response["Error"]["Code"])


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()


@cache
def _own(region: str) -> AwsClients:
    return AwsClients(region, {})


@lru_cache(maxsize=32)
def _member(account: str, region: str, case: str, _renewal: int) -> AwsClients:
    partition, role = os.environ["CORDON_PARTITION"], os.environ["CORDON_MEMBER_ROLE"]
    external_id = os.environ["CORDON_EXTERNAL_ID"]  # of two characters at least, or none
    required = {"ExternalId": external_id} if external_id else {}
    credentials = (
        _own(os.environ["AWS_REGION"])
        .client("sts")
        .assume_role(
            RoleArn=f"arn:{partition}:iam::{account}:role/cordon/{role}",
            RoleSessionName=f"cordon-{case}",
            SourceIdentity=f"cordon-{case}",
            DurationSeconds=SESSION_SECONDS,
            **required,
        )["Credentials"]
    )
    return AwsClients(
        region,
        {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        },
    )
