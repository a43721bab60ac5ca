"""One event in the deployed account, there and back: see sides.py."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from console.account import EVERY_VERB, OPERATOR
from console.expected import expectation_path
from console.stack import Stack
from cordon.deciding.cases import HOLDING
from cordon.finding import Malformed
from cordon.memory.decisions import Decisions, Verb
from cordon.sources import read
from cordon.sources.custom_action import digits_of
from cordon.statuses import Status
from embedded import snapshot as looks
from embedded.backends import agent_aliases, agentcore, model_packages, notebooks, tags
from embedded.place import Place
from tests.e2e.account import ACCOUNT, NAME, Account
from tests.e2e.people import Heard, hearing
from tests.e2e.sides import DIGITS, WHY, Call, Names, Side, evidence, moment, reports, short

SAM = "aws-sam-cli-managed-default"  # the stack of the bucket that `sam deploy` uploads to
TAGS = {
    "sagemaker": looks._sagemaker_tags,
    "bedrock": looks._bedrock_tags,
    "bedrock-agent": looks._agent_tags,
    "bedrock-agentcore-control": looks._agent_tags,
}


def deployed(account: Account, path: Path, like: Side) -> Side:
    """The event, staged, put and released in the deployed account, as the replay was."""
    with hearing(account) as heard:
        return _deployed(_Watch(account, like, path.read_text(), heard), path, like)


def _deployed(watch: "_Watch", path: Path, like: Side) -> Side:
    account, operator = watch.account, watch.operator
    expected = _beside(path)
    event = watch.event_here(path)
    earlier = [watch.event_here(path.parent / name) for name in expected.get("after", ())]
    for one in earlier or [event]:
        watch.side.staged = _staged(account, one)
    watch.look()
    for one in earlier:
        _deliver(account, one, operator)
    since = datetime.now().astimezone()
    _deliver(account, event, operator)
    outcomes = _chosen(account)
    outcomes += _logged(account, since)
    if event != json.loads(path.read_text()):  # a case's id is made of the names, among others
        cases = {one["playbook"]: one["case"] for one in like.outcomes}
        outcomes = [one | {"case": cases.get(one["playbook"], "")} for one in outcomes]
    watch.side.outcomes = watch.names.alike(outcomes)
    watch.look()
    if like.waited:
        return watch.side
    for case in account.cases():
        if case.status in HOLDING:
            operator.release(case, WHY)
    account.settle()
    watch.look_at_last()
    return watch.side


def _beside(path: Path) -> dict[str, Any]:
    beside = expectation_path(path)
    return json.loads(beside.read_text()) if beside.exists() else {}


def _staged(account: Account, event: Mapping[str, Any]) -> list[str]:
    """What was made; nothing for an event that nobody can read."""
    try:
        read(event)
    except Malformed:
        return []
    return account.stage(event)


class _Watch:
    """Looks at the deployed account."""

    def __init__(self, account: Account, like: Side, event: str, heard: Heard) -> None:
        self.account, self.like, self.event, self.heard = account, like, event, heard
        self.side = Side(waited=like.waited)
        self.ai = sorted(like.moments[0].state["tags"]) if like.moments else []
        self.notebooks = sorted(like.moments[0].state["notebooks"]) if like.moments else []
        self.jobs = sorted(like.moments[0].state["glue"]) if like.moments else []
        self.packages = sorted(like.moments[0].state["model-packages"]) if like.moments else []
        self.switched = sorted(
            {s for one in like.moments for s in one.state["detection"]} - {"bedrock"}
        )  # how models are logged is read as the API shows it
        self.noted = len(account.calls())
        self.generated = _physical(account, NAME)
        self.digits = {digits_of(account.stack_id): DIGITS}
        signing = account.parameters.get("DigestKey", "")  # it was made before the stack, for it
        own = {signing, *self.generated, *_physical(account, SAM)}
        self.own = {name.rsplit("/", 1)[-1] for name in own} | {OPERATOR}
        self.operator = _operator(account)

    def event_here(self, path: Path) -> Any:
        """The event; where it names what replay's deploy made up, it names what this one did."""
        text, here = path.read_text(), {v: k for k, v in self.short.items()}
        for name, logical in self.like.names.items():
            text = text.replace(name, here.get(logical, name))
        return json.loads(text)

    @property
    def names(self) -> Names:
        """As of this moment."""
        return Names(self.short, datetime.now().astimezone(), self.event)

    @property
    def short(self) -> dict[str, str]:
        """What the deploy made up, by how it is written."""
        return short(self.generated) | self.digits

    def look(self) -> None:
        """Keep how the account is."""
        account = self.account
        names = self.names
        cases = account.cases()
        here = Place(ACCOUNT, account.region)
        state = looks.snapshot(account.client, self.own, here) | {"tags": self._tags()}
        state["detection"] = looks.detection(account.client, self.own, self.switched)
        state |= {"agentcore-policies": self._policies(), "agent-aliases": self._aliases()}
        state["notebooks"] = self._notebooks()
        state["model-packages"] = self._packages()
        state |= {"service-credentials": self._credentials(), "guardrails": self._guardrails()}
        state["detection"] |= self._logging()
        state["glue"] = self._jobs()
        state |= reports(account.client)
        calls = account.calls(self.noted)
        self.noted += len(calls)
        made = list(_by_role(calls, self.generated))
        came = self.heard.messages(), self.heard.events()
        self.side.moments.append(moment(state, cases, made, names, *came))
        self.side.evidence = evidence(account.stack, cases)

    def look_at_last(self) -> None:
        """That, and what is left in queues."""
        self.look()
        self.side.left = dict(_left(self.account, short(self.generated)))

    def _tags(self) -> dict[str, Any]:
        """Of the resources that replay has staged; wherever they are."""
        found = {}
        for arn in self.ai:
            service = tags.service_of(arn).name
            found[arn] = TAGS[service](self.account.client(service, arn.split(":")[3]), arn)
        return found

    def _policies(self) -> dict[str, Any]:
        """Of those of AgentCore's resources that have one."""
        found = {}
        for arn in (one for one in self.ai if agentcore.embeds(one)):
            control = self.account.client("bedrock-agentcore-control", arn.split(":")[3])
            try:
                found[arn] = control.get_resource_policy(resourceArn=arn)["policy"]
            except ClientError as error:
                assert error.response["Error"]["Code"] == "ResourceNotFoundException"
        return found

    def _notebooks(self) -> dict[str, Any]:
        """Of those that replay has staged, as the snapshot has them."""
        found = {}
        for arn in self.notebooks:
            sagemaker = self.account.client("sagemaker", arn.split(":")[3])
            listed = sagemaker.list_notebook_instances()["NotebookInstances"]
            (name,) = (
                one["NotebookInstanceName"] for one in listed if one["NotebookInstanceArn"] == arn
            )
            shown = sagemaker.describe_notebook_instance(NotebookInstanceName=name)
            found[arn] = {one: shown.get(one) for one in notebooks.SHOWN}
        return found

    def _packages(self) -> dict[str, Any]:
        """Of the versions of models that replay has staged, as the snapshot has them."""
        found = {}
        for arn in self.packages:
            sagemaker = self.account.client("sagemaker", arn.split(":")[3])
            shown = sagemaker.describe_model_package(ModelPackageName=arn)
            found[arn] = {one: shown[one] for one in model_packages.STATUSES if one in shown}
        return found

    def _jobs(self) -> dict[str, Any]:
        """The tags of the jobs of Glue that replay has staged, as the snapshot has them."""
        glue = self.account.client("glue")
        return {arn: glue.get_tags(ResourceArn=arn)["Tags"] for arn in self.jobs}

    def _credentials(self) -> dict[str, str]:
        """The status of each service-specific credential, as the snapshot has it."""
        iam, found = self.account.client("iam"), {}
        for user in iam.list_users()["Users"]:
            listed = iam.list_service_specific_credentials(UserName=user["UserName"])
            for one in listed["ServiceSpecificCredentials"]:
                found[one["ServiceSpecificCredentialId"]] = one["Status"]
        return found

    def _guardrails(self) -> dict[str, Any]:
        """What the account enforces, as the snapshot has it."""
        listed = self.account.client("bedrock").list_enforced_guardrails_configuration()
        return {one.pop("configId"): one for one in listed["guardrailsConfig"]}

    def _logging(self) -> dict[str, Any]:
        """What is logged of models, as the snapshot has it; nothing where nothing is."""
        shown = self.account.client("bedrock").get_model_invocation_logging_configuration()
        named = Place(ACCOUNT, self.account.region).arn("bedrock", "model-invocation-logging")
        found = shown.get("loggingConfig")
        return {"bedrock": {named: found}} if found else {}

    def _aliases(self) -> dict[str, Any]:
        """Of the agents that replay has staged, as the snapshot has them."""
        found = {}
        for arn in (one for one in self.ai if ":agent/" in one):
            agents, name = self.account.client("bedrock-agent", arn.split(":")[3]), arn[-10:]
            pages = agents.get_paginator("list_agent_aliases").paginate(agentId=name)
            for alias in (a for page in pages for a in page["agentAliasSummaries"]):
                by = arn.replace(":agent/", ":agent-alias/") + f"/{alias['agentAliasId']}"
                found[by] = {one: alias.get(one) for one in agent_aliases.SHOWN}
        return found


