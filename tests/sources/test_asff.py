"""Security Hub CSPM's events."""

from typing import Any

import pytest

from cordon.finding import (
    Finding,
    HubReference,
    Malformed,
    Place,
    ResourceRole,
    SeverityLabel,
    State,
)
from cordon.sources import read, read_all
from tests.examples import QUARANTINE, event
from tests.sources import samples
from tests.sources.samples import ACCOUNT, ARN, BUCKET, HUB, NATIVE_ID, REGION

PLACE = Place("aws", ACCOUNT, REGION)
DEFAULT = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"


def resource_keys(finding: Finding) -> set[tuple[str, str, ResourceRole]]:
    """The resources, as case ids use them."""
    return {(r.type, r.name, r.role) for r in finding.resources}


def test_guardduty_copy_equals_native_finding() -> None:
    native, copy = read(samples.guardduty()), read(samples.asff())
    for field in ("id", "source", "type", "kind", "place", "state", "sample", "principal", "hub"):
        assert getattr(copy, field) == getattr(native, field), field
    assert (copy.first_seen, copy.last_seen) == (native.first_seen, native.last_seen)
    assert resource_keys(copy) == resource_keys(native)
    assert (native.channel, copy.channel) == ("guardduty", "securityhub")
    assert copy.authored_by_aws
    assert copy.workflow == "NEW"
    assert copy.hub == HubReference(ARN, f"{HUB}guardduty")


def test_attack_sequence_copy_has_same_resources() -> None:
    native = read(samples.sequence())
    sequence = samples.sequence()["detail"]["service"]["detection"]["sequence"]
    user = sequence["actors"][0]["user"]
    actor = {
        "Id": "a",
        "User": {
            "Name": user["name"],
            "Uid": user["uid"],
            "Type": user["type"],
            "CredentialUid": user["credentialUid"],
            "Account": {"Uid": ACCOUNT, "Name": "prod"},
        },
        "Session": {"Issuer": sequence["actors"][0]["session"]["issuer"]},
    }
    key = {"PrincipalType": "IAMUser", "PrincipalName": "alice"}
    resources = [
        {"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::{BUCKET}"},
        {"Type": "AwsS3Object", "Id": f"arn:aws:s3:::{BUCKET}/weights/model.tar.gz"},
        {
            "Type": "AwsIamAccessKey",
            "Id": "AWS::IAM::AccessKey:AKIAIOSFODNN7EXAMPLE",
            "Details": {"AwsIamAccessKey": key},
        },
        {"Type": "Other", "Id": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/fraud"},
    ]
    copy = read(
        samples.asff(
            Types=["TTPs/AttackSequence:S3/CompromisedData"],
            Resources=resources,
            Detection={"Sequence": {"Actors": [actor]}},
        )
    )
    assert copy.kind == native.kind
    assert resource_keys(copy) == resource_keys(native)


def test_macie_copy_has_same_bucket() -> None:
    native = read(samples.macie())
    copy = read(
        samples.asff(
            Id=native.id,
            ProductArn=f"{HUB}macie",
            Types=["Effects/Data Exposure/Policy:IAMUser-S3BucketPublic"],
            Resources=[{"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::{BUCKET}"}],
        )
    )
    assert (copy.id, copy.kind, copy.hub) == (native.id, native.kind, native.hub)
    assert copy.resources_of("AWS::S3::Bucket") == native.resources_of("AWS::S3::Bucket")


def test_object_adds_its_bucket() -> None:
    item = {"Type": "AwsS3Object", "Id": f"arn:aws:s3:::{BUCKET}/a\nb\u202e.csv"}
    finding = read(samples.asff(Resources=[item]))
    assert [(r.type, r.name) for r in finding.resources] == [
        ("AWS::S3::Bucket", BUCKET),
        ("AWS::S3::Object", "a b.csv"),
    ]


def test_config_copy_has_native_id() -> None:
    rule = "s3-bucket-public-read-prohibited"
    id = f"arn:aws:config:{REGION}:{ACCOUNT}:config-rule/config-rule-mburzq/finding/46f0"
    copy = read(
        samples.asff(
            Id=id,
            ProductArn=f"{HUB}config",
            Title=rule,
            ProductFields={"aws/config/ConfigRuleName": rule},
            Resources=[{"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::{BUCKET}"}],
            Compliance={"Status": "FAILED"},
        )
    )
    native = read(samples.config())
    assert (copy.id, copy.kind) == (native.id, native.kind)
    assert copy.hub == HubReference(id, f"{HUB}config")


def test_consolidated_generator_gives_control_id() -> None:
    finding = read(samples.control(Compliance={"Status": "FAILED"}, Id="x"))
    assert finding.type == "SageMaker.1"


@pytest.mark.parametrize(
    "generator",
    [
        "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0/rule/2.1",
        "cis-aws-foundations-benchmark/v/1.4.0/2.1.5.1",
        "aws-foundational-security-best-practices/v/1.0.0/S3.2",
        "pci-dss/v/3.2.1/PCI.S3.2",
    ],
)
def test_number_of_a_standard_is_no_control_id(generator: str) -> None:
    finding = read(
        samples.control(
            Id=f"arn:aws:securityhub:{REGION}:{ACCOUNT}:subscription/{generator}/finding/1",
            GeneratorId=generator,
            Compliance={"Status": "FAILED"},
            ProductFields={"ControlId": "S3.2", "RuleId": "2.1"},
        )
    )
    assert finding.type == generator


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.ACTIVE),
        ({"Compliance": {"Status": "FAILED"}}, State.ACTIVE),
        ({"Compliance": {"Status": "PASSED"}}, State.PASSED),
        ({"Compliance": {"Status": "WARNING"}}, State.NOT_EVALUATED),
        ({"Compliance": {"Status": "NOT_AVAILABLE"}}, State.NOT_EVALUATED),
        (
            {
                "Compliance": {
                    "Status": "NOT_AVAILABLE",
                    "StatusReasons": [{"ReasonCode": "CONFIG_RETURNS_NOT_APPLICABLE"}],
                }
            },
            State.NOT_EVALUATED,
        ),
        ({"RecordState": "ARCHIVED"}, State.ARCHIVED),
        ({"RecordState": "ARCHIVED", "Compliance": {"Status": "PASSED"}}, State.ARCHIVED),
        ({"Workflow": {"Status": "SUPPRESSED"}}, State.SUPPRESSED),
        (
            {"Workflow": {"Status": "SUPPRESSED"}, "Compliance": {"Status": "PASSED"}},
            State.PASSED,
        ),
        ({"Workflow": {"Status": "RESOLVED"}}, State.ACTIVE),
    ],
)
def test_state_follows_compliance_and_workflow(changes: dict[str, Any], state: State) -> None:
    assert read(samples.asff(**changes)).state is state


