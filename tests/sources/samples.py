"""One full event of each source, and the copies that Security Hub makes of it.

Shapes follow the AWS pages named in each parser. Accounts and names are invented.
"""

import copy
from typing import Any

Event = dict[str, Any]

ACCOUNT = "111122223333"
REGION = "eu-central-1"
DETECTOR = f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/12abc34d567e8fa901bc2d34e56789f0"
NATIVE_ID = "46ba0ac2845071e23ccdeb2ae03bfdea"
ARN = f"{DETECTOR}/finding/{NATIVE_ID}"
KEY = "ASIAIOSFODNN7EXAMPLE"
ROLE = "training-role"
SESSION = "AROACKCEVSQ6C2EXAMPLE:i-0abc123def4567890"
BUCKET = "training-data"
HUB = f"arn:aws:securityhub:{REGION}::product/aws/"


def event(source: str, detail_type: str, detail: Event) -> Event:
    """In an envelope of another account and Region, which must not be read."""
    return {
        "version": "0",
        "id": "c8d2e4f6-0000-4000-8000-a0b2c4d6e8f0",
        "detail-type": detail_type,
        "source": source,
        "account": "999999999999",
        "time": "2026-11-24T11:05:00Z",
        "region": "us-west-2",
        "resources": [],
        "detail": detail,
    }


def guardduty(**changes: Any) -> Event:
    """A bucket made public by a role's session."""
    detail: Event = {
        "schemaVersion": "2.0",
        "accountId": ACCOUNT,
        "region": REGION,
        "partition": "aws",
        "id": NATIVE_ID,
        "arn": ARN,
        "type": "Policy:S3/BucketAnonymousAccessGranted",
        "resource": {
            "resourceType": "AccessKey",
            "accessKeyDetails": {
                "accessKeyId": KEY,
                "principalId": SESSION,
                "userType": "AssumedRole",
                "userName": ROLE,
            },
            "s3BucketDetails": [
                {
                    "arn": f"arn:aws:s3:::{BUCKET}",
                    "name": BUCKET,
                    "type": "Destination",
                    "createdAt": 1513612692.0,
                    "owner": {"id": "CanonicalId"},
                    "tags": [{"key": "team", "value": "ml"}],
                    "publicAccess": {"effectivePermission": "PUBLIC"},
                }
            ],
        },
        "service": {
            "serviceName": "guardduty",
            "detectorId": "12abc34d567e8fa901bc2d34e56789f0",
            "action": {
                "actionType": "AWS_API_CALL",
                "awsApiCallAction": {
                    "api": "PutBucketPolicy",
                    "serviceName": "s3.amazonaws.com",
                    "callerType": "Remote IP",
                    "remoteIpDetails": {"ipAddressV4": "198.51.100.24"},
                    "affectedResources": {"AWS::S3::Bucket": BUCKET},
                },
            },
            "resourceRole": "TARGET",
            "additionalInfo": {"value": "{}", "type": "default"},
            "eventFirstSeen": "2026-11-24T10:00:00.000Z",
            "eventLastSeen": "2026-11-24T11:00:00.000Z",
            "archived": False,
            "count": 2,
        },
        "severity": 8,
        "createdAt": "2026-11-24T10:01:00.000Z",
        "updatedAt": "2026-11-24T11:01:00.765Z",
        "title": f"Public anonymous access was granted for the S3 bucket {BUCKET}.",
        "description": f"Anonymous access was granted for {BUCKET} by {ROLE}.",
    }
    return event("aws.guardduty", "GuardDuty Finding", detail | copy.deepcopy(changes))


