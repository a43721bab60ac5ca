"""State changes, data quality, alarms, Inspector and Health: what becomes the finding."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from cordon.deployment import Deployment
from cordon.finding import Fact, Finding, Malformed, ResourceRole, SeverityLabel, State
from cordon.sources import read
from cordon.sources.state_change import STATE_CHANGES
from tests.examples import event
from tests.make import DEPLOYMENT

HERE = Deployment(**{**vars(DEPLOYMENT), "region": "us-east-1"})
ACCOUNT = "111122223333"
Event = dict[str, Any]


def changed(name: str, **detail: Any) -> Finding:
    """A sample of nobody's with other members; None removes one."""
    made = copy.deepcopy(event(f"{name}"))
    kept = {**made["detail"], **detail}
    made["detail"] = {key: value for key, value in kept.items() if value is not None}
    return read(made)


def about(finding: Finding) -> list[tuple[str, str]]:
    return [(r.type, r.name) for r in finding.resources if r.role is ResourceRole.TARGET]


# ---- the kinds ----


@pytest.mark.parametrize(
    ("name", "kind", "resource"),
    [
        (
            "sagemaker_notebook_stopped",
            "sagemaker:NotebookInstance/Stopped",
            ("AWS::SageMaker::NotebookInstance", "acme-research"),
        ),
        (
            "sagemaker_lifecycle_config_changed",
            "sagemaker:NotebookLifecycleConfig",
            ("AWS::SageMaker::NotebookInstanceLifecycleConfig", "acme-on-start"),
        ),
        (
            "sagemaker_model_package_approved",
            "sagemaker:ModelPackage/Approved",
            ("AWS::SageMaker::ModelPackage", "acme-churn/7"),
        ),
        (
            "sagemaker_model_card_draft",
            "sagemaker:ModelCard/Draft",
            ("AWS::SageMaker::ModelCard", "acme-churn-card"),
        ),
        (
            "sagemaker_training_job_completed",
            "sagemaker:TrainingJob/Completed",
            ("AWS::SageMaker::TrainingJob", "acme-churn-7"),
        ),
        (
            "sagemaker_endpoint_in_service",
            "sagemaker:Endpoint/IN_SERVICE",
            ("AWS::SageMaker::Endpoint", "acme-churn"),
        ),
        (
            "bedrock_customization_completed",
            "bedrock:ModelCustomizationJob/Completed",
            (
                "AWS::Bedrock::ModelCustomizationJob",
                "amazon.nova-lite-v1:0:300k/a1b2c3d4e5f6",
            ),
        ),
        (
            "glue_data_quality_failed",
            "glue-dataquality:Table",
            ("AWS::Glue::Table", "acme_training/customers"),
        ),
        ("glue_data_quality_in_job", "glue-dataquality:Job", ("AWS::Glue::Job", "acme-cleanse")),
        (
            "cloudwatch_guardrail_alarm",
            "cloudwatch:AWS/Bedrock/Guardrails:InvocationsIntervened",
            ("AWS::CloudWatch::Alarm", "acme-guardrail-intervenes"),
        ),
        (
            "cloudwatch_composite_alarm",
            "cloudwatch:Alarm",
            ("AWS::CloudWatch::Alarm", "acme-agents-unusual"),
        ),
        (
            "health_credentials_exposed",
            "health:AWS_RISK_CREDENTIALS_EXPOSED",
            ("AWS::IAM::AccessKey", "AKIAIOSFODNN7EXAMPLE"),
        ),
    ],
)
def test_kind_and_resource(name: str, kind: str, resource: tuple[str, str]) -> None:
    finding = changed(name)
    assert finding.kind == kind
    assert about(finding) == [resource]
    assert finding.authored_by_aws
    assert not finding.sample
    assert finding.principal is None  # none of these events says who


