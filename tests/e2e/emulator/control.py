"""What the tests ask of the account beside AWS's own APIs: ``/_cordon/<what>``.

``still``       is anything under way? And what was requested that nobody here plays.
``calls``       every authorised or refused action of every role, in order
``stage``       the resources of an event, as replay stages them (console/staging)
``checkpoint``  remember everything; ``restore`` goes back to it
``cold``        end every warm function, so that the next invocation starts one
``tick``        let a rule with a schedule fire (schedules.py)
``age``         let the objects of a bucket be older
"""

import copy
import importlib
import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import boto3
import ministack.app as gateway
import ministack.core.iam_evaluator as evaluator
import ministack.core.lambda_runtime as runtime
import shelf
import under_way
from botocore.config import Config
from ministack.core.responses import (
    AccountRegionScopedDict,
    AccountScopedDict,
    _request_account_id,
    get_account_id,
)
from ministack.services import iam, kms, lambda_svc, s3, sqs, stepfunctions
from moto.glue.models import glue_backends
from moto.guardduty.models import guardduty_backends
from moto.macie2.models import macie2_backends
from moto.securityhub.models import securityhub_backends

from console.staging import detection, identities, objects, stage
from cordon.finding import Place, Resource
from cordon.sources import read
from embedded.backends import registry

KEPT = (
    "bedrock_agentcore",
    "cloudtrail",
    "config",
    "dynamodb",
    "iam",
    "kms",
    "s3",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
)
CALLS: list[dict[str, Any]] = []
LACKS: list[str] = []  # what of the template is not played here
SOURCES: dict[str, Any] = {}  # what waits for a function elsewhere, by what ``still`` calls it
_checkpoint: dict[str, Any] = {}


def install() -> None:
    """Serve the routes, and note every call."""
    _note_calls()
    identities._rename = _rename
    detection.rename_key = _rename_key
    objects._rename = _rename_version
    inner = gateway.app

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/_cordon/"):
            await inner(scope, receive, send)
            return
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        work = ROUTES[scope["path"].removeprefix("/_cordon/")]
        loop = gateway.asyncio.get_running_loop()
        said = await loop.run_in_executor(None, work, json.loads(body or b"{}"))
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})

    gateway.app = app


def client(
    service: str, region: str, key: str, secret: str = "test", token: str | None = None
) -> Any:
    """An ordinary client of this very server, as the owner of an account (its twelve digits are
    the key), or with the credentials of somebody else."""
    made = boto3.client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{gateway.os.environ['GATEWAY_PORT']}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(inject_host_prefix=False, s3={"addressing_style": "path"}),
    )
    made.meta.events.unregister("before-call", registry._intercept)  # else the shelf hears it first
    return made


def _note_calls() -> None:
    original = evaluator.enforce

    def enforce(
        access_key_id: str, iam_action: str, service: str, region: str, **others: Any
    ) -> Any:
        denied = original(access_key_id, iam_action, service, region, **others)
        principal = evaluator.resolve_principal(access_key_id or "", get_account_id(), None)
        who = getattr(principal, "arn", "")
        if ":assumed-role/" in who:
            CALLS.append(
                {
                    "principal": who,
                    "action": iam_action,
                    "resource": others.get("resource_arn", "*"),
                    "refused": denied is not None,
                }
            )
        return denied

    evaluator.enforce = enforce


def still(_: Any) -> dict[str, Any]:
    """Invocations under way, messages and records on their way to a function, executions that
    run."""
    return {
        **under_way.counts(),
        "messages": sum(_queued()),
        "executions": sum(_running()),
        **{name: source.pending() for name, source in SOURCES.items()},
        "gaps": shelf.GAPS,
        "lacks": LACKS,
    }


def _queued() -> list[int]:
    mapped = {esm["EventSourceArn"] for _, _, esm in lambda_svc._iter_all_esms()}
    queues = list(sqs._queues._data.values())
    return [len(q["messages"]) for q in queues if q["attributes"]["QueueArn"] in mapped]


def _running() -> list[bool]:
    executions = list(stepfunctions._executions._data.values())
    return [one["status"] == "RUNNING" for one in executions]


def calls(request: Any) -> list[dict[str, Any]]:
    """What was requested of IAM from number ``since`` on."""
    return CALLS[request.get("since", 0) :]


def staged(request: Any) -> dict[str, Any]:
    """Stage the resources of the finding in an event; ``home`` is the deployment's place."""
    home = Place(shelf.PARTITION, request["account"], request["region"])
    made = stage(read(request["event"]), client, home=home)
    return {"made": made.made, "left": made.left}


