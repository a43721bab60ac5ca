"""An AWS account in this process: a stack of a template, on moto and virtual time.

    with EmbeddedAccount(Path("template.yaml"), account="111122223333", region="eu-central-1",
                         parameters={}, code=DeployedCode(packages=("product",))) as account:
        delivery = account.deliver(event)

``code`` says what the account must know of the code that its functions run. One account is
entered at a time in a process; meanwhile every clock of the process shows the account's time.
Nothing leaves the machine.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from botocore.response import StreamingBody

from embedded import (
    backends,
    custom_resources,
    iam_guard,
    patches,
    scheduler,
    speedups,
    state_machines,
    unsupported_calls,
)
from embedded.backends import Where, cloudformation, hub
from embedded.clients import unguarded
from embedded.delivery import EventDelivery
from embedded.deploy import build, functions_of
from embedded.deployed_code import DeployedCode
from embedded.functions import Function, InvocationResult, Runtime
from embedded.http_api import HttpApis, HttpResponse
from embedded.iam_directory import IamDirectory
from embedded.iam_guard import UNGUARDED, AfterCall, Caller, Guard, SandboxDied
from embedded.journal import (
    Called,
    ExecutionEnded,
    ExecutionStarted,
    Invoked,
    Journal,
    Published,
    Record,
    TokenWaiting,
)
from embedded.place import Place
from embedded.policy_evaluation import Decision, Policy
from embedded.queues import Queue
from embedded.required_permission import RequiredPermission
from embedded.rules import Rule
from embedded.saved_state import SavedState, restore, save
from embedded.scheduler import Clock, Scheduler
from embedded.schedules import Schedules, When
from embedded.snapshot import snapshot
from embedded.stack import Resource, Stack
from embedded.template import synthesise

if TYPE_CHECKING:
    from moto.core.config import DefaultConfig

NOTHING = DeployedCode()
SEED = 20261124  # of moto's random ids
SAVED_STACKS = 32  # that a process keeps, each some 100 KB
MOTO = {
    "core": {
        "reset_boto3_session": False,
        "mock_credentials": False,
        "passthrough": {"services": [], "urls": []},
        "service_whitelist": None,
    },
    "lambda": {"use_docker": False},
    "stepfunctions": {"execute_state_machine": True},
}
# By stack, whether Security Hub is on, and the moment it was deployed at where one was given.
_DEPLOYED: dict[tuple[Stack, bool, datetime | None], SavedState] = {}


@dataclass(frozen=True)
class Machine:
    """A state machine of the template."""

    logical: str
    name: str
    arn: str
    role: str  # ARN
    definition: Mapping[str, Any]


@dataclass(frozen=True)
class Delivery:
    """What happened because of one event."""

    rules: tuple[str, ...]  # logical ids of the rules that matched
    records: tuple[Record, ...]  # the journal from the event on

    @property
    def invocations(self) -> list[Invoked]:
        """The invocations, in order."""
        return [r for r in self.records if isinstance(r, Invoked)]

    @property
    def calls(self) -> list[Called]:
        """The AWS calls, in order."""
        return [r for r in self.records if isinstance(r, Called)]

    @property
    def waiting(self) -> list[TokenWaiting]:
        """Executions that wait for a task token."""
        return [r for r in self.records if isinstance(r, TokenWaiting)]


class EmbeddedAccount:
    """See the module's docstring. Reading attributes before entering is an error."""

    def __init__(
        self,
        template: Path,
        *,
        account: str = "111122223333",
        region: str = "us-east-1",
        partition: str = "aws",
        parameters: Mapping[str, str] | None = None,
        functions: Path | None = None,
        stack: str = "stack",
        code: DeployedCode = NOTHING,
        start: datetime | None = None,
        organization: str = "",
        security_hub: bool = True,
    ) -> None:
        self.place = Place(account, region, partition)
        self.stack: Stack = synthesise(
            template, self.place, parameters=parameters, stack=stack, functions=functions
        )
        self.code = code
        self.journal = Journal()
        self.clock = Clock((start or datetime.now(UTC)).replace(microsecond=0))
        self._start = start
        self.organization = organization
        self._security_hub = security_hub
        self._scheduler = Scheduler(self.clock)
        self._leave = ExitStack()

    # ---- entering and leaving ----

    def __enter__(self) -> Self:
        if scheduler.active() is not None:
            raise RuntimeError("an embedded account is entered already")
        with ExitStack() as undo:
            self._enter(undo)
            self._leave = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave.close()

    def _enter(self, undo: ExitStack) -> None:
        from moto import mock_aws
        from moto.moto_api._internal import mock_random

        unsupported_calls.install()
        patches.install(self.code)
        speedups.install()
        backends.install()
        undo.enter_context(patches.environment(self.place))
        with speedups.without_other_clients():
            undo.enter_context(mock_aws(config=cast("DefaultConfig", MOTO)))
        mock_random.seed(SEED)
        undo.enter_context(self.clock.shown())
        scheduler.enter(self._scheduler)
        undo.callback(scheduler.leave)
        backends.reset()
        undo.callback(backends.reset)
        self._connect(undo)
        self._deploy()
        self._begin()

    def _deploy(self) -> None:
        """Build the stack by API calls, or restore it if this process has built it before."""
        deployment = (self.stack, self._security_hub, self._start)
        if deployment in _DEPLOYED:
            restore(_DEPLOYED[deployment])
            return
        self.set_stack_status("CREATE_IN_PROGRESS")
        build(self.stack, self.client)
        self.event_delivery.check_roles()
        if self._security_hub:
            self.client("securityhub").enable_security_hub()
        for resource in custom_resources.custom_resources(self.stack):
            self.custom_resource(resource.logical, "Create")
        self.set_stack_status("CREATE_COMPLETE")
        self.settle()
        self._begin()
        _DEPLOYED[deployment] = save()
        if len(_DEPLOYED) > SAVED_STACKS:
            del _DEPLOYED[next(iter(_DEPLOYED))]

    def _begin(self) -> None:
        """Nothing that a deployment did is left over, whether it was built or restored."""
        self.journal.records.clear()
        self.runtime.begin()
        self.event_delivery.begin()
        self.schedules.begin()

    def set_stack_status(self, status: str, stack: str = "") -> None:
        """Give a stack (its id; "" is ours) a status, with CloudFormation's event of it.

        Nothing is built or deleted. Without a status nobody knows the stack any more, and there is
        no event.
        Source: CloudFormation User Guide, "Stack Status Change event detail".
        """
        id = stack or self.stack.id
        cloudformation.set_status(self._here, id, status)
        if status:
            detail = {"stack-id": id, "status-details": {"status": status, "status-reason": ""}}
            self._emit("aws.cloudformation", "CloudFormation Stack Status Change", [id], detail)

    def _emit(self, source: str, kind: str, resources: list[str], detail: dict[str, Any]) -> None:
        """An event of a service, as PutEvents would have it."""
        entry = {"Source": source, "DetailType": kind, "Resources": resources}
        event = self._event({**entry, "Detail": json.dumps(detail)})
        self.event_delivery.put_later(event)

    def custom_resource(
        self,
        logical: str,
        kind: str,
        *,
        properties: Mapping[str, Any] | None = None,
        physical: str = "",
    ) -> str:
        """Send a custom resource's function a request of CloudFormation, as a deployment does.

        ``kind`` is Create, Update or Delete. The properties are those that the stack was deployed
        with, changed as given; an update has those that it was deployed with as the old ones.
        Returns the physical id. Raises custom_resources.Failed with the reason.
        """
        made = self.stack.resources[logical]
        wanted = replace(made, properties={**made.properties, **(properties or {})})
        sent = custom_resources.request(
            self.stack, wanted, kind, physical=physical, old=made.properties
        )
        return custom_resources.send(sent, self.invoke)

    def _connect(self, undo: ExitStack) -> None:
        self.guard = Guard(self.place, self.journal, self._stamp, self.organization)
        self.runtime = Runtime(self._scheduler, self.journal, functions_of(self.stack), self.code)
        self.event_delivery = EventDelivery(
            self.stack, self.runtime, self.clock, self.journal, self.client, self._allowed
        )
        self.schedules = Schedules(self.stack, self.event_delivery, self.clock)
        self.http_apis = HttpApis(
            self.stack,
            self.runtime,
            self.clock,
            self.client,
            self.guard.decide,
            self._gateway_may_invoke,
            self.organization,
        )
        iam_guard.enter(self._intercept)
        undo.callback(iam_guard.leave)
        state_machines.enter(self)
        undo.callback(state_machines.leave)
        hub.subscribe(self._on_finding)
        undo.callback(hub.unsubscribe)
        patches.enter(self.place)
        undo.callback(patches.leave)

    def _stamp(self) -> str:
        return self.clock.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    # ---- what handlers and machines do ----

    def _intercept(
        self, client: Any, operation: str, params: Mapping[str, Any], go: Callable[[], Any]
    ) -> Any:
        service = client.meta.service_model.service_name
        response = {
            ("lambda", "Invoke"): self._invoke,
            ("events", "PutEvents"): self._put_events,
        }.get((service, operation))
        go_on = (lambda: response(params)) if response else go
        caller = self._scheduler.owner
        if caller is None or getattr(client, UNGUARDED, False):
            result = go_on()
            self._parameter_changed(service, operation, params)
            return result
        result = self.guard.call(caller, client, operation, params, go_on)
        self._parameter_changed(service, operation, params)
        if (service, operation) == ("sqs", "ReceiveMessage"):
            self.event_delivery.dead_letters.name_sources(params, result.get("Messages", ()))
        for message in _published(service, operation, params, result):
            self.journal.write(message)
        return result

    def _parameter_changed(self, service: str, operation: str, params: Mapping[str, Any]) -> None:
        """The event of Parameter Store (Systems Manager User Guide, "Amazon EventBridge event
        examples for Systems Manager")."""
        changed = {"PutParameter": "Update" if params.get("Overwrite") else "Create"}
        changed["DeleteParameter"] = "Delete"
        if service == "ssm" and operation in changed:
            name = str(params["Name"])
            arn = self.place.arn("ssm", f"parameter/{name.lstrip('/')}")
            detail = {"operation": changed[operation], "name": name, "type": "String"}
            self._emit("aws.ssm", "Parameter Store Change", [arn], detail)

    def _invoke(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """lambda:Invoke runs the real handler."""
        function = self.runtime.find(str(params["FunctionName"]))
        if function is None:
            raise unsupported_calls.NotEmbedded(f"no such function here: {params['FunctionName']}")
        event = json.loads(_text(params.get("Payload") or "{}"))
        kind = params.get("InvocationType", "RequestResponse")
        if kind == "Event":
            self.event_delivery.invoke_later(function, event)
            return _invoke_response(202, InvocationResult("", failed=False))
        if kind == "DryRun":
            return _invoke_response(204, InvocationResult("", failed=False))
        return _invoke_response(200, self.runtime.invoke(function, event))

    def _put_events(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """events:PutEvents delivers by the rules of the template."""
        entries = []
        for entry in params["Entries"]:
            event = self._event(entry)
            bus = str(entry.get("EventBusName", "default")).rsplit("/", 1)[-1]
            self.event_delivery.put_later(event, bus)
            entries.append({"EventId": event["id"]})
        return {"FailedEntryCount": 0, "Entries": entries, "ResponseMetadata": {}}

    def _event(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "version": "0",
            "id": self._uuid(),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": self.place.account,
            "time": self._stamp(),
            "region": self.place.region,
            "resources": list(entry.get("Resources", [])),
            "detail": json.loads(entry["Detail"]),
        }

    def machine_caller(self, arn: str, role: str) -> Caller:
        """The role that makes a state machine's calls."""
        return Caller(self._machine_name(arn), role)

    def _machine_name(self, arn: str) -> str:
        found = (m.logical for m in self.machines.values() if m.arn == arn)
        return next(found, arn)

    def watch(self, record: ExecutionStarted | ExecutionEnded | TokenWaiting) -> None:
        """Journal what happened to an execution, under the machine's logical id."""
        self.journal.write(replace(record, machine=self._machine_name(record.machine)))

    # ---- driving ----

    def deliver(self, event: Mapping[str, Any], *, patience: timedelta | None = None) -> Delivery:
        """Put an event on the default bus and run everything until it is quiet.

        Quiet: queues are empty, invocations and their retries done, executions ended or waiting
        for a token. Wait states and retries move the clock, at most by ``patience``. An event of
        Security Hub puts its findings into the hub first.
        """
        since = len(self.journal)
        self._stage(event)
        matched = self.event_delivery.put(json.loads(json.dumps(event)))
        self.settle(patience=patience)
        return Delivery(tuple(r.logical for r in matched), tuple(self.journal.records[since:]))

    def _stage(self, event: Mapping[str, Any]) -> None:
        """Security Hub has every finding that it sends an event of.

        It has none that its own model does not allow: the receivers have to see what that is.
        """
        if event.get("source") != "aws.securityhub" or not self._security_hub:
            return
        for finding in _findings(event):
            if not hub.holds(self._here, finding["ProductArn"], finding["Id"]):
                hub.store(self._here, finding)

    def _on_finding(self, where: Where, event: dict[str, Any]) -> None:
        """Security Hub emits an event for every finding that is imported or updated."""
        if where == self._here:
            self.event_delivery.put_later({"id": self._uuid(), **event})

    def _uuid(self) -> str:
        return f"00000000-0000-4000-9000-{len(self.journal):012x}"

    @property
    def _here(self) -> Where:
        return Where(self.place.account, self.place.region, self.place.partition)

    def invoke(self, function: str, event: Any) -> InvocationResult:
        """Invoke a function directly, by logical id, name or ARN."""
        found = self.runtime.find(function)
        if found is None:
            raise LookupError(function)
        return self.runtime.invoke(found, event)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        caller: str,
        source_ip: str = "203.0.113.7",
        api: str = "",
    ) -> HttpResponse:
        """Send a request to the stack's HTTP API; ``api`` names one (logical id) of several.

        ``caller`` is the ARN of a user or of a session of a role, "" for nobody: the request is
        not signed. A body that is no text is sent as JSON. As after ``invoke``, what the function
        caused is still to be done: ``settle``. Raises LookupError without such an API.
        """
        return self.http_apis.request(api, method, path, body, caller, source_ip)

    def _gateway_may_invoke(self, function: str, source: str) -> bool:
        may = self.event_delivery.permissions.service
        return may("apigateway.amazonaws.com", "lambda:InvokeFunction", function, source)

    def settle(self, *, patience: timedelta | None = None) -> None:
        """Run everything until it is quiet. The clock moves over pauses and retries.

        Schedules do not fire: with them it would never be quiet. What they miss by it is lost.
        """
        limit = self.clock.now + patience if patience is not None else None
        last = self.clock.now + scheduler.FOREVER
        while True:
            self._work()
            moments = (self._scheduler.next_pause(), self.event_delivery.next_moment())
            moment = min((m for m in moments if m is not None), default=None)
            if moment is None or (limit is not None and moment > limit):
                return
            if moment > last:
                raise RuntimeError("this does not come to rest within a year")
            self.clock.move_to(moment)

    def advance(self, delta: timedelta, *, schedules: When = "all") -> Delivery:
        """Let time pass: retries, Wait states and time-outs happen in their order.

        Scheduled rules fire at their moments. With ``schedules="last"`` each rule that has one
        fires only once, at the end: a shortcut for many hours, in which what depends on the
        moments between is not seen. With "none" they do not fire.
        """
        since, target = len(self.journal), self.clock.now + delta
        self._work()
        self.schedules.skip()
        while (moment := self._next(firing=schedules == "all")) is not None and moment <= target:
            self.clock.move_to(moment)
            if schedules == "all":
                self.schedules.fire()
            self._work()
        self.clock.move_to(target)
        if schedules == "last":
            self.schedules.fire(once=True)
        self.settle()
        return Delivery((), tuple(self.journal.records[since:]))

    def _next(self, *, firing: bool) -> datetime | None:
        moments = [self._scheduler.next_moment(), self.event_delivery.next_moment()]
        moments += [self.schedules.next_moment()] if firing else []
        return min((m for m in moments if m is not None), default=None)

    def _work(self) -> None:
        """Do everything that is due now."""
        while self._scheduler.run() or self.event_delivery.work():
            continue

    # ---- looking and staging ----

    def client(self, service: str, region: str | None = None, account: str | None = None) -> Any:
        """A client that IAM does not check, to stage and assert. ``account``: another one's."""
        return unguarded(service, region or self.place.region, account or self.place.account)

    @property
    def now(self) -> datetime:
        """The account's current time."""
        return self.clock.now

    @property
    def functions(self) -> Mapping[str, Function]:
        """By logical id."""
        return self.runtime.functions

    @property
    def rules(self) -> Mapping[str, Rule]:
        """By logical id."""
        return self.event_delivery.rules

    @property
    def queues(self) -> Mapping[str, Queue]:
        """By logical id."""
        return self.event_delivery.queues

    @property
    def machines(self) -> dict[str, Machine]:
        """By logical id."""
        return {r.logical: _machine(r) for r in self.stack.of("AWS::StepFunctions::StateMachine")}

    def policies(self, logical: str) -> dict[str, Policy]:
        """The role policies of a function or state machine now, by name or ARN."""
        role = (self.functions.get(logical) or self.machines[logical]).role
        return dict(IamDirectory(self.place.account, self.place.partition).policies_of(role))

    def decide(
        self, principal: str, action: str, resource: str, context: Mapping[str, Any] | None = None
    ) -> Decision:
        """IAM's decision now for a role (its ARN), an action, a resource and a request context.

        Identity policies, resource policies and the boundary count, as in calls of functions.
        """
        return self.guard.decide(principal, RequiredPermission(action, resource, context or {}))

    def _allowed(self, principal: str, action: str, resource: str) -> bool:
        return self.decide(principal, action, resource) is Decision.ALLOWED

    @contextmanager
    def acting(self, role: str) -> Iterator[None]:
        """Meanwhile ordinary boto3 clients make their calls under this role (its ARN)."""
        before, self._scheduler.owner = self._scheduler.owner, Caller(role, role)
        try:
            yield
        finally:
            self._scheduler.owner = before

    def messages(self, queue: str) -> list[str]:
        """The bodies in a queue (logical id), oldest first."""
        return [body for _, body in self.event_delivery.messages(self.queues[queue])]

    def redeliver(self, queue: str) -> Delivery:
        """Send the messages of a dead-letter queue (logical id) to their original targets."""
        since = len(self.journal)
        self.event_delivery.redeliver(self.queues[queue])
        self.settle()
        return Delivery((), tuple(self.journal.records[since:]))

    def set_mapping(self, logical: str, *, enabled: bool) -> None:
        """Switch an event source mapping (logical id) on or off, as an operator would.

        While it is off, its source keeps what comes: a stream for 24 hours. Raises LookupError.
        """
        self.event_delivery.set_mapping(logical, enabled=enabled)

    def set_parameter(self, name: str, value: str) -> None:
        """Change an SSM parameter, as an operator would, and empty the caches of warm sandboxes."""
        self.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        self.runtime.forget()

    def snapshot(self, *, exclude_own: bool = True) -> dict[str, Any]:
        """The observable state of the account, as JSON; without our own stack's resources."""
        own = {r.physical.rsplit("/", 1)[-1] for r in self.stack.resources.values()}
        return snapshot(self.client, own if exclude_own else set(), self.place)

    def after_call(self, hook: AfterCall) -> None:
        """Call ``hook`` after every AWS call of a function or state machine, when it has effect."""
        self.guard.after_call.append(hook)

    def crash_after(self, calls: int) -> None:
        """Kill the sandbox after this many more calls of functions. The last call has effect."""
        left = [calls]

        def hook(record: Called) -> None:
            if record.caller in self.functions and left[0] > 0:
                left[0] -= 1
                if left[0] == 0:
                    raise SandboxDied

        self.guard.after_call.append(hook)


def _findings(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The findings in an event of Security Hub that it can have."""
    detail = event.get("detail")
    found = detail.get("findings") if isinstance(detail, Mapping) else None
    listed = found if isinstance(found, list) else []
    return [one for one in listed if isinstance(one, dict) and hub.fits(one)]


def _machine(resource: Resource) -> Machine:
    return Machine(
        logical=resource.logical,
        name=resource.physical.rsplit(":", 1)[-1],
        arn=resource.arn,
        role=resource.properties["RoleArn"],
        definition=json.loads(state_machines.definition_of(resource.properties)),
    )


def _published(
    service: str, operation: str, params: Mapping[str, Any], result: Mapping[str, Any]
) -> Iterator[Published]:
    """The messages that a topic took by this call."""
    if (service, operation) == ("sns", "Publish"):
        entries = [params]
    elif (service, operation) == ("sns", "PublishBatch"):
        taken = {one["Id"] for one in result["Successful"]}
        entries = [one for one in params["PublishBatchRequestEntries"] if one["Id"] in taken]
    else:
        return
    topic = str(params.get("TopicArn", ""))
    for one in entries:
        yield Published(topic, str(one.get("Subject", "")), str(one["Message"]))


def _text(payload: Any) -> str:
    if hasattr(payload, "read"):
        payload = payload.read()
    return payload.decode() if isinstance(payload, bytes | bytearray) else str(payload)


def _invoke_response(status: int, outcome: InvocationResult) -> dict[str, Any]:
    """lambda:Invoke's response."""
    body = outcome.payload.encode()
    error = {"FunctionError": "Unhandled"} if outcome.failed else {}
    return {
        "StatusCode": status,
        "ExecutedVersion": "$LATEST",
        "Payload": StreamingBody(BytesIO(body), len(body)),
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "embedded", "HTTPHeaders": {}},
        **error,
    }
