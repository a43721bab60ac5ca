"""Whoever changes what Cordon is made of, or what it hears of, is one message to the topic.

The events have the shape of CloudTrail User Guide, "CloudTrail record contents", in the envelope of
EventBridge User Guide, "AWS service events delivered via CloudTrail". Names of Lambda's calls end
with the API's version (Lambda Developer Guide, "Logging AWS Lambda API calls using CloudTrail").
How a call names its resource was looked up in public records of such events, except
UpdateEventSourceMapping, of which none was found.
"""

from typing import Any

import pytest

from embedded.journal import DeadLettered, Dropped, RuleMatched
from tests.examples import QUARANTINE, REVOKE, function_of
from tests.promises.world import HOME, Event, World

ACCOUNT, REGION, _ = HOME
PERSON = f"arn:aws:iam::{ACCOUNT}:user/mallory"
STACK = "cordon"


def called(source: str, name: str, request: Any = None, **detail: Any) -> Event:
    """CloudTrail's event of one call, as EventBridge delivers it."""
    return {
        "version": "0",
        "id": "6f7a5e2c-0000-4000-a000-000000000001",
        "source": f"aws.{source}",
        "detail-type": "AWS API Call via CloudTrail",
        "account": ACCOUNT,
        "time": "2026-11-24T12:00:00Z",
        "region": REGION,
        "resources": [],
        "detail": {
            "eventVersion": "1.11",
            "userIdentity": {"type": "IAMUser", "arn": PERSON, "accountId": ACCOUNT},
            "eventTime": "2026-11-24T12:00:00Z",
            "eventSource": f"{source}.amazonaws.com",
            "eventName": name,
            "awsRegion": REGION,
            "sourceIPAddress": "198.51.100.7",
            "userAgent": "aws-cli/2",
            "requestParameters": request,
            "responseElements": None,
            "eventID": "0b7c5e2c-1111-4111-a111-000000000002",
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "eventCategory": "Management",
            **detail,
        },
    }


def physical(world: World, logical: str) -> str:
    return world.account.stack.resources[logical].physical


def arn(world: World, logical: str) -> str:
    return world.account.stack.resources[logical].arn


def by_role(world: World, logical: str) -> dict[str, Any]:
    """Who calls, where it is a function of ours."""
    role = arn(world, logical)
    name = role.rsplit("/", 1)[-1]
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/function"
    context = {"sessionIssuer": {"type": "Role", "arn": role, "userName": name}}
    identity = {"type": "AssumedRole", "arn": session, "sessionContext": context}
    return {"userIdentity": identity}


def warned(world: World, one: Event) -> tuple[list[str], list[str]]:
    """The warnings that an event meets, and their messages; playbooks may hear of it too."""
    journal, messages = world.account.journal, len(world.published)
    before = len(journal.of(RuleMatched))
    world.account.deliver(one)
    rules = [one.rule for one in journal.of(RuleMatched)[before:] if one.rule in RULES]
    sent = [published.message for published in world.published[messages:]]
    return rules, [message for message in sent if message.startswith('"Cordon: ')]


