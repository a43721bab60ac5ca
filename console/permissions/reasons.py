"""The reasons for the permissions of each role.

Those of a playbook's actions are beside the actions (``cordon.actions.grants``), all others here.
"""

from collections.abc import Iterator, Mapping, Sequence

from cordon.actions.grants import Statement
from cordon.playbook import Playbook

# Statement → its purpose, as the page shows it.
_WHY = {
    "ReadSettings": "what people set, which a deployment must not change",
    "ReadMemory": "the case and what belongs to it: its plan, holds, decision and reports",
    "WriteSettings": "a new stack's row; what a later template adds; what setup found; its parts",
    "WriteCases": "its own cases and their plans, and when a control last passed",
    "UpdateMemory": "holds of its families, its budget, when a plan expires",
    "DeleteHolds": "a hold that no case is in any more",
    "ReadEvidence": "what a crashed attempt has written already; what a hold names as its capture",
    "ListEvidence": "what was written since the last digest; versions, so that nothing is hidden",
    "ReadAllEvidence": "the sha256 of what was written, and what it is about",
    "WriteDigests": "one digest a day, below its own prefix",
    "SignDigests": "a digest, only if DigestKey is set",
    "WriteEvidence": "one entry per step, below its own prefix",
    "ImportOwnFindings": "Cordon's own finding of the case",
    "UpdateFindings": "the original finding's workflow status, fields and note",
    "StartWorkflow": "wakes a case: a change needs more time, or a person has decided",
    "ReadIncidents": "whether a person resolved the incident of what was for them",
    "ReadStream": "the doorbell: which case has changed",
    "ListStreams": "AWS's own policy for such a function has it: AWSLambdaDynamoDBExecutionRole",
    "ReadSettingsEvidence": "who changed the settings: what evidence does not say rings",
    "KeepWhatWasShown": "what people were shown of each case, and nothing else",
    "PutStatusChanges": "the event of each change of a case's status",
    "TryAgain": "what could not be shown, or not yet, waits here",
    "KeepFailedRecords": "records of the stream whose attempts all failed",
    "FindFailedRecords": "whether the bucket of these records is there",
    "ListOpenCases": "the cases that something may be due for, by playbook",
    "WriteOwnRows": "where its rounds are, and its heartbeat, which is no case",
    "WakeCases": "a case for which something is due",
    "RingForReports": "a case that people were not shown as it is",
    "ListIncidents": "which incidents people resolved",
    "MakeCustomActions": "CordonContain and CordonRelease of this stack in Security Hub",
    "SeeBaseline": "the first baseline, and what differs from it: neither call has a resource",
    "ProtectTable": "deletion protection, which the template cannot have: see SECURITY.md",
    "ClaimHome": "which stack serves the account and Region",
    "KnowStacks": "whether the stack that has the claim was deleted; whether ours is complete",
    "PublishAlerts": "incidents and approvals to the topic",
    "SendFailedInvocations": "the event of an invocation whose attempts all failed",
    "ActInMemberAccounts": "findings of member accounts, only if MemberRole is set",
    "OpenIncidents": "an OpsItem for each case that a person must know of",
    "UpdateIncidents": "the OpsItem's status: it is resolved when the case is released",
    "WriteLog": "the function's own log group",
    "ConsumeBulkQueue": "compliance findings, which arrive in bulk",
    "InvokePlaybooks": "for a case that is woken, a custom action, or what is redelivered",
    "ReadCases": "the case, its plan, its decision and its reports, the settings: checked first",
    "WriteDecisions": "who decided what; no playbook's role may",
    "ChangeSettings": "one entry at a time, for people",
    "ProveSettings": "who changed the settings, before it counts",
    "TakeDeadLetters": "what is redelivered is taken from its queue",
    "ListFailedRecords": "which records that the reporter gave up were not redelivered yet",
    "ReadFailedRecords": "the cases that such records name",
    "MarkRedelivered": "that they were redelivered, by whom and when",
    "Redeliver": "what is redelivered goes back to where it came from",
    "KnowIdentityCenter": "whether a role is IAM Identity Center's, whose sessions are people",
    "ReportEvaluations": "what our Config rules found; without Config's token it is refused",
    "KnowEarlierEvaluations": "what a rule was about and is no longer about",
    "AssessModelPackages": "which models are approved, and whether each has an approved card",
    "AssessLineage": "which data sets SageMaker's lineage leads to from a model, if any",
    "ReadDataSets": "where such a data set lies",
    "AssessBucketTags": "whether the bucket of such data has a tag that one of our holds has set",
    "AssessBedrock": "whether invocations are logged, what is enforced, where profiles route to",
    "ListTaggedResources": "what must have the tags that RequiredTags names",
    "AssessSageMakerTags": "whether these have them",
    "AssessBedrockTags": "whether these have them",
    "AssessAgentCoreTags": "whether these have them",
    "ListModelCards": "approved model cards that are resources of their own",
    "ReadModelCards": "which model package such a card is about",
    "ReadParts": "the queue of each playbook",
    "ReadFindings": "the backlog: findings that Security Hub has already",
    "KeepPages": "the backlog's pages, and what became of each",
    "ListPages": "which pages a sweep has, and which it has sent",
    "SendBacklog": "a finding of the backlog to the playbook that handles it, while there is room",
    "InvokeSweep": "each step of a sweep",
    "StartPages": "a page of a sweep is an execution of its own",
    "FollowPages": "how these executions end",
    "RedrivePages": "those that failed, when a person redrives the sweep",
    "WriteWorkflowLog": 'failed executions (Step Functions Developer Guide, "Logging")',
}

