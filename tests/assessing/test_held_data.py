"""An approved version of a model whose data lies in a bucket that one of our holds has tagged."""

import pytest
from botocore.exceptions import ClientError, PaginationError

from cordon.assessing import held_data
from cordon.assessing.evaluation import Compliance, Evaluation, Found
from cordon.assessing.request import Request
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import lineage, model_packages
from tests.actions.scenario import PLACE, stub
from tests.make import NOON

HERE = backends.here(PLACE.account, PLACE.region)
REQUEST = Request("cordon-some-rule", PLACE.partition, PLACE.account, "a token", NOON, {})
TAINTED, LOW = "cordon:tainted:acme-data", "cordon:low-quality:lake/customers"
DATA, OTHER = "s3://acme-data/train/", "s3://acme-other/more.csv"
IN_NONE = "Some of its data is in no bucket that S3 shows of this account: "


def version(number: int, *places: str, approval: str = "Approved") -> str:
    """A version of a model that a training job made of these data sets."""
    arn = model_packages.make("churn", number, HERE, approval=approval)
    made = lineage.entity(f"artifact/p{number}", "ModelPackage", arn, HERE)
    job = lineage.entity(f"experiment-trial-component/t{number}", "SageMakerTrainingJob", "", HERE)
    model = lineage.entity(f"artifact/m{number}", "Model", f"s3://acme-out/{number}/", HERE)
    for index, place in enumerate(places):
        data = lineage.entity(f"artifact/d{number}-{index}", "DataSet", place, HERE)
        lineage.made_of(data, job, HERE)
    lineage.made_of(job, model, HERE)
    lineage.made_of(model, made, HERE)
    return arn


def bucket(aws: AwsClients, name: str, *keys: str) -> None:
    aws.client("s3").create_bucket(Bucket=name)
    if keys:
        tag(aws, name, *keys)


def tag(aws: AwsClients, name: str, *keys: str) -> None:
    aws.client("s3control").tag_resource(
        AccountId=PLACE.account,
        ResourceArn=f"arn:aws:s3:::{name}",
        Tags=[{"Key": key, "Value": "0a1b2c3d4e5f6071"} for key in keys],
    )


def said(found: Found) -> list[tuple[str, str]]:
    """Of each version: what is said of it, and why."""
    return [
        (one.compliance, one.annotation) if isinstance(one, Evaluation) else ("", one.why)
        for one in found
    ]


def tainted(aws: AwsClients) -> list[tuple[str, str]]:
    return said(held_data.assess_tainted(aws, REQUEST))


def low_quality(aws: AwsClients) -> list[tuple[str, str]]:
    return said(held_data.assess_low_quality(aws, REQUEST))


def test_each_rule_finds_its_own_tag_and_passes_without(aws: AwsClients) -> None:
    version(1, OTHER, DATA)
    version(2, DATA, approval="PendingManualApproval")
    bucket(aws, "acme-other", "owner", "cordon:status", "cordon:case")
    bucket(aws, "acme-data")
    passes = [(Compliance.COMPLIANT, "")]
    assert tainted(aws) == low_quality(aws) == passes
    tag(aws, "acme-data", TAINTED)
    found = f"The tag {TAINTED} is on the bucket of its data {DATA}"
    assert (tainted(aws), low_quality(aws)) == ([(Compliance.NON_COMPLIANT, found)], passes)
    tag(aws, "acme-data", LOW, f"{LOW}-2")
    more = f"The tag {LOW} is on the bucket of its data {DATA}; and 1 more"
    assert low_quality(aws) == [(Compliance.NON_COMPLIANT, more)]
    aws.client("s3control").untag_resource(
        AccountId=PLACE.account, ResourceArn="arn:aws:s3:::acme-data", TagKeys=[TAINTED]
    )  # as the release of its case does
    assert tainted(aws) == passes


def test_where_its_own_files_lie_is_no_data_of_it(aws: AwsClients) -> None:
    version(1, DATA)
    bucket(aws, "acme-data")
    bucket(aws, "acme-out", "cordon:tainted:acme-out")
    assert tainted(aws) == [(Compliance.COMPLIANT, "")]