def test_each_state_change_has_a_parser() -> None:
    """The table of events and that of parsers name the same."""
    for (source, detail_type), change in STATE_CHANGES.items():
        made = event("sagemaker_notebook_stopped") | {"source": source}
        made["resources"] = []
        with pytest.raises(Malformed, match=rf"detail\.{change.arn}"):
            read({**made, "detail-type": detail_type, "detail": {}})


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("cloudwatch_guardrail_alarm", State.ACTIVE),
        ("cloudwatch_guardrail_alarm_ok", State.PASSED),
        ("glue_data_quality_failed", State.ACTIVE),
        ("glue_data_quality_succeeded", State.PASSED),
        ("inspector_high", State.ACTIVE),
        ("inspector_critical_image_closed", State.ARCHIVED),
        ("health_credentials_exposed", State.ACTIVE),
        ("health_credentials_exposed_closed", State.ARCHIVED),
    ],
)
def test_state(name: str, state: State) -> None:
    assert changed(name).state is state


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("cloudwatch_guardrail_alarm", {"state": {"value": "INSUFFICIENT_DATA"}}),
        ("cloudwatch_guardrail_alarm", {"state": None}),
        ("glue_data_quality_failed", {"state": "A_WORD_OF_TOMORROW"}),
        ("glue_data_quality_failed", {"state": None}),
        ("inspector_high", {"status": "A_WORD_OF_TOMORROW"}),
        ("health_credentials_exposed", {"statusCode": "upcoming"}),
    ],
)
def test_state_that_says_neither_is_undecided(name: str, detail: Event) -> None:
    assert changed(name, **detail).state is State.NOT_EVALUATED


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("cloudwatch_guardrail_alarm", "cloudwatch_guardrail_alarm_ok"),
        ("glue_data_quality_failed", "glue_data_quality_succeeded"),
        ("sagemaker_model_package_approved", "sagemaker_model_package_rejected"),
        ("health_credentials_exposed", "health_credentials_exposed_closed"),
    ],
)
def test_later_event_of_the_same_is_the_same_finding(first: str, second: str) -> None:
    was, is_now = changed(first), changed(second)
    assert (was.id, was.case_key) == (is_now.id, is_now.case_key)
    assert was.last_seen < is_now.last_seen


# ---- facts and activity ----


def test_facts() -> None:
    package = changed("sagemaker_model_package_approved")
    assert package.fact(Fact.APPROVAL) == "Approved"
    assert package.fact(Fact.CHANGED) == "ModelApprovalStatus,ApprovalDescription"
    assert package.fact(Fact.STATUS) == "Completed"
    assert changed("sagemaker_notebook_stopped").fact(Fact.STATUS) == "Stopped"
    quality = changed("glue_data_quality_failed")
    assert (quality.fact(Fact.QUALITY), quality.fact(Fact.STATUS)) == ("0.71", "FAILED")
    assert changed("glue_data_quality_in_job").fact(Fact.QUALITY) == "0"
    image = changed("inspector_critical_image_closed").fact(Fact.IMAGE)
    assert image.startswith("sha256:6105d6cc")
    assert changed("inspector_high").fact(Fact.IMAGE) == ""


@pytest.mark.parametrize(
    ("name", "by_somebody"),
    [
        ("sagemaker_lifecycle_config_changed", True),
        ("sagemaker_model_package_approved", True),
        ("sagemaker_model_card_draft", True),
        ("sagemaker_notebook_stopped", False),
        ("sagemaker_training_job_completed", False),
        ("sagemaker_endpoint_in_service", False),
        ("bedrock_customization_completed", False),
        ("glue_data_quality_failed", False),
        ("cloudwatch_guardrail_alarm", False),
        ("inspector_high", False),
        ("access_analyzer_cross_account", False),
        ("health_credentials_exposed", False),
    ],
)
def test_activity_is_what_only_a_call_brings_about(name: str, by_somebody: bool) -> None:
    assert (changed(name).activity is not None) is by_somebody


def test_state_of_a_package_without_changed_fields_is_nobody_s_activity() -> None:
    """SageMaker has registered it."""
    assert (
        changed("sagemaker_model_package_approved", UpdatedModelPackageFields=[]).activity is None
    )


def test_package_without_approval_has_no_state() -> None:
    """One that is not in a group."""
    assert changed("sagemaker_model_package_approved", ModelApprovalStatus=None).type == (
        "ModelPackage"
    )