# Statement → actions that a service uses with the role, with no call in Cordon's code; and who.
_LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
_POLLS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
_DELIVERIES = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
_MAP = "Step Functions, which runs the Distributed Map"
_BY_SERVICES = {
    "WriteLog": (_LOGS, "Lambda, which writes the log"),
    "SendFailedInvocations": (("sqs:SendMessage",), "Lambda, which sends failed events"),
    "ConsumeBulkQueue": (_POLLS, "Lambda, which polls the queue"),
    "TryAgain": (_POLLS, "Lambda, which polls the queue"),
    "ReadStream": (_STREAM, "Lambda, which reads the table's stream"),
    "ListStreams": (("dynamodb:ListStreams",), "Lambda, which reads the table's stream"),
    "KeepFailedRecords": (("s3:PutObject",), "Lambda, which keeps what it gave up"),
    "FindFailedRecords": (("s3:ListBucket",), "Lambda, which looks for the bucket first"),
    "WriteWorkflowLog": (_DELIVERIES, "Step Functions, which writes the log"),
    "StartPages": (("states:StartExecution",), _MAP),
    "FollowPages": (("states:DescribeExecution",), _MAP),
    "RedrivePages": (("states:RedriveExecution",), _MAP),
}
BY_SERVICES = {
    (sid, action): who for sid, (actions, who) in _BY_SERVICES.items() for action in actions
}