def test_of_what_nothing_is_known_nothing_is_called_right(aws: AwsClients) -> None:
    model_packages.make("churn", 1, HERE, approval="Approved")  # the lineage has nothing of it
    version(2)
    unknown = (Compliance.NOT_APPLICABLE, held_data.NO_DATA)
    assert tainted(aws) == [unknown, unknown]


@pytest.mark.parametrize(
    "place",
    [
        "s3://somebody-elses/train/",
        "s3://acme--use1-az4--x-s3/train/",
        "https://example.com/data.csv",
    ],
)
def test_data_in_no_bucket_of_ours_is_not_called_right(aws: AwsClients, place: str) -> None:
    version(1, DATA, place)
    bucket(aws, "acme-data")
    refuses = "InvalidRequest"  # S3 Control, for what is no general purpose bucket
    stub(
        aws,
        "s3control",
        "ListTagsForResource",
        lambda given: refuses if given["ResourceArn"].endswith("--x-s3") else None,
    )
    assert tainted(aws) == [(Compliance.NOT_APPLICABLE, f"{IN_NONE}{place}")]
    tag(aws, "acme-data", TAINTED)  # what is found counts all the same
    assert [one for one, _ in tainted(aws)] == [Compliance.NON_COMPLIANT]


def test_a_data_set_of_another_account_or_that_is_deleted_is_not_read(aws: AwsClients) -> None:
    theirs = "arn:aws:sagemaker:us-east-1:444455556666:artifact/d1"
    deleted = HERE.arn("sagemaker", "artifact/d2")
    model_packages.make("churn", 1, HERE, approval="Approved")
    summary = {"ArtifactArn": HERE.arn("sagemaker", "artifact/p1")}
    stub(aws, "sagemaker", "ListArtifacts", lambda _: {"ArtifactSummaries": [summary]})
    found = iter((theirs, deleted))
    stub(
        aws,
        "sagemaker",
        "QueryLineage",
        lambda _: {"Vertices": [{"Arn": next(found), "Type": "DataSet"}]},
    )
    stub(
        aws,
        "sagemaker",
        "DescribeArtifact",
        lambda given: "AccessDeniedException" if given["ArtifactArn"] == theirs else None,
    )
    for one in (theirs, deleted):
        assert tainted(aws) == [(Compliance.NOT_APPLICABLE, f"{IN_NONE}{one}")]


def test_a_page_that_leads_to_itself_is_an_error(aws: AwsClients) -> None:
    """Else the function would read it until it is ended, and say nothing of any model."""
    version(1, DATA)
    stub(aws, "sagemaker", "QueryLineage", lambda _: {"Vertices": [], "NextToken": "same"})
    with pytest.raises(PaginationError, match="leads to itself"):
        tainted(aws)


@pytest.mark.parametrize(
    ("service", "operation", "what"),
    [
        ("s3control", "ListTagsForResource", DATA),
        ("sagemaker", "DescribeArtifact", HERE.arn("sagemaker", "artifact/d1-0")),
    ],
)
def test_what_may_not_be_read_is_no_verdict(
    aws: AwsClients, service: str, operation: str, what: str
) -> None:
    version(1, DATA)
    bucket(aws, "acme-data", TAINTED)
    codes = iter(("AccessDenied", "ValidationException"))
    stub(aws, service, operation, lambda _: next(codes))
    assert tainted(aws) == [("", f"{held_data.DENIED}{what}")]
    with pytest.raises(ClientError, match="ValidationException"):
        tainted(aws)


def test_a_bucket_and_a_data_set_are_read_once_in_a_run(aws: AwsClients) -> None:
    bucket(aws, "acme-data")
    first = version(1, DATA)
    second = model_packages.make("churn", 2, HERE, approval="Approved")
    made = lineage.entity("artifact/p2", "ModelPackage", second, HERE)
    lineage.made_of(HERE.arn("sagemaker", "artifact/d1-0"), made, HERE)
    calls: list[str] = []

    def count(service: str, operation: str) -> None:
        stub(aws, service, operation, lambda _: calls.append(operation))

    count("s3control", "ListTagsForResource")
    count("sagemaker", "DescribeArtifact")
    found = list(held_data.assess_tainted(aws, REQUEST))
    assert [one.id for one in found if isinstance(one, Evaluation)] == [first, second]
    assert sorted(calls) == ["DescribeArtifact", "ListTagsForResource"]
