"""How services are set up, and alarms: what is an incident, what is recorded, what is neither."""

import json
from dataclasses import replace
from typing import Any

import pytest

from console.coverage.data import read as coverage
from cordon.deployment import Deployment
from cordon.finding import (
    Fact,
    Finding,
    Resource,
    Severity,
    SeverityLabel,
    State,
    canonical_json,
)
from cordon.gate import passes
from cordon.lifecycle import STAGES, stage
from cordon.outcome import policy_inputs
from cordon.policy import PolicyInput, Verdict, decide
from cordon.reporting.incident import body
from cordon.reporting.security_hub import own_finding
from cordon.reporting.texts import about
from cordon.settings import Mode, Settings
from cordon.sources import read
from cordon.sources.custom_action import CONTAIN_ACTION
from cordon.statuses import Status
from tests.architecture.stack import FULL, stack
from tests.examples import ESCALATE, ROOT, event, plan_beside, samples
from tests.make import DEPLOYMENT, NOON, PLACE, a_finding
from tests.reporting.cases import a_case
from tests.reporting.people import HOME

CONTROL = "securityhub_kinesis_1"
ALARMS = [name for name in samples(ESCALATE.name) if name.startswith("cloudwatch_")]


def found(sample: str) -> Finding:
    return read(event(sample))


def of(severity: str, **changes: object) -> Finding:
    given = Severity(severity, SeverityLabel(severity))
    return replace(found(CONTROL), severity=given, **changes)  # type: ignore[arg-type]


# ---- by severity ----


@pytest.mark.parametrize(
    ("severity", "handled", "recorded"),
    [
        ("CRITICAL", True, False),
        ("HIGH", True, False),
        ("MEDIUM", True, True),
        ("LOW", False, False),
        ("INFORMATIONAL", False, False),
    ],
)
def test_severity_says_what_a_control_leads_to(
    severity: str, handled: bool, recorded: bool
) -> None:
    finding, nobody = of(severity), ESCALATE.needs_nobody
    assert ESCALATE.matches(finding) is handled
    assert nobody is not None and bool(nobody(finding, DEPLOYMENT)) is recorded


@pytest.mark.parametrize("severity", ["HIGH", "MEDIUM", "LOW"])
def test_what_a_person_chose_is_for_a_person_at_any_severity(severity: str) -> None:
    """Who chooses it in Security Hub wants it to be seen."""
    chosen, nobody = of(severity, custom_action=CONTAIN_ACTION), ESCALATE.needs_nobody
    assert ESCALATE.matches(chosen)
    assert nobody is not None and nobody(chosen, DEPLOYMENT) == ""
    plan = ESCALATE.plan_for(chosen, DEPLOYMENT)
    assert "closes the incident" in plan.manual_step
    enforced = Settings(modes={ESCALATE.name: Mode.ENFORCE})
    facts = PolicyInput(chosen, ESCALATE, plan, enforced, DEPLOYMENT, NOON)
    assert decide(facts).verdict is Verdict.ESCALATE
    assert ESCALATE.case_id(chosen) == ESCALATE.case_id(of("HIGH"))


@pytest.mark.parametrize(("severity", "opened"), [("HIGH", True), ("MEDIUM", False)])
def test_only_an_incident_that_is_opened_is_to_be_resolved(severity: str, opened: bool) -> None:
    plan = ESCALATE.plan_for(of(severity), DEPLOYMENT)
    assert plan.actions == ()
    assert "Bring the resource into line" in plan.manual_step
    assert ("closes the incident" in plan.manual_step) is opened


def test_pass_of_a_control_is_of_the_case_that_its_failure_opened() -> None:
    """It is informational, whatever it was; archived, nothing is known of the condition."""
    passed = of("INFORMATIONAL", state=State.PASSED)
    assert ESCALATE.case_id(passed) == ESCALATE.case_id(of("HIGH"))
    assert ESCALATE.matches(passed) and passes(passed, ESCALATE)
    assert not passes(replace(passed, state=State.ARCHIVED), ESCALATE)


@pytest.mark.parametrize(
    ("control", "severity"),
    [("RDS.2", "HIGH"), ("IAM.21", "HIGH"), ("Lambda.1", "CRITICAL"), ("SSM.4", "CRITICAL")],
)
def test_so_is_a_pass_of_what_is_heard_only_where_it_is_serious(
    control: str, severity: str
) -> None:
    """A control of any service opens an incident where it is Critical."""
    failed, passed = of(severity, type=control), of("INFORMATIONAL", type=control)
    passed = replace(passed, state=State.PASSED)
    assert ESCALATE.matches(failed) and not ESCALATE.matches(of("MEDIUM", type=control))
    assert ESCALATE.matches(passed) and passes(passed, ESCALATE)
    assert ESCALATE.case_id(passed) == ESCALATE.case_id(failed)
    assert "closes the incident" in ESCALATE.plan_for(failed, DEPLOYMENT).manual_step