@pytest.mark.parametrize(
    "product",
    [
        "arn:aws:securityhub:{r}:{a}:product/{a}/default",
        "arn:aws:securityhub:{r}:{a}:product/aws/guardduty",
        "arn:aws:securityhub:{r}:444455556666:product/aws/securityhub",
        "arn:aws:securityhub:{r}::product/aws/health",
        "arn:aws:securityhub:{r}::product/evil/guardduty",
        "arn:aws:securityhub:{r}::product/aws.evil/guardduty",
    ],
)
def test_other_products_are_not_authored_by_aws(product: str) -> None:
    arn = product.format(r=REGION, a=ACCOUNT)
    finding = read(samples.asff(ProductArn=arn))
    assert not finding.authored_by_aws
    assert finding.source not in ("guardduty", "securityhub")


@pytest.mark.parametrize(
    "name", ["guardduty", "macie", "securityhub", "inspector", "config", "access-analyzer"]
)
def test_aws_products_are_authored_by_aws(name: str) -> None:
    finding = read(samples.asff(ProductArn=f"{HUB}{name}"))
    assert finding.authored_by_aws
    assert finding.source == name


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:securityhub:{REGION}:product/aws/guardduty",
        f"arn:aws:securityhub:{REGION}::product/aws/guardduty/x",
        f"x{HUB}guardduty",
        f"{HUB}guardduty\n",
        f"arn:aws:securityhub:{REGION}::productv2/aws/guardduty",
        f"arn:evil:securityhub:{REGION}::product/aws/guardduty",
    ],
)
def test_malformed_product_arn_is_named(arn: str) -> None:
    with pytest.raises(Malformed, match=r"detail\.findings\[0\]\.ProductArn"):
        read(samples.asff(ProductArn=arn))


def test_cordon_findings_are_recognised() -> None:
    cordon = {"ProductArn": DEFAULT, "GeneratorId": f"cordon/playbook/{QUARANTINE.name}"}
    assert read(samples.asff(**cordon)).is_cordon_finding
    assert read(
        samples.asff(ProductArn=DEFAULT, Id="cordon/1/r/p/c", GeneratorId="x")
    ).is_cordon_finding
    assert not read(samples.asff(ProductArn=DEFAULT)).is_cordon_finding
    assert not read(samples.asff(GeneratorId="cordon/playbook/x")).is_cordon_finding
    foreign = DEFAULT.replace(ACCOUNT, "444455556666")
    assert not read(samples.asff(**{**cordon, "ProductArn": foreign})).is_cordon_finding