def an_asff(**changes: Any) -> Event:
    """The same finding as Security Hub CSPM copies it: the finding alone."""
    finding: Event = {
        "SchemaVersion": "2018-10-08",
        "Id": ARN,
        "ProductArn": f"{HUB}guardduty",
        "ProductName": "GuardDuty",
        "CompanyName": "Amazon",
        "Region": REGION,
        "GeneratorId": DETECTOR,
        "AwsAccountId": ACCOUNT,
        "Types": ["TTPs/Policy:S3-BucketAnonymousAccessGranted"],
        "FirstObservedAt": "2026-11-24T10:00:00.000Z",
        "LastObservedAt": "2026-11-24T11:00:00.000Z",
        "CreatedAt": "2026-11-24T10:01:00.000Z",
        "UpdatedAt": "2026-11-24T11:01:00.765Z",
        "Severity": {"Label": "HIGH", "Normalized": 70, "Product": 8},
        "Title": f"Public anonymous access was granted for the S3 bucket {BUCKET}.",
        "Description": f"Anonymous access was granted for {BUCKET} by {ROLE}.",
        "ProductFields": {
            "aws/guardduty/service/archived": "false",
            "aws/guardduty/service/additionalInfo/value": "{}",
            "aws/securityhub/FindingId": f"{HUB}guardduty/{ARN}",
            "aws/securityhub/ProductName": "GuardDuty",
        },
        "Resources": [
            {
                "Type": "AwsIamAccessKey",
                "Id": f"AWS::IAM::AccessKey:{KEY}",
                "Partition": "aws",
                "Region": REGION,
                "Details": {
                    "AwsIamAccessKey": {
                        "PrincipalId": SESSION,
                        "PrincipalType": "AssumedRole",
                        "PrincipalName": ROLE,
                    }
                },
            },
            {
                "Type": "AwsS3Bucket",
                "Id": f"arn:aws:s3:::{BUCKET}",
                "Partition": "aws",
                "Region": REGION,
                "Tags": {"team": "ml"},
                "Details": {"AwsS3Bucket": {"OwnerId": "CanonicalId"}},
            },
        ],
        "WorkflowState": "NEW",
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
        "Sample": False,
        "FindingProviderFields": {"Severity": {"Label": "HIGH"}, "Types": ["TTPs/Policy"]},
    }
    return finding | copy.deepcopy(changes)


def imported(*findings: Event) -> Event:
    """Findings as Security Hub sends them when they are imported or updated."""
    return event(
        "aws.securityhub", "Security Hub Findings - Imported", {"findings": list(findings)}
    )


def asff(**changes: Any) -> Event:
    """One imported finding."""
    return imported(an_asff(**changes))


def custom_action(name: str = "CordonContain", **changes: Any) -> Event:
    """One finding of a custom action: a person selected it in the console."""
    detail = {"actionName": name, "actionDescription": "", "findings": [an_asff(**changes)]}
    made = event("aws.securityhub", "Security Hub Findings - Custom Action", detail)
    id = name.replace("Cordon", "") + "cb092c04"
    return {**made, "resources": [f"arn:aws:securityhub:{REGION}:{ACCOUNT}:action/custom/{id}"]}


def control(**changes: Any) -> Event:
    """A failed control, with consolidated control findings turned on."""
    id = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/SageMaker.1/finding/a1b2c3d4"
    notebook = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:notebook-instance/explorer"
    finding = {
        "Id": id,
        "ProductArn": f"{HUB}securityhub",
        "ProductName": "Security Hub",
        "GeneratorId": "security-control/SageMaker.1",
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "Title": "SageMaker notebook instances should not have direct internet access",
        "ProductFields": {"RelatedAWSResources:0/type": "AWS::Config::ConfigRule"},
        "Resources": [
            {
                "Type": "AwsSageMakerNotebookInstance",
                "Id": notebook,
                "Partition": "aws",
                "Region": REGION,
            }
        ],
        "Compliance": {
            "Status": "FAILED",
            "SecurityControlId": "SageMaker.1",
            "RelatedRequirements": ["NIST.800-53.r5 AC-3"],
            "AssociatedStandards": [{"StandardsId": "standards/nist-800-53/v/5.0.0"}],
        },
    }
    return asff(**{**finding, **changes})