def test_a_pass_of_a_bucket_that_cannot_be_contained_is_of_its_incident() -> None:
    failed = found("securityhub_s3_8_foreign_bucket")
    passed = replace(failed, state=State.PASSED, severity=of("INFORMATIONAL").severity)
    assert ESCALATE.matches(passed) and passes(passed, ESCALATE)
    assert ESCALATE.case_id(passed) == ESCALATE.case_id(failed)


@pytest.mark.parametrize("sample", ["securityhub_s3_2_passed", "ocsf_s3_2_passed"])
def test_a_pass_of_what_another_playbook_contained_is_not_for_a_person(sample: str) -> None:
    passed = found(sample)
    assert passed.state is State.PASSED and not ESCALATE.matches(passed)


def test_an_alarm_that_is_ok_ends_no_incident() -> None:
    passed = found("cloudwatch_guardrail_alarm_ok")
    assert passed.state is State.PASSED and not passes(passed, ESCALATE)


OF_WORKLOAD = ((str(Fact.WORKLOAD), "team=mlops"),)


@pytest.mark.parametrize(
    ("severity", "handled"),
    [("CRITICAL", True), ("HIGH", True), ("MEDIUM", True), ("LOW", False)],
)
def test_of_an_ai_workload_a_medium_control_opens_an_incident_too(
    severity: str, handled: bool
) -> None:
    finding, nobody = of(severity, facts=OF_WORKLOAD), ESCALATE.needs_nobody
    assert ESCALATE.matches(finding) is handled
    assert nobody is not None and nobody(finding, DEPLOYMENT) == ""
    assert ("closes the incident" in ESCALATE.plan_for(finding, DEPLOYMENT).manual_step) is handled


def test_the_function_is_given_what_the_operator_named() -> None:
    variables = stack(full=True).resources["EscalateFinding"].properties["Environment"]["Variables"]
    env = {**variables, "AWS_REGION": "eu-central-1"}
    named = Deployment.from_environment(env).ai_workloads
    assert named == tuple(FULL["AiWorkloads"].split(","))
    one = event(CONTROL)
    one["account"] = one["detail"]["findings"][0]["AwsAccountId"]
    one["detail"]["findings"][0]["Resources"][0]["Tags"] = dict([named[0].split("=")])
    assert read(one, replace(DEPLOYMENT, ai_workloads=named)).fact(Fact.WORKLOAD) == named[0]


def test_the_case_says_how_its_workload_was_named() -> None:
    case = replace(a_case(Status.ESCALATED), finding=of("MEDIUM", facts=OF_WORKLOAD))
    assert about(case, ESCALATE)["workload"] == "team=mlops"
    assert "workload" not in about(replace(case, finding=of("MEDIUM")), ESCALATE)
    assert "AI workload: team=mlops" in body(case, ESCALATE, HOME)
    fields = own_finding(case, ESCALATE, HOME, NOON)["ProductFields"]
    assert fields["cordon/workload"] == "team=mlops"


def test_a_threat_of_medium_severity_is_no_control_and_is_not_recorded_away() -> None:
    medium = Severity("5", SeverityLabel.MEDIUM)
    root = a_finding(type="Policy:IAMUser/RootCredentialUsage", severity=medium)
    assert ESCALATE.needs_nobody is not None
    assert ESCALATE.needs_nobody(root, DEPLOYMENT) == ""


@pytest.mark.parametrize("sample", ALARMS)
def test_an_alarm_is_an_incident_and_changes_nothing(sample: str) -> None:
    """It names nobody who called: nobody is restricted."""
    said = plan_beside(sample)
    assert (said["playbook"], said["outcome"]) == (ESCALATE.name, "escalated")
    assert said["finding"]["principal"] is None and said["plan"]["actions"] == []


# ---- one incident a resource and control ----


def test_each_resource_of_a_control_is_a_case_and_each_control_of_a_resource() -> None:
    one = found(CONTROL)
    (stream,) = one.resources
    other = replace(one, id="other", resources=(replace(stream, name="b", arn=f"{stream.arn}b"),))
    standard = replace(one, id="of another standard")
    control = replace(one, type="Kinesis.3")
    cases = [ESCALATE.case_id(each) for each in (one, standard, other, control)]
    assert cases[0] == cases[1]
    assert len(set(cases)) == 3


def test_the_copy_that_names_the_type_is_the_same_case() -> None:
    asff, ocsf = found("securityhub_emr_1"), found("ocsf_emr_1")
    assert asff.resources[0].type != ocsf.resources[0].type
    assert ESCALATE.case_id(asff) == ESCALATE.case_id(ocsf)


