"""The documented members of the events that services send of themselves, with their types.

The page of each is in events/README.md, "Where the shapes come from". A service whose API describes
the same resource is held against botocore's model in ``documented_shapes``; here is what its event
has beside that, and of the others all of it. ``(dict, list)``: page and schema differ.
"""

from typing import Any

_TAGS = (dict, list)  # the page shows an object, AWS's event schema has a list of Key and Value
_USER = {"DomainId": str, "UserProfileArn": str, "UserProfileName": str}

NOTEBOOK = {
    "NotebookInstanceArn": str,
    "NotebookInstanceName": str,
    "NotebookInstanceStatus": str,
    "InstanceType": str,
    "RoleArn": str,
    "NotebookInstanceLifecycleConfigName": str,
    "CreationTime": int,
    "LastModifiedTime": int,
    "Tags": _TAGS,
}
LIFECYCLE_CONFIG = {
    "NotebookInstanceLifecycleConfigArn": str,
    "NotebookInstanceLifecycleConfigName": str,
    "CreationTime": int,
    "LastModifiedTime": int,
    "Tags": _TAGS,
}
MODEL_CARD = {
    "ModelCardName": str,
    "ModelCardVersion": int,
    "ModelCardStatus": str,
    "ModelId": str,
    "AccountId": str,
    "SecurityConfig": dict,
    "CreatedBy": _USER,
    "CreationTime": str,
    "LastModifiedBy": _USER,
    "LastModifiedTime": str,
}
ENDPOINT = {"EndpointStatus": str, "Tags": _TAGS}  # the page's IN_SERVICE is no value of the API
TRAINING_JOB = {"Tags": _TAGS}
MODEL_PACKAGE = {"UpdatedModelPackageFields": [str], "Tags": _TAGS}
CUSTOMIZATION_JOB = {"version": str, "jobStatus": str, "validationDataConfig": {"s3Uri": str}}

DATA_QUALITY = {
    "resultId": str,
    "context": {
        "contextType": str,
        "runId": str,
        "databaseName": str,
        "tableName": str,
        "catalogId": str,
        "jobId": str,
        "jobName": str,
        "evaluationContext": str,
    },
    "rulesetNames": [str],
    "state": str,
    "score": float,
    "numRulesSucceeded": int,
    "numRulesFailed": int,
    "numRulesSkipped": int,
}
_ALARM_STATE = {
    "value": str,
    "reason": str,
    "reasonData": str,
    "timestamp": str,
    "actionsSuppressedBy": str,
    "actionsSuppressedReason": str,
    "evaluationState": str,
}
_METRIC = {"namespace": str, "name": str, "dimensions": dict}
ALARM = {
    "alarmName": str,
    "state": _ALARM_STATE,
    "previousState": _ALARM_STATE,
    "configuration": {
        "description": str,
        "metrics": [
            {
                "id": str,
                "expression": str,
                "returnData": bool,
                "metricStat": {"metric": _METRIC, "period": int, "stat": str},
            }
        ],
        "alarmRule": str,
        "actionsSuppressor": str,
        "actionsSuppressorWaitPeriod": int,
        "actionsSuppressorExtensionPeriod": int,
    },
}
_ANALYZED = {
    "accountId": str,
    "analyzedAt": str,
    "createdAt": str,
    "updatedAt": str,
    "error": str,
    "isDeleted": bool,
    "resource": str,
    "resourceType": str,
    "status": str,
    "version": str,
}
_GRANT = {"id": str, "principal": dict, "action": [str], "condition": dict}
EXTERNAL_ACCESS = {**_ANALYZED, **_GRANT, "isPublic": bool, "region": str}
INTERNAL_ACCESS = {
    **_ANALYZED,
    **_GRANT,
    "accessType": str,
    "findingType": str,
    "principalOwnerAccount": str,
    "principalType": str,
    "resourceControlPolicyRestrictionType": str,
    "serviceControlPolicyRestrictionType": str,
}
UNUSED_ACCESS = {
    **_ANALYZED,
    "findingId": str,
    "findingType": str,
    "previousStatus": str,
    "numberOfUnusedServices": int,
    "numberOfUnusedActions": int,
}
HEALTH = {
    "eventArn": str,
    "service": str,
    "eventTypeCode": str,
    "eventTypeCategory": str,
    "eventScopeCode": str,
    "communicationId": str,
    "startTime": str,
    "endTime": str,
    "lastUpdatedTime": str,
    "statusCode": str,
    "eventRegion": str,
    "eventDescription": [{"language": str, "latestDescription": str}],
    "eventMetadata": dict,
    "affectedEntities": [{"entityValue": str, "lastUpdatedTime": str, "status": str, "tags": dict}],
    "page": str,
    "totalPages": str,
    "backupEvent": str,
    "affectedAccount": str,
    "actionability": str,
    "personas": [str],
}
# detail-type: its members, and those that it must have
LISTED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "SageMaker Notebook Instance State Change": (NOTEBOOK, ("NotebookInstanceStatus",)),
    "SageMaker Notebook Lifecycle Config State Change": (
        LIFECYCLE_CONFIG,
        ("NotebookInstanceLifecycleConfigArn",),
    ),
    "SageMaker Model Card State Change": (MODEL_CARD, ("ModelCardStatus",)),
    "Data Quality Evaluation Results Available": (DATA_QUALITY, ("context", "state")),
    "CloudWatch Alarm State Change": (
        ALARM,
        ("alarmName", "configuration", "state", "previousState"),
    ),
    "Access Analyzer Finding": (EXTERNAL_ACCESS, ("id", "status", "resource", "region")),
    "Internal Access Finding": (INTERNAL_ACCESS, ("id", "status", "resource", "findingType")),
    "Unused Access Finding for IAM entities": (
        UNUSED_ACCESS,
        ("findingId", "status", "resource", "findingType"),
    ),
    "AWS Health Event": (HEALTH, ("eventArn", "eventTypeCode", "statusCode", "eventRegion")),
}
# detail-type: the shape of the API that describes the resource, and what the event has beside it
DESCRIBED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "SageMaker Training Job State Change": (
        "sagemaker",
        "DescribeTrainingJobResponse",
        TRAINING_JOB,
    ),
    "SageMaker Endpoint State Change": ("sagemaker", "DescribeEndpointOutput", ENDPOINT),
    "SageMaker Model Package State Change": (
        "sagemaker",
        "DescribeModelPackageOutput",
        MODEL_PACKAGE,
    ),
    "Model Customization Job State Change": (
        "bedrock",
        "GetModelCustomizationJobResponse",
        CUSTOMIZATION_JOB,
    ),
}