# ---- what is about where ----


def test_arn_of_another_type_is_malformed() -> None:
    with pytest.raises(Malformed, match="TrainingJobArn"):
        changed(
            "sagemaker_training_job_completed",
            TrainingJobArn=f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/acme",
        )


def test_role_of_a_notebook_is_related() -> None:
    related = [r for r in changed("sagemaker_notebook_stopped").resources if r.role == "related"]
    assert [(r.type, r.name) for r in related] == [("AWS::IAM::Role", "ResearchNotebook")]


def test_table_of_another_account_s_catalog_is_theirs() -> None:
    context = event("glue_data_quality_failed")["detail"]["context"]
    finding = changed("glue_data_quality_failed", context={**context, "catalogId": "444455556666"})
    assert finding.place.account == ACCOUNT
    assert finding.resources[0].place.account == "444455556666"


@pytest.mark.parametrize("name", ["a/b", "a\nb", "", None, 7, "x" * 300])
def test_table_without_a_name_is_malformed(name: object) -> None:
    context = event("glue_data_quality_failed")["detail"]["context"]
    with pytest.raises(Malformed, match="tableName"):
        changed("glue_data_quality_failed", context={**context, "tableName": name})


def test_many_rulesets_are_one_short_id() -> None:
    many = [f"{n}{'x' * 200}" for n in range(9)]
    one = changed("glue_data_quality_failed", rulesetNames=many)
    same = changed("glue_data_quality_failed", rulesetNames=many[::-1])
    other = changed("glue_data_quality_failed", rulesetNames=[*many[:-1], "other" + "x" * 200])
    assert one.id == same.id != other.id
    assert len(one.id) <= 512


def test_alarm_names_the_metric_that_it_looks_at() -> None:
    def query(id: str, name: str, *, looked_at: bool) -> Event:
        metric = {"namespace": "AWS/Bedrock", "name": name, "dimensions": {}}
        return {"id": id, "metricStat": {"metric": metric}, "returnData": looked_at}

    metrics = [
        {"id": "e", "expression": "m1 / m2", "returnData": True},
        query("m1", "Invocations", looked_at=False),
        query("m2", "InvocationThrottles", looked_at=True),
    ]
    finding = changed("cloudwatch_guardrail_alarm", configuration={"metrics": metrics})
    assert finding.type == "AWS/Bedrock:InvocationThrottles"
    rate = [
        query("m1", "Invocations", looked_at=False),
        query("m2", "InvocationThrottles", looked_at=False),
        {"id": "e", "expression": "100 * (m2 / m1)", "returnData": True},
    ]
    for metrics in (rate, rate[::-1], [*rate, {"id": 7, "expression": ["m1"]}]):
        finding = changed("cloudwatch_guardrail_alarm", configuration={"metrics": metrics})
        assert finding.type == "AWS/Bedrock:InvocationThrottles"


def test_dimension_with_an_arn_is_a_related_resource() -> None:
    related = [r for r in changed("cloudwatch_guardrail_alarm").resources if r.role == "related"]
    assert [(r.type, r.name) for r in related] == [("AWS::Bedrock::Guardrail", "a1b2c3d4e5f6")]


@pytest.mark.parametrize(
    ("entity", "expected"),
    [
        ("ASIAIOSFODNN7EXAMPLE", ("AWS::IAM::AccessKey", "ASIAIOSFODNN7EXAMPLE")),
        (f"arn:aws:iam::{ACCOUNT}:user/ml/ben", ("AWS::IAM::User", "ben")),
        ("a user whose name is long", ("Other", "a user whose name is long")),
        ("arn:lambda-1-101002929", ("Other", "arn:lambda-1-101002929")),
    ],
)
def test_entity_of_health_is_what_it_is_written_as(entity: str, expected: tuple[str, str]) -> None:
    entities = [{"entityValue": entity}, {"entityValue": 7}, {}, "x", None]
    assert about(changed("health_credentials_exposed", affectedEntities=entities)) == [expected]


