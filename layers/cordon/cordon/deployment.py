"""The deployment: what the template fixes of this stack, in the environment of each function."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cordon.baseline import Baseline
from cordon.errors import PartsUnknown


@dataclass(frozen=True)
class Deployment:
    """Where this stack is and what it uses; from the function's environment."""

    account: str
    region: str
    partition: str
    table: str
    evidence_bucket: str
    topic: str
    workflow: str  # state machine ARN
    break_glass: tuple[str, ...] = ()  # role ARNs (wildcards allowed) that Cordon never locks out
    home_region: str = ""  # where roles and users, which all Regions share, are changed; "": here
    other_regions: tuple[str, ...] = ()  # beside its own, whose resources this stack changes
    member_role: str = ""  # role name in member accounts; "" if Cordon serves only its own account
    external_id: str = ""
    organization: str = ""  # o-…: its accounts are not external
    security_hub: bool = True  # False: Cordon reports nothing there
    detective: bool = False  # True: incidents name where Detective shows a finding
    own_roles: tuple[str, ...] = ()  # exact ARNs of this stack's roles; (): not known
    deny_policies: Mapping[str, str] = field(default_factory=dict)  # purpose → ARN of our policy
    evidence_days: int = 365  # how long evidence is kept, and closed cases with it
    approval_hours: int = 4  # how long a person may take to approve, once people were informed
    reports_queue: str = ""  # URL: what could not be shown, and is to be shown again
    two_approvers: bool = False  # whatever lets Cordon do more needs two people
    person_roles: tuple[str, ...] = ()  # ARNs of roles whose trust fixes who names the session
    release_from_security_hub: bool = True  # may a reviewer whom AWS does not name release?
    desk_api: str = ""  # id of the HTTP API
    stack: str = ""  # setup: its id, an ARN (AWS::StackId); all others: the UUID at its end
    stop_training_jobs: bool = False  # may people approve to stop jobs on sensitive data?
    ai_workloads: tuple[str, ...] = ()  # tags (key=value) and ARNs by which resources belong to one
    enforced_guardrail: str = ""  # id:version of a guardrail here, of this account; "": none
    invocation_log_role: str = ""  # ARN of the role by which Bedrock logs to CloudWatch; "": none
    digest_key: str = ""  # ARN of the KMS key that signs digests of evidence; "": not signed
    failed_records: str = ""  # bucket: what the reporter gave up of the table's stream
    sweeps_bucket: str = ""  # where the pages of a sweep are, until they expire
    dead_letters: Mapping[str, str] = field(default_factory=dict)  # logical name → URL of a queue
    baseline: Baseline | None = None  # as the settings have it; not from the environment

    @classmethod
    def from_environment(
        cls, env: Mapping[str, str] = os.environ, needs: Iterable[str] = ()
    ) -> "Deployment":
        """Read ``CORDON_*``. A function is given what it needs, and no more.

        Raises KeyError for a name of ``needs`` that is not there: a default would say that there
        are none, of the roles never to be locked out for example. Queues and roles are given by
        their names: they are of this account and Region. What the desk and the reconciler have
        of each playbook is a row of the table: ``memory/parts.py``.
        """
        if missing := sorted(frozenset(needs) - env.keys()):
            raise KeyError(", ".join(missing))
        account, region = env["CORDON_ACCOUNT"], env["AWS_REGION"]
        partition = env["CORDON_PARTITION"]
        reports_queue = env.get("CORDON_REPORTS_QUEUE", "")
        queue = reports_queue.removesuffix(reports_queue.rpartition("/")[2])
        return cls(
            account=account,
            region=region,
            partition=partition,
            table=env["CORDON_TABLE"],
            evidence_bucket=env.get("CORDON_EVIDENCE_BUCKET", ""),
            topic=env.get("CORDON_TOPIC", ""),
            workflow=env.get("CORDON_WORKFLOW", ""),
            break_glass=_listed(env.get("CORDON_BREAK_GLASS", "")),
            home_region=env.get("CORDON_HOME_REGION", ""),
            other_regions=_listed(env.get("CORDON_OTHER_REGIONS", "")),
            member_role=env.get("CORDON_MEMBER_ROLE", ""),
            external_id=env.get("CORDON_EXTERNAL_ID", ""),
            organization=env.get("CORDON_ORGANIZATION", ""),
            security_hub=env.get("CORDON_SECURITY_HUB", "true") == "true",
            detective=env.get("CORDON_DETECTIVE", "false") == "true",
            own_roles=tuple(
                own_role(partition, account, name)
                for name in _listed(env.get("CORDON_OWN_ROLES", ""))
            ),
            deny_policies=_completed(
                f"arn:{partition}:iam::{account}:policy/cordon/",
                env.get("CORDON_DENY", ""),
            ),
            evidence_days=int(env.get("CORDON_EVIDENCE_DAYS", "365")),
            approval_hours=int(env.get("CORDON_APPROVAL_HOURS", "4")),
            reports_queue=reports_queue,
            two_approvers=env.get("CORDON_TWO_APPROVERS", "false") == "true",
            person_roles=_listed(env.get("CORDON_PERSON_ROLES", "")),
            release_from_security_hub=env.get("CORDON_RELEASE_FROM_SECURITY_HUB", "true") == "true",
            desk_api=env.get("CORDON_DESK_API", ""),
            stack=env["CORDON_STACK"],
            stop_training_jobs=env.get("CORDON_STOP_TRAINING_JOBS", "false") == "true",
            ai_workloads=_listed(env.get("CORDON_AI_WORKLOADS", "")),
            enforced_guardrail=env.get("CORDON_ENFORCED_GUARDRAIL", ""),
            invocation_log_role=_role(
                partition, account, env.get("CORDON_INVOCATION_LOG_ROLE", "")
            ),
            digest_key=env.get("CORDON_DIGEST_KEY", ""),
            failed_records=env.get("CORDON_FAILED_RECORDS", ""),
            sweeps_bucket=env.get("CORDON_SWEEPS_BUCKET", ""),
            dead_letters=_completed(queue, env.get("CORDON_DEAD_LETTERS", "")),
        )

    @property
    def is_home(self) -> bool:
        """Does this stack change what all Regions share: roles and users?"""
        return self.home_region in ("", self.region)

    def own_roles_in(self, account: str) -> tuple[str, ...]:
        """ARNs of the roles that we use in an account: never a whole path. Raises PartsUnknown.

        Every stack has roles of its own: none known is never taken for none.
        """
        if account == self.account:
            if not self.own_roles:
                raise PartsUnknown("the roles of this stack are not known")
            return self.own_roles
        arn = own_role(self.partition, account, self.member_role)
        return (arn,) if self.member_role else ()

    def deny_policy(self, purpose: str, partition: str, account: str) -> str:
        """ARN of the managed policy that denies what the purpose says, in an account.

        CloudFormation names ours. In a member account it has a fixed name: people make it there.
        """
        if account == self.account:
            return self.deny_policies[purpose]
        name = "".join(word.capitalize() for word in purpose.split("_"))
        return f"arn:{partition}:iam::{account}:policy/cordon/CordonDeny{name}"

    def never_locked_out(self, partition: str, account: str) -> tuple[str, ...]:
        """Roles that Cordon never locks out: break-glass, its own, and service-linked roles."""
        services = f"arn:{partition}:iam::{account}:role/aws-service-role/*"
        return (*self.break_glass, services, *self.own_roles_in(account))


def own_role(partition: str, account: str, name: str) -> str:
    """The ARN of a role of ours: each lies below the same path."""
    return f"arn:{partition}:iam::{account}:role/cordon/{name}"


def _role(partition: str, account: str, name: str) -> str:
    """The ARN of a role of this account by its name, with its path; "" for none."""
    return f"arn:{partition}:iam::{account}:role/{name}" if name else ""


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _completed(before: str, text: str) -> dict[str, str]:
    """``name=end,name=end``; each ARN or URL is ``before`` and its end."""
    pairs = (one.partition("=") for one in _listed(text))
    return {name: before + end for name, _, end in pairs}
