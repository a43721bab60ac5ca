"""The stack keeps the promises of the design: nothing lost, two lanes, safe by default."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from cordon.deployment import Deployment
from cordon.outcome import Outcome
from cordon.setting_up.custom_actions import DESCRIPTIONS
from cordon.setting_up.response import KEPT_SECONDS
from cordon.setting_up.settings_row import entries_of
from cordon.settings import MasterSwitch, Mode, parse
from cordon.sources.custom_action import ids_of
from embedded.custom_resources import as_text
from embedded.place import Place
from tests.architecture import stack as seen
from tests.architecture.stack import PLAYBOOKS, ROOT, listed, logical, stack
from tests.examples import ESCALATE, function_of

SECTIONS = ["layer", "playbooks", "people", "workflow", "memory", "review", "alarms"]
HOME = {  # where each type belongs; functions have their roles, logs, queues and rules beside them
    "AWS::Serverless::LayerVersion": "layer",
    "AWS::Serverless::StateMachine": "workflow",
    "AWS::DynamoDB::Table": "memory",
    "AWS::S3::Bucket": "memory",
    "Custom::CordonSettings": "memory",
    "AWS::SNS::Topic": "review",
    "AWS::SecurityHub::Insight": "review",
    "AWS::CloudWatch::Alarm": "alarms",
    "AWS::CloudWatch::Dashboard": "alarms",
    "AWS::Logs::MetricFilter": "alarms",
}
TIMEOUT = 45


def props(kind: str, *, full: bool = False) -> dict[str, Any]:
    return {r.logical: r.properties for r in stack(full=full).of(kind)}


def arn(name: str) -> str:
    return stack().resources[name].arn


def sections() -> dict[str, str]:
    """Section of each logical id, as the template's comments say."""
    found, section = {}, ""
    for line in seen.source().splitlines():
        if heading := re.match(r"  # ─── (\w+) ─", line):
            section = heading[1]
        elif resource := re.match(r"  (\w+):$", line):
            found[resource[1]] = section
        elif line.startswith("Outputs:"):
            return found
    raise AssertionError("the template has no outputs")


def test_sections_are_in_order() -> None:
    assert re.findall(r"^  # ─── (\w+) ─", seen.source(), re.M) == SECTIONS


def test_every_resource_is_in_its_section() -> None:
    """But for what a playbook brings: that is all in one place."""
    where, brought = sections(), tuple(logical(playbook) for playbook in PLAYBOOKS)
    for name, resource in seen.raw()["Resources"].items():
        if name.startswith(brought):
            assert where[name] == "playbooks", name
            continue
        home = HOME.get(resource["Type"], where[name])
        if resource["Type"] == "AWS::Events::Rule":  # of a playbook, or a warning for people
            warns = resource["Properties"]["Targets"][0]["Arn"] == {"Ref": "AlertsTopic"}
            home = "alarms" if warns else "playbooks"
        assert home == where[name], name


def test_functions_and_folders_are_the_same() -> None:
    raw = seen.raw()["Resources"]
    coded = {
        name: r["Properties"]["CodeUri"]
        for name, r in raw.items()
        if r["Type"] == "AWS::Serverless::Function"
    }
    own = {logical(p): f"functions/{p}" for p in (*PLAYBOOKS, "assess_resources", "setup")}
    with_every_header = ("ReportCases", "DecideCases", "SweepFindings", function_of(ESCALATE))
    assert coded == {
        **own,
        **dict.fromkeys(with_every_header, "functions"),
        "ReconcileCases": "functions/reconcile_cases",
        "DigestEvidence": "functions/digest_evidence",
    }


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_function_runs_where_it_should(playbook: str) -> None:
    function = stack().resources[logical(playbook)].properties
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    folder, code = ROOT / "functions", seen.raw()["Resources"][logical(playbook)]["Properties"]
    module = function["Handler"].removesuffix(".handler").replace(".", "/")
    assert ROOT / code["CodeUri"] / f"{module}.py" == folder / playbook / "playbook.py"
    assert function["Timeout"] == TIMEOUT
    assert function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == playbook
    assert function["LoggingConfig"]["LogGroup"] == f"/cordon/cordon/{playbook}"


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_function_finds_its_deployment_in_its_environment(playbook: str, full: bool) -> None:
    variables = props("AWS::Lambda::Function", full=full)[logical(playbook)]["Environment"]
    env = {**variables["Variables"], "AWS_REGION": "eu-central-1"}
    deployment = Deployment.from_environment(env)
    assert deployment.workflow == stack().resources["Workflow"].arn
    assert deployment.table == stack().resources["CasesTable"].physical
    assert deployment.evidence_bucket == stack().resources["EvidenceBucket"].physical
    assert deployment.break_glass == ((seen.EMERGENCY,) if full else ())
    assert deployment.member_role == ("Member" if full else "")
    roles = {stack().resources[f"{logical(p)}Role"].arn for p in (*PLAYBOOKS, "decide_cases")}
    assert set(deployment.own_roles) == roles


