"""What cannot be read refuses a finding only where the finding is about it.

Shapes are of captures: a console sign-in's key is ``AWS::IAM::AccessKey:null`` in Security Hub,
GuardDuty's samples name ``GeneratedFindingInstanceProfileArn``.
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordon.finding import Malformed, State
from cordon.gate import not_ours
from cordon.sources import read
from tests.examples import ESCALATE, QUARANTINE, REVOKE
from tests.make import DEPLOYMENT
from tests.sources import samples
from tests.sources.samples import BUCKET, KEY, NATIVE_ID, ROLE

STOLEN = "CredentialAccess:IAMUser/AnomalousBehavior"
NO_KEYS: tuple[Any, ...] = (
    None,
    "",
    "null",
    "None",
    "NULL",
    "none",
    "undefined",
    "-",
    "x",
    0,
    7,
    [],
    {},
    ["AKIA"],
)
NONSENSE: tuple[Any, ...] = (
    "GeneratedFindingInstanceProfileArn",
    "arn:aws:iam::1:instance-profile/p",
    "arn:",
    "a\nb",
    "x" * 5000,
    7,
    [],
    {},
    [None],
    {"arn": "x"},
)


def without_key(value: object) -> dict[str, Any]:
    """A user who signed in to the console."""
    key = {"userType": "IAMUser", "userName": "alice", "principalId": "AIDA", "accessKeyId": value}
    return samples.guardduty(type=STOLEN, resource={"accessKeyDetails": key})


def hub_key(id: object, **details: Any) -> dict[str, Any]:
    """The same in Security Hub."""
    named = {"PrincipalType": "IAMUser", "PrincipalName": "alice", **details}
    item = {"Type": "AwsIamAccessKey", "Id": id, "Details": {"AwsIamAccessKey": named}}
    types = ["TTPs/Credential Access/IAMUser-AnomalousBehavior"]
    return samples.asff(Types=types, Resources=[item])


def ocsf_key(uid: object) -> dict[str, Any]:
    """The same in OCSF."""
    data = {"user_type": "IAMUser", "user_name": "alice", "access_key_id": uid}
    info = {**samples.an_ocsf()["finding_info"], "types": ["Threats", STOLEN]}
    item = {"type": "AWS::IAM::AccessKey", "uid": uid, "data": data}
    return samples.ocsf(resources=[item], finding_info=info)


EVENTS: list[Any] = [
    *(without_key(value) for value in NO_KEYS),
    *(hub_key(f"AWS::IAM::AccessKey:{value}") for value in ("null", "None", "")),
    *(hub_key(value) for value in NO_KEYS),
    *(hub_key("AWS::IAM::AccessKey:null", AccessKeyId=value) for value in NO_KEYS),
    *(ocsf_key(value) for value in (*NO_KEYS, "AWS::IAM::AccessKey:null")),
]


@pytest.mark.parametrize("event", EVENTS)
def test_absent_key_is_no_key(event: dict[str, Any]) -> None:
    """The user is contained without it."""
    finding = read(event)
    assert finding.principal is not None
    assert (finding.principal.name, finding.principal.access_key_id) == ("alice", "")
    assert [(r.type, r.name) for r in REVOKE.targets(finding)] == [("AWS::IAM::User", "alice")]


@pytest.mark.parametrize("value", NONSENSE, ids=lambda v: repr(v)[:24])
def test_unreadable_principal_id_keeps_the_role(value: Any) -> None:
    """Nothing is contained by it."""
    key = {"userType": "AssumedRole", "userName": ROLE, "principalId": value, "accessKeyId": KEY}
    finding = read(samples.guardduty(type=STOLEN, resource={"accessKeyDetails": key}))
    assert [r.name for r in REVOKE.targets(finding)] == [ROLE]


def test_key_of_either_place_counts() -> None:
    for event in (hub_key(f"AWS::IAM::AccessKey:{KEY}", AccessKeyId="null"), hub_key(KEY)):
        assert read(event).principal.access_key_id == KEY  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("id_", "kind", "type_"),
    [
        ("AIDACKCEVSQ6C2EXAMPLE", "IAMUser", "AWS::IAM::User"),
        ("AROACKCEVSQ6C2EXAMPLE:s", "AssumedRole", "AWS::IAM::Role"),
    ],
)
def test_principal_id_says_what_an_old_copy_leaves_out(id_: str, kind: str, type_: str) -> None:
    """A capture of 2018: the type in other letters, the key null, only the name of the user."""
    key = {"UserName": "alice", "PrincipalId": id_}
    item = {"Type": "AWSIAMAccessKey", "Id": "AWS::IAM::AccessKey:null"}
    item |= {"Details": {"AwsIamAccessKey": key}}  # type: ignore[dict-item]
    types = ["TTPs/Credential Access/IAMUser-AnomalousBehavior"]
    finding = read(samples.asff(Types=types, Resources=[item]))
    assert finding.principal is not None
    assert finding.principal.user_type == kind
    assert [(r.type, r.name) for r in REVOKE.targets(finding)] == [(type_, "alice")]
    del key["PrincipalId"]
    unknown = read(samples.asff(Types=types, Resources=[item]))
    assert REVOKE.targets(unknown) == ()
    assert "does not say whether" in ESCALATE.manual_step(unknown)


def test_nothing_but_null_is_no_principal() -> None:
    key = dict.fromkeys(("userType", "userName", "principalId", "accessKeyId"), "null")
    assert read(samples.guardduty(resource={"accessKeyDetails": key})).principal is None


RELATED: tuple[Callable[[Any], dict[str, Any]], ...] = (
    lambda x: {"instanceDetails": {"instanceId": "i-1", "iamInstanceProfile": {"arn": x}}},
    lambda x: {"instanceDetails": {"instanceId": "i-1", "iamInstanceProfile": x}},
    lambda x: {"instanceDetails": x},
    lambda x: {"lambdaDetails": {"functionArn": x, "functionName": "f"}},
    lambda x: {"eksClusterDetails": x},
    lambda x: {"ecsClusterDetails": {"arn": x, "taskDetails": {"arn": x}}},
    lambda x: {"bedrockGuardrailDetails": {"guardrails": [{"arn": x}]}},
    lambda x: {"modelDetails": [{"modelId": x}]},
    lambda x: {"modelDetails": x},
    lambda x: {"accessKeyDetails": x},
    lambda x: {"accessKeyDetails": {"userType": "AssumedRole", "userName": x}},
    lambda x: {"accessKeyDetails": {"userType": x, "userName": ROLE, "principalId": x}},
)


@pytest.mark.parametrize("value", NONSENSE, ids=lambda v: repr(v)[:24])
@pytest.mark.parametrize("member", range(len(RELATED)))
def test_unreadable_related_resource_or_actor_keeps_the_bucket(member: int, value: Any) -> None:
    buckets = samples.guardduty()["detail"]["resource"]["s3BucketDetails"]
    finding = read(
        samples.guardduty(resource={"s3BucketDetails": buckets, **RELATED[member](value)})
    )
    assert [r.name for r in QUARANTINE.targets(finding)] == [BUCKET]


@pytest.mark.parametrize("value", NONSENSE, ids=lambda v: repr(v)[:24])
def test_unreadable_related_resource_keeps_the_actor(value: Any) -> None:
    key = samples.guardduty()["detail"]["resource"]["accessKeyDetails"]
    for member in RELATED[:9]:
        resource = {"accessKeyDetails": key, **member(value)}
        finding = read(samples.guardduty(type=STOLEN, resource=resource))
        assert [r.name for r in REVOKE.targets(finding)] == [ROLE]


@pytest.mark.parametrize(
    "value", [v for v in NONSENSE if v not in ([], {})], ids=lambda v: repr(v)[:24]
)
def test_unreadable_resource_of_a_copy_keeps_the_bucket(value: Any) -> None:
    items = [
        samples.an_asff()["Resources"][1],
        {"Type": "AwsEc2Instance", "Id": value},
        {"Type": "AwsEc2Instance", "Id": "i-1", "Details": {"AwsEc2Instance": value}},
        {"Type": "AwsIamAccessKey", "Id": value, "Details": {"AwsIamAccessKey": value}},
        {"Type": value, "Id": value},
        value,
    ]
    for item in items[1:]:
        finding = read(samples.asff(Resources=[items[0], item]))
        assert [r.name for r in QUARANTINE.targets(finding)] == [BUCKET]


@pytest.mark.parametrize(
    ("type_", "id_"),
    [
        ("AwsIamRole", "arn:aws:iam::111122223333:role/Generated Finding"),
        ("AwsIamUser", "GeneratedFinding/User"),
        ("AwsIamRole", "x" * 65),
        ("AWS::SageMaker::Endpoint", "-"),
    ],
)
def test_unreadable_neighbour_in_a_copy_keeps_what_it_is_about(type_: str, id_: str) -> None:
    """Of whatever product the copy is; alone, or of the kind that it is about, it is refused."""
    bucket = {"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::{BUCKET}"}
    odd = {"Type": type_, "Id": id_}
    failed = {"Status": "FAILED", "SecurityControlId": "S3.8"}
    for items in ([bucket, odd], [odd, bucket]):
        finding = read(samples.control(Resources=items, Compliance=failed))
        assert [r.name for r in QUARANTINE.targets(finding)] == [BUCKET]
    for wrong in ([odd], [bucket, {"Type": "AwsS3Bucket", "Id": "a b"}]):
        with pytest.raises(Malformed, match=r"Resources\[[01]\]\.Id"):
            read(samples.control(Resources=wrong, Compliance=failed))
    ocsf = samples.an_ocsf()["resources"]
    both = read(samples.ocsf(resources=[*ocsf, {"type": type_, "uid": id_}]))
    assert QUARANTINE.targets(both) == QUARANTINE.targets(read(samples.ocsf()))


def test_longest_name_of_a_user_is_contained_and_a_longer_one_is_for_a_person() -> None:
    """IAM has none longer (IAM User Guide, "IAM and AWS STS quotas"): it would be refused there."""
    key = {"userType": "IAMUser", "userName": "x" * 64, "principalId": "AIDA", "accessKeyId": ""}
    longest = read(samples.guardduty(type=STOLEN, resource={"accessKeyDetails": key}))
    assert len(REVOKE.plan_for(longest, DEPLOYMENT).actions) == 2
    key["userName"] += "x"
    longer = read(samples.guardduty(type=STOLEN, resource={"accessKeyDetails": key}))
    assert REVOKE.targets(longer) == ()
    assert "names no principal that can be read" in ESCALATE.manual_step(longer)


@pytest.mark.parametrize("value", ["yesterday", "", 7, [], {}], ids=repr)
def test_unreadable_time_costs_nothing_where_another_can_be_read(value: Any) -> None:
    service = {**samples.guardduty()["detail"]["service"], "eventLastSeen": value}
    service["eventFirstSeen"] = value
    whole = read(samples.guardduty())
    assert read(samples.guardduty(service=service)).last_seen == whole.last_seen
    assert read(samples.guardduty(service=service)).activity is None
    assert read(samples.asff(LastObservedAt=value)).id == NATIVE_ID
    with pytest.raises(Malformed, match="updatedAt"):
        read(samples.guardduty(updatedAt=value, service=service))


def test_unreadable_bucket_of_a_finding_on_it_is_malformed() -> None:
    """It would be a false statement that the finding names none."""
    with pytest.raises(Malformed, match="s3BucketDetails"):
        read(samples.guardduty(resource={"s3BucketDetails": [{"name": "a b"}]}))
    stolen = samples.guardduty(type=STOLEN, resource={"s3BucketDetails": [{"name": "a b"}]})
    assert read(stolen).resources == ()


def test_unreadable_account_of_an_actor_is_no_actor_of_ours() -> None:
    """Else a stranger's role would be taken for ours of the same name."""
    event = hub_key(f"AWS::IAM::AccessKey:{KEY}", AccountId="not an account")
    assert read(event).principal is None
    assert REVOKE.targets(read(event)) == ()