def test_of_an_account_or_of_another_accounts_resource_it_is_the_accounts() -> None:
    account = found("securityhub_guardduty_1")
    foreign = replace(PLACE, account="444455556666")
    theirs = Resource("Other", "theirs", foreign, "arn:aws:kms:us-east-1:444455556666:key/a")
    for finding in (account, replace(account, resources=(theirs,))):
        (target,) = ESCALATE.targets(finding)
        assert (target.type, target.name) == ("AWS::Account", account.place.account)


# ---- its layer and its stage ----


@pytest.mark.parametrize(
    ("sample", "layer", "named"),
    [
        ("securityhub_kinesis_1", "data protection", "data collection"),
        ("securityhub_dms_1", "data protection", "data collection"),
        ("securityhub_glue_3", "data protection", "data preparation and cleaning"),
        ("securityhub_emr_1", "infrastructure", "data preparation and cleaning"),
        ("securityhub_neptune_3", "data protection", "data visualization and analysis"),
        ("securityhub_waf_10", "network and edge protection", ""),
        ("securityhub_ec2_6", "network and edge protection", ""),
        ("securityhub_cognito_1", "identity and access", ""),
        ("securityhub_inspector_1", "detection", ""),
        ("securityhub_macie_1", "detection", ""),
        ("cloudwatch_shield_alarm", "network and edge protection", "monitoring and debugging"),
        ("cloudwatch_drift_alarm", "application and models", "monitoring and debugging"),
        ("glue_data_quality_failed", "incident response", "data quality checks"),
    ],
)
def test_a_finding_has_its_layer_and_its_stage(sample: str, layer: str, named: str) -> None:
    finding = found(sample)
    assert (ESCALATE.layer_of(finding), stage(finding)) == (layer, named)


def test_a_threat_has_the_stage_of_what_it_names() -> None:
    table = Resource("AWS::Glue::Table", "features", PLACE, PLACE.arn("glue", "table/a/features"))
    assert stage(a_finding(resources=(table,))) == "data preparation and cleaning"
    assert stage(a_finding()) == ""


def test_the_stages_are_those_of_the_page() -> None:
    """AWS Prescriptive Guidance, modern-data-centric-use-cases, "Data lifecycle": it has one more,
    automation and access control, which is of no service alone.
    """
    assert {name for name, _, _ in STAGES} == {
        "data collection",
        "data preparation and cleaning",
        "data quality checks",
        "data visualization and analysis",
        "monitoring and debugging",
        "IaC deployment",
    }


def test_every_layer_of_the_header_is_one_of_the_seven() -> None:
    known = {word for row in coverage(ROOT).scopes["layers"] for word in row["headers"]}
    assert {layer for layer, _ in ESCALATE.layers} <= known


def test_incident_and_our_finding_name_them() -> None:
    case = replace(a_case(Status.ESCALATED), finding=found("securityhub_dms_1"))
    says = body(case, ESCALATE, HOME)
    assert (
        "Serves: governance; layer of defence: data protection; "
        "stage of the data lifecycle: data collection" in says
    )
    fields = own_finding(case, ESCALATE, HOME, NOON)["ProductFields"]
    named = {key: fields[f"cordon/{key}"] for key in ("serves", "layer", "stage")}
    assert named == {
        "serves": "governance",
        "layer": "data protection",
        "stage": "data collection",
    }
    none = own_finding(replace(case, finding=a_finding()), ESCALATE, HOME, NOON)["ProductFields"]
    assert "cordon/stage" not in none


def test_evidence_names_them_and_how_the_workload_was_named() -> None:
    """What is written of the decision, whatever it is: the finding's own facts are there too."""
    named = replace(DEPLOYMENT, ai_workloads=("arn:aws:dms:*",))
    one = event("securityhub_dms_1")
    says = in_evidence(read(one, named))
    assert says["serves"] == "governance"
    assert (says["defence_layer"], says["lifecycle_stage"]) == (
        "data protection",
        "data collection",
    )
    assert says["ai_workload"] == "arn:aws:dms:*"
    assert says["supports_evidence_for"] == list(ESCALATE.controls)
    assert [period["law"] for period in says["periods_of_laws"]] == [
        "GDPR Art. 33",
        "HIPAA 164.404",
        "EU AI Act Art. 73",
    ]
    nothing = in_evidence(a_finding())
    assert (nothing["lifecycle_stage"], nothing["ai_workload"]) == ("", "")


def in_evidence(finding: Finding) -> dict[str, Any]:
    """What evidence has of a decision about the finding, as it is read there."""
    plan = ESCALATE.plan_for(finding, DEPLOYMENT)
    facts = PolicyInput(finding, ESCALATE, plan, Settings(), DEPLOYMENT, NOON)
    said: dict[str, Any] = json.loads(canonical_json(policy_inputs(facts)))
    return said