def defaults(*, full: bool = False) -> dict[str, Any]:
    """The entries that ``setup`` writes when the stack is new, from what CloudFormation sends."""
    return dict(entries_of(as_text(stack(full=full).resources["Settings"].properties)))


@pytest.mark.parametrize("full", [False, True])
def test_a_fresh_deploy_only_observes(full: bool) -> None:
    parsed = parse(defaults(full=full), PLAYBOOKS)
    assert parsed.faults == ()
    assert parsed.modes == dict.fromkeys(PLAYBOOKS, Mode.OBSERVE)
    assert parsed.switch is MasterSwitch.ON
    assert parsed.budget == 10
    assert parsed.exemptions == ()
    assert (seen.NAMED in parsed.protected) is full
    assert (seen.EMERGENCY in parsed.protected) is full


def test_policies_deny_the_protected_settings() -> None:
    denied = {
        resource
        for statement in stack(full=True)
        .resources["ProtectedPolicy"]
        .properties["PolicyDocument"]["Statement"]
        if statement["Sid"].startswith("Protect") and statement["Sid"] != "ProtectEvidence"
        for resource in seen.listed(statement["Resource"])
    }
    assert defaults(full=True)["protected"] == denied


def test_setup_responds_before_cloudformation_gives_up() -> None:
    """Three tries of the function, with Lambda's waits of one and two minutes between them."""
    timeout = stack().resources["Setup"].properties["Timeout"]
    waits = int(stack().resources["Settings"].properties["ServiceTimeout"])
    assert timeout > KEPT_SECONDS
    assert 3 * timeout + 60 + 120 < waits <= 3600


# ── nothing lost ──────────────────────────────────────────────────────────────


def test_rule_targets_retry_and_have_dead_letter_queues() -> None:
    for name, rule in props("AWS::Events::Rule").items():
        assert len(rule["Targets"]) <= 5, name
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": arn("UndeliveredEvents")}, name
            assert target["RetryPolicy"]["MaximumRetryAttempts"] >= 1, name
            assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] >= 3600, name


def test_every_function_retries_and_keeps_failures() -> None:
    configs = {c["FunctionName"]: c for c in props("AWS::Lambda::EventInvokeConfig").values()}
    assert configs.keys() == {f.physical for f in stack().of("AWS::Lambda::Function")}
    for config in configs.values():
        failed = config["DestinationConfig"]["OnFailure"]["Destination"]
        assert failed == arn("FailedInvocations")
        assert config["MaximumRetryAttempts"] == 2


