"""Families of finding kinds, by the response that they need. Playbook headers name them.

They are here and not in the playbooks, because ``escalate_finding`` must know what the other
playbooks handle although it is deployed without them. Types: GuardDuty finding types (active),
Macie finding types, Security Hub CSPM control ids, AWS Config managed rule names
(``sources.config`` finds them in the names of deployed rules).

Every type of severity High or Critical that concerns data, identity or AI has a playbook or, below,
an incident: ``tests/finding_types.py`` lists them.
"""

# quarantine_bucket, one family per level of containment
SHUT_CONTROLS = (  # they look at the bucket's public access block: with it they pass
    "securityhub:S3.2",
    "securityhub:S3.3",
    "securityhub:S3.8",
    "config:s3-bucket-public-read-prohibited",
    "config:s3-bucket-public-write-prohibited",
    "config:s3-bucket-level-public-access-prohibited",
)
PUBLIC_BUCKETS = (
    *SHUT_CONTROLS,
    "guardduty:Policy:S3/BucketAnonymousAccessGranted",
    "guardduty:Policy:S3/BucketPublicAccessGranted",
    "guardduty:Policy:S3/BucketBlockPublicAccessDisabled",
    "macie:Policy:IAMUser/S3BucketPublic",
    "macie:Policy:IAMUser/S3BlockPublicAccessDisabled",
)
SHARED_BUCKETS = (
    "guardduty:Exfiltration:S3/TransferDataToCloudAccount",
    "macie:Policy:IAMUser/S3BucketSharedExternally",
    "securityhub:S3.6",
)
REPLICATED_BUCKETS = ("macie:Policy:IAMUser/S3BucketReplicatedExternally",)
ATTACKED_BUCKETS = (
    "guardduty:Impact:S3/*",
    "guardduty:DefenseImpairment:S3/*",
)
LEAKING_BUCKETS = (
    "guardduty:Exfiltration:S3/AnomalousBehavior",
    "guardduty:Exfiltration:S3/MaliciousIPCaller",
    "guardduty:UnauthorizedAccess:S3/*",
)
REACHABLE_BUCKETS = (
    *PUBLIC_BUCKETS,
    *SHARED_BUCKETS,
    *REPLICATED_BUCKETS,
    *ATTACKED_BUCKETS,
    *LEAKING_BUCKETS,
)

# revoke_sessions; never the AI Protection types: their principal is the application's own role
STOLEN_CREDENTIALS = (
    "guardduty:UnauthorizedAccess:IAMUser/*",
    "guardduty:CredentialAccess:IAMUser/*",
    "guardduty:Exfiltration:IAMUser/*",
    "guardduty:Impact:IAMUser/AnomalousBehavior",
    "guardduty:PrivilegeEscalation:IAMUser/*",
    "guardduty:Persistence:IAMUser/*",
    "guardduty:InitialAccess:IAMUser/*",
    "guardduty:DefenseEvasion:IAMUser/AnomalousBehavior",
)

# tag_ai_resource
AI_CONTROLS = (
    "securityhub:SageMaker.*",
    "securityhub:Bedrock.*",
    "securityhub:BedrockAgentCore.*",
    "config:sagemaker-*",
    "config:bedrock*",
)

# escalate_finding: a person must handle these, at any severity
ROOT_USE = (
    "guardduty:Policy:IAMUser/RootCredentialUsage",
    "guardduty:Policy:IAMUser/ShortTermRootCredentialUsage",
    "securityhub:IAM.4",
    "securityhub:IAM.6",
    "securityhub:IAM.9",
)
AI_THREATS = (  # all of default severity Low (GuardDuty AI Protection finding types)
    "guardduty:Impact:IAMUser/AnomalousModelInvocation",
    "guardduty:Impact:IAMUser/CostHarvesting",
    "guardduty:Impact:IAMUser/PromptInjection.Direct",
    "guardduty:DefenseEvasion:IAMUser/BedrockLoggingDisabled",
)
ACCOUNT_WIDE = ("guardduty:Policy:S3/AccountBlockPublicAccessDisabled",)
ATTACK_SEQUENCES = ("guardduty:AttackSequence:*",)
# Custom detection rules find what their owner wants to hear of, also where they say Low or Medium:
# an administrator may have done it, so that nothing is revoked before a person has looked.
ACCOUNT_MANIPULATION = ("guardduty:*:IAM/AccountManipulation",)
CODE_IN_AI = ("guardduty:Execution:SageMaker/*",)  # a notebook's start script was changed
DETECTION_IMPAIRED = (  # DefenseImpairment:S3/* is about a bucket, and contained above
    "guardduty:DefenseImpairment:*",
    "guardduty:Stealth:IAMUser/CloudTrailLoggingDisabled",  # Low, and what follows is not recorded
)
MALICIOUS_OBJECTS = ("guardduty:Object:S3/MaliciousFile",)
# Nothing has left the bucket, and to deny everyone stops its owner: a person decides.
DISCOVERED_BUCKETS = ("guardduty:Discovery:S3/MaliciousIPCaller*",)
SENSITIVE_DATA = ("macie:SensitiveData:*",)  # where it is High: Macie finds Low and Medium daily
FOR_A_PERSON = (
    *ROOT_USE,
    *AI_THREATS,
    *ACCOUNT_WIDE,
    *ATTACK_SEQUENCES,
    *ACCOUNT_MANIPULATION,
    *CODE_IN_AI,
    *DETECTION_IMPAIRED,
    *MALICIOUS_OBJECTS,
    *DISCOVERED_BUCKETS,
)

# escalate_finding: where they are High or Critical and nobody else handles them
CONCERNS_DATA = (
    *SENSITIVE_DATA,
    "macie:Policy:*",
    "guardduty:*:S3/*",
    "guardduty:*:RDS/*",
    "guardduty:Exfiltration:*",
    "guardduty:*DataExfiltration*",
    "guardduty:*RecoveryPoint",
    "access-analyzer:*",
    "securityhub:Backup.*",
    "securityhub:DocumentDB.*",
    "securityhub:DynamoDB.*",
    "securityhub:EFS.*",
    "securityhub:ES.*",
    "securityhub:Glue.*",
    "securityhub:KMS.*",
    "securityhub:Macie.*",
    "securityhub:Neptune.*",
    "securityhub:Opensearch.*",
    "securityhub:RDS.*",
    "securityhub:Redshift*.*",
    "securityhub:S3.*",
)
CONCERNS_IDENTITY = (
    "guardduty:*:IAMUser/*",
    "guardduty:*:IAM/*",
    "guardduty:*:Organizations/*",
    "guardduty:*:RolesAnywhere/*",
    "guardduty:CredentialAccess:*",
    "guardduty:*/MetadataDNSRebind",
    "securityhub:IAM.*",
    "securityhub:SecretsManager.*",
)
CONCERNS_AI = (
    "guardduty:*:SageMaker/*",
    "guardduty:*:Bedrock*/*",
    "guardduty:*/KubeflowDashboardExposed",
)
CONCERNS = (*CONCERNS_DATA, *CONCERNS_IDENTITY, *CONCERNS_AI)

CONTAINED = (*REACHABLE_BUCKETS, *STOLEN_CREDENTIALS, *AI_CONTROLS)