def _rename(made: str, wanted: str, _user: str, resource: Resource) -> None:
    """No API makes an access key of a given id; staging changes it inside the account."""
    _request_account_id.set(resource.place.account)
    key = iam._access_keys.pop(made)
    iam._access_keys[wanted] = {**key, "AccessKeyId": wanted}


def _rename_key(made: str, wanted: Resource) -> None:
    """Nor a key of KMS."""
    _request_account_id.set(wanted.place.account)
    key = kms._keys.pop(made)
    kms._keys[wanted.name] = {
        **key,
        "KeyId": wanted.name,
        "Arn": key["Arn"].replace(made, wanted.name),
    }


def _rename_version(bucket: str, key: str, made: str, wanted: str, resource: Resource) -> None:
    """Nor does one make a version of a given name."""
    _request_account_id.set(resource.place.account)
    s3._buckets[bucket]["objects"][key]["version_id"] = wanted
    for version in s3._object_versions[(bucket, key)]:
        if version["version_id"] == made:
            version["version_id"] = wanted
    s3._object_tags[(bucket, key, wanted)] = s3._object_tags.pop((bucket, key, made))


def checkpoint(_: Any) -> dict[str, Any]:
    """Remember what the services hold."""
    _checkpoint.clear()
    _checkpoint.update({key: copy.deepcopy(d._data) for key, d in _stores().items()})
    _checkpoint["shelf"] = copy.deepcopy(dict(_tables()))
    _checkpoint["hubs"] = {where for where, hub in _hubs() if hub.enabled}
    for source in SOURCES.values():
        source.checkpoint()
    return {}


def restore(_: Any) -> dict[str, Any]:
    """Go back to the checkpoint: what came after it never was."""
    _stop()
    for key, store in _stores().items():
        store._data.clear()
        store._data.update(copy.deepcopy(_checkpoint[key]))
    for key, books in _tables().items():
        books.clear()
        books.update(copy.deepcopy(_checkpoint["shelf"].get(key, {})))
    for where, hub in _hubs():
        hub.enabled = where in _checkpoint["hubs"]
    for kept in (glue_backends, guardduty_backends, macie2_backends):  # in no checkpoint
        for one in [backend for regions in kept.values() for backend in regions.values()]:
            one.reset()
    for source in SOURCES.values():
        source.restore()
    return {}


def _stop() -> None:
    """Nothing begins, and what is under way ends."""
    for source in SOURCES.values():
        source.pause()
    for execution in list(stepfunctions._executions._data.values()):
        if execution["status"] == "RUNNING":
            execution["status"] = "ABORTED"
    under_way.until_all_ends()


def cold(_: Any) -> dict[str, Any]:
    """No function is warm any more."""
    runtime.reset()
    return {}


def age(request: Any) -> dict[str, Any]:
    """Let every version in a bucket have been written so many seconds earlier, as S3 dates it."""
    earlier = timedelta(seconds=request["seconds"])
    versions = (
        v
        for (_, (bucket, _)), v in s3._object_versions._data.items()
        if bucket == request["bucket"]
    )
    for one in itertools.chain.from_iterable(versions):
        written = datetime.fromisoformat(one["last_modified"]) - earlier
        one["last_modified"] = f"{written:%FT%T}.000Z"
    return {}


def _stores() -> dict[str, Any]:
    """Every store of the services that hold data; what they keep beside is not state."""
    found = {}
    for service in KEPT:
        module = importlib.import_module(f"ministack.services.{service}")
        for name, value in vars(module).items():
            if isinstance(value, AccountScopedDict | AccountRegionScopedDict):
                found[f"{service}.{name}"] = value
    return found


def _hubs() -> list[tuple[tuple[str, str], Any]]:
    """Security Hub in every account and Region where it was requested."""
    hubs = securityhub_backends
    return [((a, r), hubs[a][r]) for a in list(hubs) for r in list(hubs[a])]


def _tables() -> dict[tuple[str, str], dict[str, Any]]:
    books = registry._BOOKS
    return {(a, r): books[a][r].tables for a in list(books) for r in list(books[a])}


ROUTES: dict[str, Callable[[Any], Any]] = {
    "age": age,
    "still": still,
    "calls": calls,
    "stage": staged,
    "checkpoint": checkpoint,
    "restore": restore,
    "cold": cold,
}