def _operator(account: Account) -> Stack:
    """The stack for replay's operator, who is a user with a name."""
    iam = account.client("iam")
    iam.create_user(UserName=OPERATOR)
    document = json.dumps(EVERY_VERB)
    iam.put_user_policy(UserName=OPERATOR, PolicyName="every-verb", PolicyDocument=document)
    key = iam.create_access_key(UserName=OPERATOR)["AccessKey"]
    signer = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    return replace(account.stack, desk=account.desk(signer=signer))


def _deliver(account: Account, event: Mapping[str, Any], operator: Stack) -> None:
    """Put the event; whoever must decide approves, as `replay --approve` does it."""
    account.put(event, Time=event["time"])
    waiting = [case for case in account.cases() if case.status is Status.AWAITING_APPROVAL]
    for case in waiting:
        operator.decide(case, "approve", case.plan_hash)
    if waiting:
        account.settle()


def _chosen(account: Account) -> list[dict[str, str]]:
    """What a reviewer released by a custom action: the desk decides it, and no playbook says so."""
    decisions, found = Decisions(account.stack.table), []
    for case in account.cases():
        decided = decisions.of_round(case)
        if decided and decided.verb is Verb.RELEASE and not any(w.api for w in decided.witnesses):
            said = {"outcome": str(Status.RELEASING), "reason": decided.why, "mode": case.mode}
            found.append({"playbook": case.playbook, "case": case.id, **said})
    return found