def test_aggregated_finding_has_its_own_place() -> None:
    product = "arn:aws-us-gov:securityhub:us-gov-west-1::product/aws/securityhub"
    finding = read(
        samples.control(Region=None, ProductArn=product, AwsAccountId="444455556666", Resources=[])
    )
    assert finding.place == Place("aws-us-gov", "444455556666", "us-gov-west-1")


def test_resource_of_another_account_keeps_its_account() -> None:
    arn = f"arn:aws:sagemaker:{REGION}:444455556666:notebook-instance/explorer"
    item = {"Type": "AwsSageMakerNotebookInstance", "Id": arn}
    finding = read(samples.control(Resources=[item]))
    assert finding.resources[0].place.account == "444455556666"
    assert finding.place.account == ACCOUNT
    owned = {
        "Type": "AwsS3Bucket",
        "Id": f"arn:aws:s3:::{BUCKET}",
        "Details": {"AwsS3Bucket": {"OwnerAccountId": "444455556666"}},
    }
    assert read(samples.control(Resources=[owned])).resources[0].place.account == "444455556666"


@pytest.mark.parametrize(
    ("type", "id", "kind", "name"),
    [
        (
            "Other",
            "arn:aws:bedrock:{p}:knowledge-base/KB12345678",
            "AWS::Bedrock::KnowledgeBase",
            "",
        ),
        (
            "Other",
            "arn:aws:bedrock-agentcore:{p}:runtime/agent-Ab1",
            "AWS::BedrockAgentCore::Runtime",
            "agent-Ab1",
        ),
        ("AwsS3Bucket", "arn:aws:s3tables:{p}:bucket/tables", "AWS::S3Tables::TableBucket", ""),
        (
            "AwsS3Bucket",
            "arn:aws:s3express:{p}:bucket/d--x-s3",
            "AWS::S3Express::DirectoryBucket",
            "",
        ),
        ("AwsIamRole", "arn:aws:iam::{a}:role/a/b/c", "AWS::IAM::Role", "c"),
        ("AwsAccount", "AWS::::Account:{a}", "AWS::::Account", ACCOUNT),
        ("AWS::S3::Bucket", BUCKET, "AWS::S3::Bucket", BUCKET),
        ("Container", "c1", "Other", "c1"),
    ],
)
def test_resource_type_and_name_are_read(type: str, id: str, kind: str, name: str) -> None:
    identifier = id.format(p=f"{REGION}:{ACCOUNT}", a=ACCOUNT)
    resource = read(samples.control(Resources=[{"Type": type, "Id": identifier}])).resources[0]
    assert (resource.type, resource.name) == (kind, name or identifier.rpartition("/")[2])


@pytest.mark.parametrize("id", ["arn:aws:evil:::x", "a b", "arn:aws:s3:::", "", None, 1])
def test_invalid_bucket_id_is_malformed(id: object) -> None:
    with pytest.raises(Malformed, match=r"detail\.findings\[0\]\.Resources\[0\]\.Id"):
        read(samples.control(Resources=[{"Type": "AwsS3Bucket", "Id": id}]))


@pytest.mark.parametrize(
    ("type", "id"),
    [
        ("AwsS3Bucket", "arn:aws:s3:::a bucket"),
        ("AwsIamRole", "arn:aws:iam::111122223333:role/a/b c"),
        ("AwsIamUser", "arn:aws:iam::111122223333:user/a<b>"),
        ("Other", "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/a b"),
        ("AWS::SageMaker::Endpoint", "-a"),
    ],
)
def test_invalid_resource_name_is_malformed(type: str, id: str) -> None:
    with pytest.raises(Malformed, match=r"detail\.findings\[0\]\.Resources\[0\]\.Id"):
        read(samples.control(Resources=[{"Type": type, "Id": id}]))


def test_session_arn_is_not_the_role_arn() -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/session"
    resource = read(samples.control(Resources=[{"Type": "Other", "Id": arn}])).resources[0]
    assert (resource.type, resource.name, resource.arn) == ("AWS::IAM::Role", "r", "")


@pytest.mark.parametrize("newer", ["UpdatedAt", "LastObservedAt"])
def test_latest_time_is_last_seen(newer: str) -> None:
    finding = read(samples.asff(**{newer: "2026-11-25T00:00:00Z"}))
    assert finding.last_seen.isoformat() == "2026-11-25T00:00:00+00:00"


def test_session_details_give_role_and_account() -> None:
    issuer = f"arn:aws:iam::444455556666:role/ml/{samples.ROLE}"
    key = {
        "PrincipalType": "AssumedRole",
        "AccountId": "444455556666",
        "AccessKeyId": samples.KEY,
        "SessionContext": {"SessionIssuer": {"Arn": issuer, "UserName": samples.ROLE}},
    }
    item = {"Type": "AwsIamAccessKey", "Id": "x", "Details": {"AwsIamAccessKey": key}}
    finding = read(samples.asff(Resources=[item]))
    assert finding.principal is not None
    assert (finding.principal.issuer, finding.principal.account) == (issuer, "444455556666")
    role = finding.resources_of("AWS::IAM::Role", role=ResourceRole.ACTOR)[0]
    assert (role.arn, role.place.account) == (issuer, "444455556666")