def test_every_queue_redrives_or_keeps_dead_letters() -> None:
    names = ("UndeliveredEvents", "FailedInvocations", "FailedBulkEvents", "FailedReports")
    dead = {arn(name) for name in names}
    for queue in stack().of("AWS::SQS::Queue"):
        redrive = queue.properties.get("RedrivePolicy")
        assert queue.properties["SqsManagedSseEnabled"] is True
        assert queue.properties["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert (redrive is None) is (queue.arn in dead), queue.logical
        if redrive is not None:
            failed = "FailedReports" if queue.logical == "Reports" else "FailedBulkEvents"
            assert redrive["deadLetterTargetArn"] == arn(failed)
            assert redrive["maxReceiveCount"] >= 5  # fewer, and throttling alone loses messages


def test_queues_outlast_the_functions_that_read_them() -> None:
    queues = {q.arn: q.properties for q in stack().of("AWS::SQS::Queue")}
    mappings = props("AWS::Lambda::EventSourceMapping")
    timeouts = {f.physical: f.properties["Timeout"] for f in stack().of("AWS::Lambda::Function")}
    reading = [m for m in mappings.values() if m["EventSourceArn"] in queues]
    bulk = [q for q in stack().of("AWS::SQS::Queue") if q.logical.endswith("BulkQueue")]
    assert len(reading) == len(bulk) + 1  # and the reports
    for mapping in reading:
        least = 6 * timeouts[mapping["FunctionName"]] + mapping["MaximumBatchingWindowInSeconds"]
        assert queues[mapping["EventSourceArn"]]["VisibilityTimeout"] >= least
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_every_invoke_permission_names_its_rule() -> None:
    """But for the API's: tests/architecture/test_template_desk.py looks at that."""
    rules = {r.arn: r.properties for r in stack().of("AWS::Events::Rule")}
    permissions = [
        permission
        for name, permission in props("AWS::Lambda::Permission").items()
        if name != "DeskPermission"
    ]
    assert permissions
    for permission in permissions:
        targets = rules[permission["SourceArn"]]["Targets"]
        assert permission["FunctionName"] in (t["Arn"].rpartition(":")[2] for t in targets) or (
            permission["FunctionName"] in (t["Arn"] for t in targets)
        )


def test_every_queue_takes_from_its_own_rules_only() -> None:
    sources: dict[str, set[str]] = {}
    dead: set[str] = set()
    for rule in stack().of("AWS::Events::Rule"):
        for target in rule.properties["Targets"]:
            sources.setdefault(target["Arn"], set()).add(rule.arn)
            dead.add(rule.arn)
    sources[arn("UndeliveredEvents")] = dead
    urls = {q.physical: q.arn for q in stack().of("AWS::SQS::Queue")}
    locked = set()
    for guard in props("AWS::SQS::QueuePolicy").values():
        allow = [s for s in guard["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        deny = {s["Sid"]: s for s in guard["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"}
        assert deny.pop("OnlyTls")["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        (others,) = deny.values()  # tests/promises/test_queues.py shows whom
        assert (others["Action"], others["Principal"]) == ("sqs:SendMessage", "*")
        for url in guard["Queues"]:
            locked.add(urls[url])
            named = [a for s in allow for a in seen.source_arns(s["Condition"])]
            allowed = [[rule for rule in dead if fnmatchcase(rule, a)] for a in named]
            assert all(len(rules) == 1 for rules in allowed), "a pattern lets in one rule"
            assert {rule for (rule,) in allowed} == sources.get(urls[url], set())
    assert locked == set(urls.values())


def test_no_queue_of_others_redrives_into_ours() -> None:
    """What is redriven comes past a queue's policy (SQS API Reference, "SetQueueAttributes")."""
    queues = props("AWS::SQS::Queue")
    redriven = {
        q["RedrivePolicy"]["deadLetterTargetArn"] for q in queues.values() if "RedrivePolicy" in q
    }
    for name, queue in queues.items():
        # The queues that SQS fills cannot name their sources, which name them: that is a circle.
        closed = queue.get("RedriveAllowPolicy") == {"redrivePermission": "denyAll"}
        assert closed is (arn(name) not in redriven), name


# ── memory ────────────────────────────────────────────────────────────────────


def test_memory_survives() -> None:
    resources = seen.raw()["Resources"]
    kept = ("CasesTable", "EvidenceBucket", "EvidenceBucketPolicy", "FailedRecords")
    for name in (*kept, "FailedRecordsPolicy"):
        assert resources[name]["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert resources[name]["UpdateReplacePolicy"] == "Retain", name
    table = stack().resources["CasesTable"].properties
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert "DeletionProtectionEnabled" not in table  # setup's, once the deployment has succeeded
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


@pytest.mark.parametrize("full", [False, True])
def test_evidence_is_written_once(full: bool) -> None:
    bucket = props("AWS::S3::Bucket", full=full)["EvidenceBucket"]
    assert bucket["ObjectLockEnabled"] is True
    lock = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert lock == {"Mode": "GOVERNANCE", "Days": "365"}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    guard = props("AWS::S3::BucketPolicy", full=full)["EvidenceBucketPolicy"]["PolicyDocument"]
    by_sid = {s["Sid"]: s for s in guard["Statement"]}
    assert {s["Effect"] for s in by_sid.values()} == {"Deny"}
    kept = by_sid["NoDeleteNoShorten"]
    assert {"s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"} <= set(kept["Action"])
    rescuers = {"ArnNotLike": {"aws:PrincipalArn": [seen.EMERGENCY]}} if full else {}
    assert kept.get("Condition", {}) == rescuers
    deployed = {"ForAllValues:StringNotEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}
    assert by_sid["NoOtherBucketSettings"]["Condition"] == deployed | rescuers


def test_only_exact_roles_write_evidence() -> None:
    """C2: no path, no wildcard. Each prefix has one role, the settings' two: the desk and setup."""
    guard = props("AWS::S3::BucketPolicy")["EvidenceBucketPolicy"]["PolicyDocument"]
    by_sid = {s["Sid"]: s for s in guard["Statement"]}
    bucket = arn("EvidenceBucket")
    prefixes = sorted(by_sid["OnlyBelowPlaybooks"]["NotResource"])
    writers: dict[str, tuple[str, ...]] = {playbook: (playbook,) for playbook in PLAYBOOKS}
    writers["settings"] = ("decide_cases", "setup")
    writers["digests"] = ("digest_evidence",)
    assert prefixes == sorted(f"{bucket}/{prefix}/*" for prefix in writers)
    for prefix, named in writers.items():
        only = by_sid[f"Only{logical(named[0])}"]
        assert only["Resource"] == f"{bucket}/{prefix}/*"
        roles = [arn(f"{logical(writer)}Role") for writer in named]
        denied = only["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
        assert listed(denied) == roles
        assert "*" not in "".join(roles)


def test_evidence_expires_after_its_lock() -> None:
    days = seen.raw()["Resources"]["EvidenceBucket"]["Properties"]
    lock = days["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]["Days"]
    entries, markers = days["LifecycleConfiguration"]["Rules"]
    assert entries["ExpirationInDays"] == lock == {"Ref": "EvidenceDays"}
    assert entries["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert entries["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert markers["ExpiredObjectDeleteMarker"] is True
    for rule in (entries, markers):
        assert rule["Status"] == "Enabled"
        assert not rule.keys() & {"Prefix", "TagFilters"}  # all that the bucket holds


# ── people and operation ─────────────────────────────────────────────────────


def test_every_log_ends_some_day() -> None:
    groups = [r for r in stack().unbuilt if r.type == "AWS::Logs::LogGroup"]
    assert {g.properties["RetentionInDays"] for g in groups} == {"365"}
    logged = {f["LoggingConfig"]["LogGroup"] for f in props("AWS::Lambda::Function").values()}
    assert logged <= {g.physical for g in groups}


def watched() -> set[tuple[str, str]]:
    """(metric, value of its dimension) of every alarm; each alarm notifies the topic."""
    found = set()
    for alarm in (r.properties for r in stack().unbuilt if r.type == "AWS::CloudWatch::Alarm"):
        assert alarm["AlarmActions"] == [arn("AlertsTopic")]
        single = [alarm] if "MetricName" in alarm else []
        many = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m]
        for metric in (*single, *many):
            found |= {(metric["MetricName"], d["Value"]) for d in metric.get("Dimensions", [])}
    return found


def test_alarms_watch_all_that_can_fail() -> None:
    names = stack().resources
    expected = {
        (metric, names[logical(p)].physical)
        for p in (*PLAYBOOKS, "report_cases")
        for metric in ("Errors", "Throttles")
    }
    expected.add(("IteratorAge", names["ReportCases"].physical))
    mapping = names["ReportCasesStream"].physical
    expected.add(("OnFailureDestinationDeliveredEventCount", mapping))
    for queue in stack().of("AWS::SQS::Queue"):
        bulk = "RedrivePolicy" in queue.properties
        metric = "ApproximateAgeOfOldestMessage" if bulk else "ApproximateNumberOfMessagesVisible"
        expected.add((metric, queue.arn.rpartition(":")[2]))
    for machine in stack().of("AWS::StepFunctions::StateMachine"):
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"):
            expected.add((metric, machine.arn))
    expected.add(("Errors", names["ReconcileCases"].physical))
    expected.add(("Errors", names["DigestEvidence"].physical))
    for name, function in names.items():
        if function.type == "AWS::Lambda::Function":
            expected.add(("DestinationDeliveryFailures", function.physical))
            if name not in ("ReportCases", "SweepFindings"):  # nobody invokes it asynchronously
                expected.add(("AsyncEventsDropped", function.physical))
        if function.type == "AWS::Events::Rule":
            expected.add(("InvocationsFailedToBeSentToDlq", function.physical))
    assert watched() == expected


@pytest.mark.parametrize(
    ("member", "pattern", "name"),
    [
        ("held_back", "{ $.held_back IS TRUE }", "HeldBack"),
        ("settings_refused", "{ $.settings_refused IS TRUE }", "SettingsRefused"),
    ],
)
def test_alarm_covers_every_playbook(member: str, pattern: str, name: str) -> None:
    """The filters look for a field of the outcome, not for words."""
    every = [r.properties for r in stack().unbuilt if r.type == "AWS::Logs::MetricFilter"]
    filters = [one for one in every if one["FilterPattern"] == pattern]
    assert sorted(f["LogGroupName"] for f in filters) == [f"/cordon/cordon/{p}" for p in PLAYBOOKS]
    assert member in Outcome("observed", "").to_json()
    (metric,) = {m["MetricName"] for f in filters for m in f["MetricTransformations"]}
    assert metric == f"cordon-{name}"
    alarms = [r.properties for r in stack().unbuilt if r.type == "AWS::CloudWatch::Alarm"]
    assert [a["Namespace"] for a in alarms if a.get("MetricName") == metric] == ["Cordon"]


def test_alarms_may_encrypt_what_they_may_publish() -> None:
    """CloudWatch calls both services itself; what one refuses is not sent, and no alarm says so."""
    guards = (
        props("AWS::KMS::Key")["AlertsTopicKey"]["KeyPolicy"],
        props("AWS::SNS::TopicPolicy")["AlertsTopicPolicy"]["PolicyDocument"],
    )
    key, topic = ({s["Sid"]: s for s in guard["Statement"]}["AlarmsPublish"] for guard in guards)
    assert key["Principal"] == topic["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    # To KMS CloudWatch may say neither; whose alarms may publish, the topic says.
    assert key["Condition"] == {f"{name}IfExists": ks for name, ks in topic["Condition"].items()}
    alarms = [r.properties for r in stack().unbuilt if r.type == "AWS::CloudWatch::Alarm"]
    place, pattern = stack().place, topic["Condition"]["ArnLike"]["aws:SourceArn"]
    for alarm in alarms:
        named = place.arn("cloudwatch", f"alarm:{alarm['AlarmName']}")
        assert fnmatchcase(named, pattern), named
        assert alarm["AlarmActions"] == [stack().resources["AlertsTopic"].physical]
    (rules,) = (s for s in guards[0]["Statement"] if s["Sid"] == "WarningsPublish")
    assert rules["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in rules  # EventBridge sends neither account nor ARN to KMS


def test_alarm_covers_the_trust_of_every_function() -> None:
    every = [r.properties for r in stack().unbuilt if r.type == "AWS::Logs::MetricFilter"]
    filters = [one for one in every if one["FilterPattern"] == "{ $.trust_fell_back IS TRUE }"]
    logs = {f.properties["LoggingConfig"]["LogGroup"] for f in stack().of("AWS::Lambda::Function")}
    assert sorted(f["LogGroupName"] for f in filters) == sorted(logs)
    (metric,) = {m["MetricName"] for f in filters for m in f["MetricTransformations"]}
    alarms = [r.properties for r in stack().unbuilt if r.type == "AWS::CloudWatch::Alarm"]
    assert [a["Namespace"] for a in alarms if a.get("MetricName") == metric] == ["Cordon"]


def test_dashboard_names_existing_resources() -> None:
    (board,) = (r for r in stack().unbuilt if r.type == "AWS::CloudWatch::Dashboard")
    body = board.properties["DashboardBody"]
    assert len(json.loads(body)["widgets"]) == 6
    assert body.count("SEARCH(") >= 4  # of functions and queues, whichever there are
    assert stack().resources["Workflow"].arn in body


def test_security_hub_can_be_left_out() -> None:
    raw = seen.raw()["Resources"]
    hub = {n: r for n, r in raw.items() if r["Type"].startswith("AWS::SecurityHub::")}
    assert len(hub) == 6  # insights; setup makes the custom actions
    assert {r.get("Condition") for r in hub.values()} == {"HasSecurityHub"}


def test_custom_actions_are_those_the_one_rule_waits_for() -> None:
    assert DESCRIPTIONS.keys() == ids_of(stack().id).keys() == {"CordonContain", "CordonRelease"}
    ids = set(ids_of(stack().id).values())
    assert all(len(id) <= 20 and id.isalnum() for id in ids)
    waiting = [name for name in stack().resources if name.endswith("CustomAction")]
    assert waiting == ["DecideCasesCustomAction"]
    rule = stack().resources[waiting[0]].properties["EventPattern"]
    assert {r.rpartition("/")[2] for r in rule["resources"]} == ids


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_stack_fits_every_partition(partition: str) -> None:
    region = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}[partition]
    built = stack(full=False, place=Place("111122223333", region, partition))
    text = seen.compact([r.properties for r in (*built.resources.values(), *built.unbuilt)])
    assert "arn:aws:" not in text
    written = seen.source().replace("arn:aws:iam::*:role/BreakGlass*", "")  # an example, for people
    assert "arn:aws:" not in written