def _logged(account: Account, since: datetime) -> Iterator[dict[str, str]]:
    """The functions' outcomes, from their logs."""
    logs = account.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/cordon/{NAME}/")["logGroups"]
    for group in groups:
        start = int(since.timestamp() * 1000)
        selected = {"logGroupName": group["logGroupName"], "startTime": start}
        pages = logs.get_paginator("filter_log_events").paginate(**selected)
        for entry in (entry for page in pages for entry in page["events"]):
            said = json.loads(entry["message"]) if entry["message"].startswith("{") else {}
            if "held_back" in said:
                yield {
                    "playbook": said["service"],
                    "outcome": said["message"],
                    "reason": said["reason"],
                    "case": said["case"],
                    "mode": said["mode"],
                }


@cache
def _physical(account: Account, stack: str) -> dict[str, str]:
    """The logical ids of a stack's resources, by their own; no test of these changes them."""
    pages = account.client("cloudformation").get_paginator("list_stack_resources")
    return {
        one["PhysicalResourceId"]: one["LogicalResourceId"]
        for page in pages.paginate(StackName=stack)
        for one in page["StackResourceSummaries"]
    }


def _left(account: Account, generated: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    sqs = account.client("sqs")
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for url in sqs.list_queues()["QueueUrls"]:
        counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
        if logical := generated.get(url.rsplit("/", 1)[-1]):
            yield logical, sum(int(counted[name]) for name in wanted)


def _by_role(calls: Sequence[Mapping[str, Any]], generated: Mapping[str, str]) -> Iterator[Call]:
    for call in calls:
        role = call["principal"].split("/")[-2]
        logical = generated.get(role, role)
        refused = "refused " if call["refused"] else ""
        yield logical.removesuffix("Role"), refused + call["action"], call["resource"]