def changes(world: World) -> dict[str, list[Event]]:
    """By rule: every kind of call that it is for."""
    logical = function_of(QUARANTINE)
    function, rule = physical(world, logical), physical(world, f"{logical}Macie")
    lambda_arn, machine = arn(world, logical), arn(world, "Workflow")
    queue = physical(world, f"{logical}BulkQueue")
    table, bucket = physical(world, "CasesTable"), physical(world, "EvidenceBucket")
    topic, key = arn(world, "AlertsTopic"), physical(world, "AlertsTopicKey")
    role = arn(world, f"{logical}Role").rsplit("/", 1)[-1]
    policy = f"arn:aws:iam::{ACCOUNT}:policy/cordon/{STACK}-ProtectedPolicy-1"
    mapping = {"uUID": "14e0db71-0000-4000-a000-0123456789ab", "functionArn": lambda_arn}
    names = {"alarmNames": [f"other-{STACK}", f"{STACK}-HeldBack"]}
    return {
        "OwnFunctionsChanged": [
            called("lambda", "UpdateFunctionCode20150331v2", {"functionName": function}),
            called("lambda", "UpdateFunctionConfiguration20150331v2", {"functionName": lambda_arn}),
            called("lambda", "PutFunctionConcurrency20171031", {"functionName": function}),
            called("lambda", "DeleteFunctionConcurrency20171031", {"functionName": function}),
            called("lambda", "DeleteFunction20150331", {"functionName": function}),
            called("lambda", "AddPermission20150331v2", {"functionName": function}),
            called("lambda", "RemovePermission20150331v2", {"functionName": function}),
            called("lambda", "DeleteFunctionEventInvokeConfig", {"functionName": function}),
            called("lambda", "UpdateEventSourceMapping20150331", {}, responseElements=mapping),
            called("lambda", "DeleteEventSourceMapping20150331", {}, responseElements=mapping),
            *(
                called("events", n, {"name": rule})
                for n in ("DisableRule", "DeleteRule", "PutRule")
            ),
            *(called("events", n, {"rule": rule}) for n in ("PutTargets", "RemoveTargets")),
            called("states", "UpdateStateMachine", {"stateMachineArn": machine}),
            called("states", "DeleteStateMachine", {"stateMachineArn": machine}),
            called("sqs", "SetQueueAttributes", {"queueUrl": queue}),
            called("sqs", "PurgeQueue", {"queueUrl": queue}),
            called("sqs", "DeleteQueue", {"queueUrl": queue}),
            called("apigateway", "UpdateRoute", {"apiId": physical(world, "DeskApi")}),
            called("apigateway", "DeleteApi", {"apiId": physical(world, "DeskApi")}),
        ],
        "OwnMemoryChanged": [
            called("dynamodb", "UpdateTable", {"tableName": table}),
            called("dynamodb", "UpdateTable", {"tableName": arn(world, "CasesTable")}),
            called("dynamodb", "UpdateContinuousBackups", {"tableName": table}),
            called("dynamodb", "UpdateTimeToLive", {"tableName": table}),
            called("dynamodb", "DeleteTable", {"tableName": table}),
            called("dynamodb", "PutResourcePolicy", {"resourceArn": arn(world, "CasesTable")}),
            *(
                called("s3", name, {"bucketName": bucket})
                for name in (
                    "PutBucketPolicy",
                    "DeleteBucketPolicy",
                    "PutBucketLifecycle",
                    "PutBucketVersioning",
                    "PutBucketObjectLockConfiguration",
                    "PutBucketPublicAccessBlock",
                    "DeleteBucket",
                )
            ),
            called("s3", "PutBucketPolicy", {"bucketName": physical(world, "FailedRecords")}),
        ],
        "OwnAlarmsChanged": [
            called("kms", "DisableKey", {"keyId": key}),
            called("kms", "PutKeyPolicy", {"keyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"}),
            called("kms", "ScheduleKeyDeletion", {"keyId": key}),
            called("sns", "SetTopicAttributes", {"topicArn": topic}),
            called("sns", "DeleteTopic", {"topicArn": topic}),
            called("sns", "Subscribe", {"topicArn": topic}),
            called("sns", "Unsubscribe", {"subscriptionArn": f"{topic}:6b0e71bd"}),
            called("monitoring", "DeleteAlarms", names),
            called("monitoring", "DisableAlarmActions", names),
            called("monitoring", "PutMetricAlarm", {"alarmName": f"{STACK}-HeldBack"}),
            called("monitoring", "SetAlarmState", {"alarmName": f"{STACK}-HeldBack"}),
            called("logs", "DeleteMetricFilter", {"logGroupName": f"/cordon/{STACK}/setup"}),
            called(
                "logs", "DeleteLogGroup", {"logGroupName": world.account.stack.outputs["DeskLog"]}
            ),
        ],
        "OwnRolesChanged": [
            *(
                called("iam", name, {"roleName": role})
                for name in (
                    "PutRolePolicy",
                    "DeleteRolePolicy",
                    "AttachRolePolicy",
                    "DetachRolePolicy",
                    "UpdateAssumeRolePolicy",
                    "DeleteRole",
                    "PutRolePermissionsBoundary",
                )
            ),
            called("iam", "CreatePolicyVersion", {"policyArn": policy}),
            called("iam", "SetDefaultPolicyVersion", {"policyArn": policy}),
        ],
        "OwnRolesGrant": grants(world),
        "SourcesSilenced": [
            called("guardduty", "DeleteDetector", {"detectorId": "d"}),
            called("guardduty", "UpdateDetector", {"detectorId": "d", "enable": False}),
            called("guardduty", "CreateFilter", {"detectorId": "d", "action": "ARCHIVE"}),
            called("guardduty", "DisassociateFromAdministratorAccount", {"detectorId": "d"}),
            called("securityhub", "DisableSecurityHub"),
            called("securityhub", "BatchDisableStandards"),
            called("config", "StopConfigurationRecorder", {"configurationRecorderName": "default"}),
            called("config", "DeleteConfigurationRecorder"),
            called("macie2", "DisableMacie"),
            called("macie2", "UpdateMacieSession", {"status": "PAUSED"}),
            called("cloudtrail", "StopLogging", {"name": "all"}),
            called("cloudtrail", "DeleteTrail", {"name": "all"}),
            called(
                "guardduty", "DeleteDetector", {}, sourceIPAddress="cloudformation.amazonaws.com"
            ),
        ],
    }


DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"]}]}'
ALLOW = DENY.replace("Deny", "Allow")
REVOKES = {"roleName": "Attacked", "policyName": "AWSRevokeOlderSessions"}