def macie(**changes: Any) -> Event:
    """A bucket made public, as Macie saw a role do it."""
    detail: Event = {
        "schemaVersion": "1.0",
        "id": "64b917aa-3843-014c-91d8-937ffexample",
        "accountId": ACCOUNT,
        "partition": "aws",
        "region": REGION,
        "type": "Policy:IAMUser/S3BucketPublic",
        "title": "The S3 bucket is publicly accessible",
        "description": "All users can read the bucket.",
        "severity": {"score": 3, "description": "High"},
        "createdAt": "2026-11-24T10:01:00Z",
        "updatedAt": "2026-11-24T11:01:00Z",
        "count": 2,
        "resourcesAffected": {
            "s3Bucket": {
                "arn": f"arn:aws:s3:::{BUCKET}",
                "name": BUCKET,
                "createdAt": "2020-01-02T19:37:02.000001Z",
                "owner": {"displayName": "johndoe", "id": "c1a9"},
                "tags": [],
            },
            "s3Object": None,
        },
        "category": "POLICY",
        "classificationDetails": None,
        "policyDetails": {
            "action": {
                "actionType": "AWS_API_CALL",
                "apiCallDetails": {
                    "api": "PutBucketPolicy",
                    "apiServiceName": "s3.amazonaws.com",
                    "firstSeen": "2026-11-24T10:00:00.000Z",
                    "lastSeen": "2026-11-24T11:00:00.000Z",
                },
            },
            "actor": {
                "userIdentity": {
                    "type": "AssumedRole",
                    "assumedRole": {
                        "principalId": SESSION,
                        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/i-0abc123def4567890",
                        "accountId": ACCOUNT,
                        "accessKeyId": KEY,
                        "sessionContext": {
                            "attributes": {"mfaAuthenticated": False},
                            "sessionIssuer": {
                                "type": "Role",
                                "principalId": "AROACKCEVSQ6C2EXAMPLE",
                                "arn": f"arn:aws:iam::{ACCOUNT}:role/ml/{ROLE}",
                                "accountId": ACCOUNT,
                                "userName": ROLE,
                            },
                        },
                    },
                },
                "ipAddressDetails": {"ipAddressV4": "198.51.100.24"},
                "domainDetails": None,
            },
        },
        "sample": False,
        "archived": False,
    }
    return event("aws.macie", "Macie Finding", detail | copy.deepcopy(changes))


def config(**changes: Any) -> Event:
    """A bucket that a rule found noncompliant."""
    rule = "s3-bucket-public-read-prohibited"
    detail: Event = {
        "resourceId": BUCKET,
        "awsRegion": REGION,
        "awsAccountId": ACCOUNT,
        "configRuleName": rule,
        "configRuleARN": f"arn:aws:config:{REGION}:{ACCOUNT}:config-rule/config-rule-9rpvxc",
        "recordVersion": "1.0",
        "messageType": "ComplianceChangeNotification",
        "notificationCreationTime": "2026-11-24T11:01:01.000Z",
        "resourceType": "AWS::S3::Bucket",
        "newEvaluationResult": {
            "evaluationResultIdentifier": {
                "evaluationResultQualifier": {"configRuleName": rule},
                "orderingTimestamp": "2026-11-24T11:00:40.619Z",
            },
            "complianceType": "NON_COMPLIANT",
            "resultRecordedTime": "2026-11-24T11:01:00.405Z",
            "configRuleInvokedTime": "2026-11-24T11:00:50.914Z",
            "annotation": None,
        },
        "oldEvaluationResult": None,
    }
    return event("aws.config", "Config Rules Compliance Change", detail | copy.deepcopy(changes))


def an_ocsf(**changes: Any) -> Event:
    """The GuardDuty finding as the Security Hub of 2025 writes it."""
    finding: Event = {
        "activity_id": 2,
        "activity_name": "Update",
        "category_uid": 2,
        "class_name": "Detection Finding",
        "class_uid": 2004,
        "cloud": {
            "account": {"uid": ACCOUNT, "type": "AWS Account"},
            "cloud_partition": "aws",
            "provider": "AWS",
            "region": REGION,
        },
        "finding_info": {
            "created_time": 1795514460000,
            "created_time_dt": "2026-11-24T10:01:00.000Z",
            "first_seen_time_dt": "2026-11-24T10:00:00.000Z",
            "last_seen_time_dt": "2026-11-24T11:00:00.000Z",
            "modified_time_dt": "2026-11-24T11:01:00.765Z",
            "title": f"Public anonymous access was granted for the S3 bucket {BUCKET}.",
            "desc": f"Anonymous access was granted for {BUCKET} by {ROLE}.",
            "types": ["Threats", "Policy:S3/BucketAnonymousAccessGranted"],
            "uid": ARN,
            "uid_alt": NATIVE_ID,
        },
        "metadata": {
            "product": {
                "name": "GuardDuty",
                "uid": f"arn:aws:securityhub:{REGION}::productv2/aws/guardduty",
                "vendor_name": "AWS",
            },
            "uid": "1d24e91799652d9e17025b61d94f436b20b515b6f3cd9bda788f48c1db9cf244",
            "version": "1.6.0",
        },
        "resources": [
            {
                "cloud_partition": "aws",
                "data": {
                    "access_key_id": KEY,
                    "principal_id": SESSION,
                    "user_name": ROLE,
                    "user_type": "AssumedRole",
                },
                "name": ROLE,
                "owner": {"account": {"uid": ACCOUNT}},
                "region": REGION,
                "type": "AWS::IAM::AccessKey",
                "uid": KEY,
            },
            {
                "cloud_partition": "aws",
                "owner": {"account": {"uid": ACCOUNT}},
                "region": REGION,
                "type": "AWS::S3::Bucket",
                "uid": BUCKET,
                "uid_alt": f"arn:aws:s3:::{BUCKET}",
            },
        ],
        "severity": "High",
        "severity_id": 4,
        "status": "New",
        "status_id": 1,
        "time_dt": "2026-11-24T11:01:00.765Z",
        "vendor_attributes": {"severity": "High", "severity_id": 4},
    }
    return finding | copy.deepcopy(changes)


