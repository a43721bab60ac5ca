"""An AWS account in this process: a stack of a template, on moto and virtual time.

    with EmbeddedAccount(Path("template.yaml"), account="111122223333", region="eu-central-1",
                         parameters={}, code=DeployedCode(packages=("product",))) as account:
        delivery = account.deliver(event)

``code`` says what the account must know of the code that its functions run. One account is
entered at a time in a process; meanwhile every clock of the process shows the account's time.
Nothing leaves the machine.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from embedded import custom_resources, emulation, iam_guard, patches, scheduler, state_machines
from embedded.backends import config_rules, hub
from embedded.calls import Calls
from embedded.clients import unguarded
from embedded.config_rules import ConfigRules
from embedded.delivery import EventDelivery
from embedded.deploy import build, functions_of
from embedded.deployed_code import DeployedCode
from embedded.driving import Driver
from embedded.functions import Function, InvocationResult, Runtime
from embedded.http_api import HttpApis, HttpResponse
from embedded.iam_directory import IamDirectory
from embedded.iam_guard import AfterCall, Caller, Guard, SandboxDied
from embedded.journal import (
    Called,
    Delivery,
    ExecutionEnded,
    ExecutionStarted,
    Journal,
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
from embedded.service_events import ServiceEvents
from embedded.snapshot import snapshot
from embedded.stack import Stack
from embedded.state_machines import Machine, machines_of
from embedded.template import synthesise

NOTHING = DeployedCode()
SAVED_STACKS = 32  # that a process keeps, each some 100 KB
# By stack, whether Security Hub is on, and the moment it was deployed at where one was given.
_DEPLOYED: dict[tuple[Stack, bool, datetime | None], SavedState] = {}


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
        emulation.enter(undo, self.place, self.clock, self._scheduler, self.code)
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
        """
        self._events.set_stack_status(stack or self.stack.id, status)

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
        self._driver = Driver(self.clock, self._scheduler, self.event_delivery, self.schedules)
        self.http_apis = HttpApis(
            self.stack,
            self.runtime,
            self.clock,
            self.client,
            self.guard.decide,
            self._gateway_may_invoke,
            self.organization,
        )
        self._events = ServiceEvents(self.place, self.clock, self.journal, self.event_delivery)
        self.config_rules = ConfigRules(self.stack, self.runtime, self.clock, self.event_delivery)
        self.calls = Calls(
            self._scheduler,
            self.guard,
            self.runtime,
            self.event_delivery,
            self._events,
            self.journal,
        )
        undo.callback(iam_guard.leave, iam_guard.enter(self.calls.intercept))
        state_machines.enter(self)
        undo.callback(state_machines.leave)
        hub.subscribe(self._events.on_finding)
        undo.callback(hub.unsubscribe)
        config_rules.subscribe(self._events.on_compliance)
        undo.callback(config_rules.unsubscribe)
        patches.enter(self.place)
        undo.callback(patches.leave)

    def _stamp(self) -> str:
        return self.clock.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    # ---- what machines do ----

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
        if self._security_hub:
            self._events.stage(event)
        matched = self.event_delivery.put(json.loads(json.dumps(event)))
        self.settle(patience=patience)
        return Delivery(tuple(r.logical for r in matched), tuple(self.journal.records[since:]))

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
        self._driver.settle(patience)

    def advance(self, delta: timedelta, *, schedules: When = "all") -> Delivery:
        """Let time pass: retries, Wait states and time-outs happen in their order.

        Scheduled rules fire at their moments. With ``schedules="last"`` each rule that has one
        fires only once, at the end: a shortcut for many hours, in which what depends on the
        moments between is not seen. With "none" they do not fire.
        """
        since = len(self.journal)
        self._driver.advance(delta, schedules)
        return Delivery((), tuple(self.journal.records[since:]))

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
        return machines_of(self.stack)

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
        roles = IamDirectory(self.place.account, self.place.partition).roles()
        return snapshot(self.client, own if exclude_own else set(), self.place, roles)

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
