"""Why each role may do what it may: the one place where it is told."""

# Statement → what it is for, in the words of the page.
WHY = {
    "ReadSettings": "modes, switch, budget, exemptions and protected targets, at every invocation",
    "ReadWriteCases": "cases, holds and budgets",
    "ReadEvidence": "what a dead attempt had written already; what a hold names as its capture",
    "WriteEvidence": "one entry per step, below its own prefix",
    "ImportOwnFindings": "our own finding of the case",
    "UpdateFindings": "the original finding's workflow status, fields and note",
    "StartReleaseWorkflow": "lets go of a case",
    "StartContainWorkflow": "a person approves before anything is contained",
    "PublishAlerts": "incidents and approvals to the topic",
    "SendFailedInvocations": "the event of an invocation that failed in all its attempts",
    "ActInMemberAccounts": "only where MemberRole is given: findings of other accounts",
    "OpenIncidents": "an OpsItem for what a person must do",
    "UpdateIncidents": "the OpsItem's state, and its end when the case is released",
    "WriteLog": "its own log group, no other function's",
    "ConsumeBulkQueue": "compliance findings, which come in bulk",
    "ReadBuckets": "what is there, captured first and read back after",
    "CheckReplicaOwner": "whether a replica's bucket is ours: S3 refuses the question if not",
    "ContainBuckets": "shut, deny, freeze, stop replication; and put all of it back",
    "TagBuckets": "the bucket's label",
    "PassReplicationRole": "writing a replication configuration passes the role it names",
    "FindLogBuckets": "buckets that logs are delivered to are never quarantined",
    "ReadRoles": "what is there, captured first and read back after",
    "ReadUsers": "what is there, captured first and read back after",
    "RevokeRoles": "the inline policy that denies older sessions, and its removal",
    "RevokeUsers": "the access key; the inline policy that denies older sessions, and its removal",
    "DenyAllToRoles": "AWSDenyAll where an inline policy has no room, and its removal",
    "DenyAllToUsers": "AWSDenyAll where an inline policy has no room, and its removal",
    "TagSageMaker": "status, control and case",
    "TagBedrock": "status, control and case",
    "TagAgentCore": "status, control and case",
    "ReadSageMakerTags": "what is there, captured first and read back after",
    "ReadBedrockTags": "what is there, captured first and read back after",
    "ReadAgentCoreTags": "what is there, captured first and read back after",
    "InvokePlaybooks": "the workflow's steps are commands to the case's function",
    "WriteWorkflowLog": 'failed executions (Step Functions Developer Guide, "Logging")',
}

# Allowed, and used by a service under the role: no call of our code.
BY_SERVICES = {
    "sqs:ReceiveMessage": "Lambda, which polls the queue",
    "sqs:DeleteMessage": "Lambda, which polls the queue",
    "sqs:GetQueueAttributes": "Lambda, which polls the queue",
    "sqs:SendMessage": "Lambda, which hands over what failed",
    "logs:CreateLogStream": "Lambda, which writes the log",
    "logs:PutLogEvents": "Lambda, which writes the log",
    "logs:CreateLogDelivery": "Step Functions, which writes the log",
    "logs:DeleteLogDelivery": "Step Functions, which writes the log",
    "logs:DescribeLogGroups": "Step Functions, which writes the log",
    "logs:DescribeResourcePolicies": "Step Functions, which writes the log",
    "logs:GetLogDelivery": "Step Functions, which writes the log",
    "logs:ListLogDeliveries": "Step Functions, which writes the log",
    "logs:PutResourcePolicy": "Step Functions, which writes the log",
    "logs:UpdateLogDelivery": "Step Functions, which writes the log",
}

# Pattern with a wildcard → why it is as narrow as can be. ``*`` itself needs no reason here:
# ``faults`` takes it only where AWS knows no resource for the action.
_TAGGED = "findings name any of what takes tags, in any Region; tag actions act on nothing else"
WIDE = {
    "arn:aws:s3:::EvidenceBucket/*": "a hold names evidence of any playbook",
    **{
        f"arn:aws:s3:::EvidenceBucket/{name}/*": "an entry's key is its case's"
        for name in ("quarantine_bucket", "revoke_sessions", "tag_ai_resource", "escalate_finding")
    },
    "arn:aws:s3:::*": "findings name any bucket; its ARN has no account, so conditions ask for it",
    "arn:aws:iam::ACCOUNT:role/*": "findings name any role; protected ones are denied below",
    "arn:aws:iam::ACCOUNT:user/*": "findings name any user; those of ProtectedResources are denied",
    "arn:aws:iam::*:role/cordon/MemberRole": "the same role in each account of the organization",
    "arn:aws:ssm:REGION:ACCOUNT:opsitem/*": "AWS makes up their ids",
    "arn:aws:sagemaker:*:ACCOUNT:*": _TAGGED,
    "arn:aws:bedrock:*:ACCOUNT:*": _TAGGED,
    "arn:aws:bedrock-agentcore:*:ACCOUNT:*": _TAGGED,
    **{
        f"arn:aws:logs:REGION:ACCOUNT:log-group:/cordon/STACK/{name}:*": "the group's streams"
        for name in ("quarantine_bucket", "revoke_sessions", "tag_ai_resource", "escalate_finding")
    },
}

# Global condition keys, and when a request carries them (IAM User Guide, "AWS global condition
# context keys", Availability). All others must be in the Service Authorization Reference.
ALWAYS = {
    "aws:CalledVia": "what a service asks in somebody's name; absent elsewhere: denied then",
    "aws:PrincipalArn": "every signed request",
    "aws:ResourceAccount": "most actions; not those of EBS and a few others",
    "aws:ResourceOrgID": "where the resource's account is in an organization; elsewhere: refused",
    "aws:SecureTransport": "every request",
}