@pytest.mark.parametrize(
    ("severity", "label"),
    [
        ({"Label": "HIGH", "Normalized": 75}, SeverityLabel.HIGH),
        ({"Label": "LOW", "Normalized": 40}, SeverityLabel.LOW),
        ({"Normalized": 95}, SeverityLabel.CRITICAL),
        ({"Label": "INFORMATIONAL"}, SeverityLabel.INFORMATIONAL),
    ],
)
def test_severity_has_label(severity: dict[str, Any], label: SeverityLabel) -> None:
    parsed = read(samples.asff(Severity=severity, FindingProviderFields=None)).severity
    assert parsed.label is label


def test_sample_findings_are_recognised() -> None:
    assert read(samples.asff(Sample=True)).sample
    fields = {"aws/guardduty/service/additionalInfo/sample": "true"}
    assert read(samples.asff(ProductFields=fields)).sample
    assert read(samples.asff(Title="[SAMPLE] x")).sample
    assert not read(samples.control(Title="[SAMPLE] x")).sample


def test_custom_action_sets_custom_action() -> None:
    finding = read(samples.custom_action("CordonRelease"))
    assert (finding.custom_action, finding.channel) == ("CordonRelease", "custom_action")
    assert finding.id == NATIVE_ID


@pytest.mark.parametrize("name", ["CordonContain", "CordonRelease", "Archive"])
def test_name_of_a_custom_action_says_not_whose_it_is(name: str) -> None:
    """It is free text: anybody may call an action so."""
    chosen = {**samples.custom_action(name), "resources": []}
    assert read(chosen).custom_action not in ("CordonContain", "CordonRelease")
    chosen["detail"]["actionName"] = ""
    with pytest.raises(Malformed, match=r"detail\.actionName"):
        read(chosen)


def test_several_findings_have_own_digests() -> None:
    event = samples.imported(samples.an_asff(), samples.an_asff(Title="another"))
    first, second = read_all(event)
    assert first.detail_sha256 != second.detail_sha256
    assert first.detail_sha256 == read(samples.imported(samples.an_asff())).detail_sha256
    with pytest.raises(Malformed, match="2 findings"):
        read(event)


@pytest.mark.parametrize("findings", [[], None, {}, "x"])
def test_empty_findings_are_malformed(findings: object) -> None:
    event = samples.imported()
    event["detail"]["findings"] = findings
    with pytest.raises(Malformed, match=r"detail\.findings"):
        read_all(event)


@pytest.mark.parametrize(
    ("fields", "others"),
    [
        (None, False),
        ({}, False),
        ({"cordon": "handled"}, False),
        ({"cordon": "handled", "team": "fraud"}, True),
        ({"team": "fraud"}, True),
        ("nonsense", False),
    ],
)
def test_fields_of_others_are_recognised(fields: object, others: bool) -> None:
    assert read(samples.asff(UserDefinedFields=fields)).user_fields is others


@pytest.mark.parametrize(
    ("type", "id", "arn"),
    [
        ("AwsSageMakerModel", "acme", "arn:aws:sagemaker:us-east-1:111122223333:model/acme"),
        ("AWS::SageMaker::Model", "acme", "arn:aws:sagemaker:us-east-1:111122223333:model/acme"),
        (
            "AwsBedrockDataSource",
            "KB1A2B3C4D|DS5E6F7G8H",
            "arn:aws:bedrock:us-east-1:111122223333:knowledge-base/KB1A2B3C4D/data-source/DS5E6F7G8H",
        ),
        (
            "AwsBedrockAgentCoreGateway",
            "acme-abc1234567",
            "arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/acme-abc1234567",
        ),
        ("Other", "acme", ""),
        ("AwsBedrockDataSource", "a b", ""),
        ("AwsBedrock", "acme", ""),
    ],
)
def test_ai_resource_without_an_arn_gets_the_one_of_its_type(type: str, id: str, arn: str) -> None:
    """In both forms of a copy. What has another form is something, and for a person."""
    sent = event("securityhub_sagemaker_5")
    sent["detail"]["findings"][0]["Resources"] = [{"Type": type, "Id": id}]
    again = event("ocsf_sagemaker_5_passed")
    again["detail"]["findings"][0]["resources"] = [{"type": type, "uid": id}]
    for copy in (sent, again):
        (found,) = read(copy).resources
        assert (found.name, found.arn) == (id, arn)
        assert found.type.startswith("AWS::") == bool(arn)