def test_health_has_a_finding_for_each_account_and_page() -> None:
    one = changed("health_credentials_exposed")
    other = changed("health_credentials_exposed", affectedAccount="444455556666")
    page = changed("health_credentials_exposed", page="2")
    older = changed("health_credentials_exposed", page=None, affectedAccount=None)
    assert len({one.id, other.id, page.id}) == 3
    assert older.id == one.id
    assert other.place.account == "444455556666"
    assert one.severity.label is SeverityLabel.HIGH


# ---- who may say it ----


@pytest.mark.parametrize(
    "name",
    [
        "sagemaker_notebook_stopped",
        "bedrock_customization_completed",
        "glue_data_quality_failed",
        "cloudwatch_guardrail_alarm",
        "inspector_high",
        "access_analyzer_cross_account",
        "access_analyzer_unused_role",
        "health_credentials_exposed",
    ],
)
def test_another_account_speaks_of_itself_alone(name: str) -> None:
    foreign = event(f"{name}") | {"account": "444455556666"}
    try:
        finding = read(foreign, HERE)
    except Malformed as malformed:
        assert malformed.field == "account"  # the detail says whose it is
    else:
        assert finding.place.account == "444455556666"
        assert not finding.served


def test_only_health_comes_from_another_region() -> None:
    elsewhere = {"region": "us-west-2"}
    assert read(event("health_credentials_exposed") | elsewhere, HERE).served
    for name in ("inspector_high", "access_analyzer_cross_account"):
        with pytest.raises(Malformed, match="region"):
            read(event(f"{name}") | elsewhere, HERE)
    for name in ("sagemaker_notebook_stopped", "cloudwatch_guardrail_alarm"):
        assert not read(event(f"{name}") | elsewhere, HERE).served


# ---- Inspector ----


def test_inspector_s_event_is_its_copy_s_finding() -> None:
    own = read(event("inspector_critical_image"))
    copied = read(event("securityhub_inspector_critical"))
    same = ("id", "kind", "case_key", "severity", "place", "state", "hub", "last_seen", "title")
    differing = {name for name in same if getattr(own, name) != getattr(copied, name)}
    assert differing <= {"severity"}
    assert own.severity.label is copied.severity.label is SeverityLabel.CRITICAL
    assert [replace(r, arn="") for r in own.resources] == [
        replace(r, arn="") for r in copied.resources
    ]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("HIGH", "HIGH"), ("UNTRIAGED", "MEDIUM"), ("TOMORROW", "MEDIUM"), (None, "MEDIUM")],
)
def test_severity_of_inspector(word: str | None, expected: str) -> None:
    assert changed("inspector_high", severity=word).severity.label == expected


def test_type_without_a_known_spelling_is_inspector_s_word() -> None:
    assert changed("inspector_high", type="CODE_VULNERABILITY").type == "CODE_VULNERABILITY"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Wed Sep 04 16:59:44.356 UTC 2024", "2024-09-04T16:59:44"),
        ("Dec 3, 2021, 6:02:30 PM", "2021-12-03T18:02:30"),
        ("Dec 3, 2021, 12:02:30\u202fAM", "2021-12-03T00:02:30"),
        ("2024-09-04T16:59:44Z", "2024-09-04T16:59:44"),
        ("yesterday", "2026-11-17T10:01:03"),  # the envelope's
        ("Feb 31, 2021, 6:02:30 PM", "2026-11-17T10:01:03"),
        (None, "2026-11-17T10:01:03"),
    ],
)
def test_times_of_inspector(written: str | None, expected: str) -> None:
    own = {"updatedAt": written, "lastObservedAt": None, "firstObservedAt": None}
    finding = changed("inspector_critical_image_closed", **own)
    assert f"{finding.last_seen:%Y-%m-%dT%H:%M:%S}" == expected


def test_times_of_health_and_of_text() -> None:
    exposed = changed("health_credentials_exposed")
    assert f"{exposed.first_seen:%H:%M:%S}" == "11:25:10"
    job = changed("sagemaker_training_job_completed", CreationTime="1794823800000")
    assert f"{job.first_seen:%H:%M:%S}" == "10:10:00"