def ocsf(**changes: Any) -> Event:
    """One finding of the Security Hub of 2025."""
    return event("aws.securityhub", "Findings Imported V2", {"findings": [an_ocsf(**changes)]})


def ocsf_control(**changes: Any) -> Event:
    """A failed control in OCSF."""
    finding = an_ocsf()
    uid = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/SageMaker.1/finding/a1b2c3d4"
    finding["finding_info"] |= {"uid": uid, "types": ["Posture Management"]}
    finding["metadata"]["product"]["uid"] = (
        f"arn:aws:securityhub:{REGION}::productv2/aws/securityhub"
    )
    compliance = {"control": "SageMaker.1", "status": "Fail", "status_id": 3}
    notebook = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:notebook-instance/explorer"
    resources = [{"type": "AWS::SageMaker::NotebookInstance", "uid": "explorer"}]
    resources[0]["uid_alt"] = notebook
    return ocsf(
        **{
            **finding,
            "class_uid": 2003,
            "compliance": compliance,
            "resources": resources,
            **changes,
        }
    )


def sequence(**changes: Any) -> Event:
    """An attack sequence over a bucket and an endpoint, by two principals."""
    return guardduty(
        **{
            "type": "AttackSequence:S3/CompromisedData",
            "severity": 9.0,
            "resource": {"resourceType": "AttackSequence"},
            "service": {
                "eventLastSeen": "2026-11-24T11:00:00.000Z",
                "detection": {
                    "sequence": {
                        "uid": "s",
                        "description": "d",
                        "actors": [
                            {
                                "id": "a",
                                "user": {
                                    "name": ROLE,
                                    "uid": SESSION,
                                    "type": "AssumedRole",
                                    "credentialUid": KEY,
                                    "account": {"uid": ACCOUNT, "account": "prod"},
                                },
                                "session": {
                                    "uid": "u",
                                    "issuer": f"arn:aws:iam::{ACCOUNT}:role/ml/{ROLE}",
                                },
                            },
                            {"id": "b", "process": {"name": "sh", "path": "/sh", "sha256": "0"}},
                        ],
                        "resources": [
                            {
                                "uid": f"arn:aws:s3:::{BUCKET}",
                                "name": BUCKET,
                                "accountId": ACCOUNT,
                                "resourceType": "S3_BUCKET",
                                "region": REGION,
                                "cloudPartition": "aws",
                                "data": {"s3Bucket": {"publicReadAccess": "ALLOWED"}},
                            },
                            {
                                "uid": f"arn:aws:s3:::{BUCKET}/weights/model.tar.gz",
                                "resourceType": "S3_OBJECT",
                            },
                            {
                                "uid": "AKIAIOSFODNN7EXAMPLE",
                                "resourceType": "ACCESS_KEY",
                                "data": {
                                    "accessKey": {
                                        "principalId": "AIDACKCEVSQ6C2EXAMPLE",
                                        "userName": "alice",
                                        "userType": "IAMUser",
                                    }
                                },
                            },
                            {
                                "uid": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/fraud",
                                "name": "fraud",
                                "resourceType": "SAGEMAKER_ENDPOINT",
                            },
                        ],
                        "signals": [],
                    }
                },
            },
            **changes,
        }
    )


ALL = {
    "guardduty": guardduty,
    "sequence": sequence,
    "macie": macie,
    "config": config,
    "asff": asff,
    "control": control,
    "custom_action": custom_action,
    "ocsf": ocsf,
    "ocsf_control": ocsf_control,
}