def grants(world: World) -> list[Event]:
    """What no action of ours does, by one of our roles."""
    ours = by_role(world, f"{function_of(REVOKE)}Role")
    attached = {"userName": "mallory", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    return [
        called("iam", "PutRolePolicy", {**REVOKES, "policyDocument": ALLOW}, **ours),
        called("iam", "PutUserPolicy", {**REVOKES, "policyDocument": ALLOW}, **ours),
        called(
            "iam",
            "PutUserPolicy",
            {**REVOKES, "policyDocument": ALLOW.replace("A", "\\u0041")},
            **ours,
        ),
        called(
            "iam", "PutRolePolicy", {**REVOKES, "policyName": "x", "policyDocument": DENY}, **ours
        ),
        called("iam", "AttachUserPolicy", attached, **ours),
        called("iam", "AttachUserPolicy", attached, **ours, errorCode="AccessDenied"),
        called("iam", "CreateAccessKey", {"userName": "mallory"}, **ours),
        called("iam", "AddUserToGroup", {"userName": "mallory"}, **ours),
    ]


RULES = (
    "OwnFunctionsChanged",
    "OwnMemoryChanged",
    "OwnAlarmsChanged",
    "OwnRolesChanged",
    "OwnRolesGrant",
    "SourcesSilenced",
)


@pytest.mark.parametrize("rule", RULES)
def test_each_change_is_one_message(world: World, rule: str) -> None:
    for one in changes(world)[rule]:
        rules, messages = warned(world, one)
        assert rules == [rule], one["detail"]["eventName"]
        (message,) = messages
        detail = one["detail"]
        for said in (detail["eventName"], detail["eventSource"], detail["userIdentity"]["arn"]):
            assert said in message
        assert detail["eventID"] in message
        assert "<" not in message
        assert len(message) < 2000
    assert world.troubles == []


def test_every_warning_is_tested(world: World) -> None:
    topic = arn(world, "AlertsTopic")
    rules = world.account.stack.of("AWS::Events::Rule")
    found = {r.logical for r in rules if topic in [t["Arn"] for t in r.properties["Targets"]]}
    assert found == set(RULES) == set(changes(world))


OURS = RULES[:4]


@pytest.mark.parametrize("rule", OURS)
@pytest.mark.parametrize(
    "detail",
    [
        {"sourceIPAddress": "cloudformation.amazonaws.com"},
        {"errorCode": "AccessDenied"},
        {"eventName": "DescribeAnything"},
    ],
)
def test_what_changed_nothing_of_a_person_is_no_message(
    world: World, rule: str, detail: dict[str, Any]
) -> None:
    for one in changes(world)[rule]:
        one["detail"] |= detail
        assert warned(world, one) == ([], []), one


def unlike(one: Event) -> Event:
    """The same about what is not ours."""

    def other(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: other(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [other(inner) for inner in value]
        return "other" if isinstance(value, str) else value

    detail = {**one["detail"]}
    for name in ("requestParameters", "responseElements"):
        detail[name] = other(detail[name])
    return {**one, "detail": detail}


@pytest.mark.parametrize("rule", OURS)
def test_changes_of_what_is_not_ours_are_no_message(world: World, rule: str) -> None:
    for one in changes(world)[rule]:
        assert warned(world, unlike(one)) == ([], []), one


def test_nobody_forges_a_warning(world: World) -> None:
    """PutEvents takes no source that begins with aws. (EventBridge API Reference)."""
    for rule in RULES:
        for one in changes(world)[rule]:
            assert warned(world, {**one, "source": "custom.aws"}) == ([], [])


def test_what_our_roles_do_is_no_message(world: World) -> None:
    ours = by_role(world, f"{function_of(REVOKE)}Role")
    denies = {"roleName": "x", "policyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}
    honest = [
        called("iam", "PutRolePolicy", {**REVOKES, "policyDocument": DENY}, **ours),
        called("iam", "AttachRolePolicy", denies, **ours),
        *(
            called(
                "iam",
                "AttachUserPolicy",
                {"userName": "x", "policyArn": physical(world, policy)},
                **ours,
            )
            for policy in ("DenyInferencePolicy", "DenyAgentToolsPolicy")
        ),
        called("iam", "AttachRolePolicy", {**denies, "policyArn": "arn:aws:iam::aws:policy/X"}),
        called("iam", "DeleteRolePolicy", {"roleName": "Attacked"}, **ours),
        called("dynamodb", "UpdateItem", {"tableName": physical(world, "CasesTable")}, **ours),
        called("s3", "PutObject", {"bucketName": physical(world, "EvidenceBucket")}, **ours),
        called("s3", "PutObjectRetention", {"bucketName": physical(world, "EvidenceBucket")}),
        called("guardduty", "UpdateDetector", {"detectorId": "d", "enable": True}),
        called("guardduty", "CreateFilter", {"detectorId": "d", "action": "NOOP"}),
        called("macie2", "UpdateMacieSession", {"status": "ENABLED"}),
    ]
    for one in honest:
        assert warned(world, one) == ([], []), one


def test_warning_that_the_topic_refuses_is_kept(world: World) -> None:
    world.without_policy("AlertsTopic")
    one = changes(world)["SourcesSilenced"][0]
    assert warned(world, one) == (["SourcesSilenced"], [])
    (dead,) = world.account.journal.of(DeadLettered)
    assert dead.queue == arn(world, "UndeliveredEvents")
    assert world.account.journal.of(Dropped) == []