def test_unreadable_sequence_is_still_an_attack_sequence() -> None:
    whole = read(samples.sequence())
    for path in ("actors", "resources"):
        event = samples.sequence()
        event["detail"]["service"]["detection"]["sequence"][path] = {"no": "list"}
        assert read(event).id == whole.id
    event = samples.sequence()
    sequence = event["detail"]["service"]["detection"]["sequence"]
    sequence["resources"][0]["uid"] = "arn:aws:s3:::a bucket"
    sequence["actors"][1] = {"user": {"name": ["x"]}}
    assert {r.name for r in read(event).resources} >= {"fraud", ROLE}


def test_odd_finding_arn_is_only_a_link_less() -> None:
    for arn in NONSENSE:
        event = samples.guardduty(arn=arn)
        event["detail"]["service"].pop("detectorId")
        assert read(event).hub is None


# ---- what leads nowhere is known before resources are read ----

NOWHERE: dict[str, Callable[[Any], dict[str, Any]]] = {
    "guardduty sample": lambda x: samples.guardduty(title="[SAMPLE] x", resource=x),
    "guardduty archived": lambda x: samples.guardduty(service={"archived": True}, resource=x),
    "macie sample": lambda x: samples.macie(
        sample=True, resourcesAffected=x, policyDetails={"actor": x}
    ),
    "macie archived": lambda x: samples.macie(archived=True, resourcesAffected=x),
    "asff sample": lambda x: samples.asff(Sample=True, Resources=x),
    "asff archived": lambda x: samples.asff(RecordState="ARCHIVED", Resources=x),
    "control suppressed": lambda x: samples.control(Workflow={"Status": "SUPPRESSED"}, Resources=x),
    "ocsf suppressed": lambda x: samples.ocsf(status_id=3, resources=x),
    "ocsf closed": lambda x: samples.ocsf(activity_id=3, resources=x),
}
RESOURCES: tuple[Any, ...] = (
    "nonsense",
    7,
    [7],
    ["x", None],
    {"s3BucketDetails": {}},
    {"s3BucketDetails": [{"name": "a b", "arn": 7}], "instanceDetails": []},
    {"s3Bucket": {"name": "a b"}, "s3Object": []},
    [{"Type": "AwsS3Bucket", "Id": "a b"}, {"Type": 7}],
    [{"type": "AWS::S3::Bucket", "uid": "a b"}, {"type": 7}],
)


@pytest.mark.parametrize("resources", RESOURCES, ids=lambda v: repr(v)[:30])
@pytest.mark.parametrize("name", NOWHERE)
def test_what_leads_nowhere_needs_no_resources(name: str, resources: Any) -> None:
    finding = read(NOWHERE[name](copy.deepcopy(resources)))
    reason = not_ours(finding, QUARANTINE, DEPLOYMENT)
    if name.endswith("sample"):
        assert reason == "a sample finding never leads to a change"
    else:
        assert finding.state in (State.ARCHIVED, State.SUPPRESSED)
        assert reason == f"the finding is {finding.state}"


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=6,
    )
)
@settings(max_examples=100, deadline=None)
def test_any_resource_of_a_sample_is_a_sample(value: Any) -> None:
    event = samples.guardduty(title="[SAMPLE] x", resource=value)
    assert (read(event).id, read(event).sample) == (NATIVE_ID, True)