# Action → why its grants name an ARN of a type that the Service Authorization Reference does not.
UNNAMED = dict.fromkeys(
    (
        "bedrock:DeleteResourcePolicy",
        "bedrock:GetResourcePolicy",
        "bedrock:PutResourcePolicy",
    ),
    "the service's API takes a knowledge base (docs/decisions/0062): a real account shows it",
)
# Pattern with a wildcard → why it cannot be narrower. ``*`` alone needs no reason here:
# ``violations`` accepts it only for actions without resource types.
_WIDE = {
    "arn:aws:s3:::EvidenceBucket/*": "a hold names evidence of any playbook; a digest is of all",
    "arn:aws:s3:::EvidenceBucket/digests/*": "the key of a digest contains its number",
    "arn:aws:s3:::EvidenceBucket/settings/*": "the key of an entry contains its number",
    "arn:aws:s3:::FailedRecords/*": "Lambda chooses the key",
    "arn:aws:s3:::FailedRecords/aws/lambda/*": "Lambda chooses the key",
    "arn:aws:s3:::FailedRecords/redelivered/*": "which ends with the key that Lambda chose",
    "arn:aws:s3:::FailedRecords/sweeps/*": "the key of a page has the name of its sweep",
    "arn:aws:iam::ACCOUNT:role/aws-reserved/sso.amazonaws.com/*": "a permission set may be any",
    "arn:aws:iam::*:role/cordon/MemberRole": "the same role in each account of the organization",
    "arn:aws:ssm:REGION:ACCOUNT:opsitem/*": "AWS generates the ids",
    "arn:aws:states:REGION:ACCOUNT:execution:Sweep:*": "each sweep has a name of its own",
    "arn:aws:states:REGION:ACCOUNT:execution:Sweep/*": "so has each execution of a page",
    "arn:aws:cloudformation:REGION:ACCOUNT:stack/*": "any stack may have the claim",
    "arn:aws:config:REGION:ACCOUNT:config-rule/*": "Config makes the ids of rules",
    "arn:aws:sagemaker:REGION:ACCOUNT:model-package/*": "a rule is about every model package",
    "arn:aws:sagemaker:REGION:ACCOUNT:model-card/*": "any card may be about a package",
    "arn:aws:sagemaker:REGION:ACCOUNT:artifact/*": "lineage leads to any data set",
    **dict.fromkeys(
        (
            "arn:aws:sagemaker:REGION:ACCOUNT:endpoint/*",
            "arn:aws:sagemaker:REGION:ACCOUNT:notebook-instance/*",
            "arn:aws:sagemaker:REGION:ACCOUNT:domain/*",
            "arn:aws:bedrock:REGION:ACCOUNT:agent/*",
            "arn:aws:bedrock:REGION:ACCOUNT:knowledge-base/*",
            "arn:aws:bedrock-agentcore:REGION:ACCOUNT:runtime/*",
            "arn:aws:bedrock-agentcore:REGION:ACCOUNT:gateway/*",
            "arn:aws:bedrock-agentcore:REGION:ACCOUNT:memory/*",
        ),
        "each of them must have the required tags",
    ),
}
_FOR_PEOPLE = (  # no playbooks
    "assess_resources",
    "setup",
    "report_cases",
    "decide_cases",
    "reconcile_cases",
    "digest_evidence",
    "sweep_findings",
)
_PSEUDO_PARAMETERS = {"Partition": "aws", "AccountId": "ACCOUNT", "Region": "REGION"}

# Global condition keys, and which requests have them (IAM User Guide, "AWS global condition
# context keys", Availability). All others must be in the Service Authorization Reference.
ALWAYS = {
    "aws:CalledVia": "what a service requests in somebody's name; absent elsewhere: denied then",
    "aws:PrincipalArn": "every signed request",
    "aws:ResourceAccount": "most actions; not those of EBS and a few others",
    "aws:ResourceOrgID": "if the resource's account is in an organization; otherwise refused",
    "aws:SecureTransport": "every request",
}


def why(headers: Sequence[Playbook]) -> Mapping[str, str]:
    """Statement → its purpose, as the page shows it."""
    return _WHY | {one.sid: one.why for one in _statements(headers)}


def wide(headers: Sequence[Playbook]) -> Mapping[str, str]:
    """Pattern with a wildcard → why it cannot be narrower."""
    names = [header.name for header in headers]
    evidence = {f"arn:aws:s3:::EvidenceBucket/{name}/*" for name in names}
    groups = {
        f"arn:aws:logs:REGION:ACCOUNT:log-group:/cordon/STACK/{name}:*"
        for name in (*names, *_FOR_PEOPLE)
    }
    return {
        **dict.fromkeys(sorted(evidence), "the key of an entry contains its case"),
        **_WIDE,
        **{_pattern(one.resource): one.wide for one in _statements(headers) if one.wide},
        **dict.fromkeys(sorted(groups), "the group's streams"),
    }


def _statements(headers: Sequence[Playbook]) -> Iterator[Statement]:
    for action in (action for header in headers for action in header.actions):
        yield from (grant.statement for grant in (*action.grants, *action.looked_up))


def _pattern(resource: str) -> str:
    """A statement's resource as the page has it."""
    for name, text in _PSEUDO_PARAMETERS.items():
        resource = resource.replace(f"${{AWS::{name}}}", text)
    return resource
