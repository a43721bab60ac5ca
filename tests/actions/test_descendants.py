"""What a bucket's lineage leads to is tagged and untagged: many of it, and what cannot be."""

import pytest

from cordon import clock
from cordon.actions import NotYet, Refused, Undone, tag_found
from cordon.actions.descendants import TagDescendants
from cordon.actions.tag_found import MOST_SAID
from cordon.clients import AwsClients
from embedded import backends
from embedded.backends import customization, lineage, tags
from tests.actions.scenario import PLACE, stub
from tests.actions.scenario_lineage import BASE, HERE, MODEL, TAG, bucket, made, read

MOST_WRITES = 10  # so that its readings take two turns
MANY = 2 * MOST_WRITES + 1  # with the bucket one more


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round of 48 takes seconds here."""
    monkeypatch.setattr(tag_found, "MOST_WRITES", MOST_WRITES)


def many(aws: AwsClients) -> list[str]:
    bucket(aws)
    uri = f"s3://{TAG.bucket}/weights"
    return [customization.imported(f"{n:012}", HERE, reads=uri) for n in range(MANY)]


def tagged(arns: list[str]) -> int:
    return sum(TAG.key in tags.read(tags.service_of(arn), arn, HERE) for arn in arns)


def test_many_are_tagged_and_untagged_in_rounds(aws: AwsClients) -> None:
    models = many(aws)
    captured = TAG.capture(aws)
    seen = []
    for _ in range(2):
        with pytest.raises(NotYet):
            TAG.apply(aws, captured, None)
        seen.append(tagged(models))
    written = TAG.apply(aws, captured, None)
    assert [*seen, tagged(models)] == [MOST_WRITES - 1, 2 * MOST_WRITES - 1, MANY]
    TAG.verify(aws, captured, written)
    backends.forget(models[0], HERE)
    person = models[1]
    tags.add(tags.service_of(person), person, HERE, {TAG.key: "mine"})
    with pytest.raises(NotYet):
        TAG.undo(aws, captured, written)
    assert tagged(models[1:]) == MANY - MOST_WRITES  # the bucket was the first of them
    undone = TAG.undo(aws, captured, written)
    assert (undone.state, tagged(models[1:])) == (Undone.DRIFTED, 1)
    assert person in undone.reason
    assert len(TAG.note(written)) <= MOST_SAID


def test_many_that_are_deleted_cost_one_pause(
    aws: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each had one of its own, and the others no time: an attempt has 45 seconds."""
    models = many(aws)
    pauses: list[float] = []
    monkeypatch.setattr(clock, "sleep", pauses.append)
    stub(aws, "bedrock", "ListTagsForResource", lambda _: "ResourceNotFoundException")
    nodes = TAG.capture(aws)["nodes"]
    assert sum(node.get("deleted", False) for node in nodes) == len(models)
    assert pauses == [tag_found.LOOK_AGAIN]


def test_what_a_first_reading_did_not_find_is_tagged(
    aws: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = many(aws)
    real, old = TagDescendants._with_tag, {models[0], models[5]}

    def with_tag(action: TagDescendants, aws: AwsClients, node: tag_found.Node) -> tag_found.Node:
        if node["arn"] not in old:
            return real(action, aws, node)
        old.remove(node["arn"])
        return {**node, "left": "it no longer exists", "deleted": True}

    monkeypatch.setattr(TagDescendants, "_with_tag", with_tag)
    assert all("before" in node for node in TAG.capture(aws)["nodes"])


def test_release_of_what_was_tagged_in_part_does_not_pass_for_untouched(aws: AwsClients) -> None:
    many(aws)
    captured = TAG.capture(aws)
    assert TAG.is_as_captured(aws, captured)
    with pytest.raises(NotYet):
        TAG.apply(aws, captured, None)
    assert not TAG.is_as_captured(aws, captured)


def test_people_read_each_path_and_what_is_not_known(aws: AwsClients) -> None:
    made(aws)
    abroad = "arn:aws:sagemaker:eu-west-1:123456789012:artifact/far"
    lineage.made_of(PLACE.arn("sagemaker", "artifact/m1"), abroad, HERE)
    stub(aws, "bedrock", "ListImportedModels", lambda _: "AccessDeniedException")
    stub(aws, "bedrock-agent", "ListTagsForResource", lambda _: "AccessDeniedException")
    captured = TAG.capture(aws)
    said = TAG.note(TAG.apply(aws, captured, None))
    assert f"{TAG.bucket} → artifact/d1 → model/scorer → artifact/far" in said
    assert "knowledge-base/KBAAAAAAAA (ListTagsForResource: access is denied)" in said
    assert "not read: ListImportedModels: access is denied" in said
    assert "it is of another account or Region" in said
    assert TAG.key in read(aws)[MODEL]
    assert TAG.key not in read(aws)[BASE]


def test_deleted_bucket_keeps_nothing_from_being_tagged_and_untagged(aws: AwsClients) -> None:
    made(aws)
    captured = TAG.capture(aws)
    written = TAG.apply(aws, captured, None)
    aws.client("s3").delete_bucket(Bucket=TAG.bucket)
    TAG.verify(aws, captured, written)
    undone = TAG.undo(aws, captured, written)
    TAG.verify_undone(aws, undone.left or {})
    assert undone.state is Undone.RESTORED
    assert TAG.key not in tags.read(tags.service_of(MODEL), MODEL, HERE)


def test_bucket_whose_tags_may_not_be_read_is_not_called_deleted(aws: AwsClients) -> None:
    bucket(aws)
    stub(aws, "s3control", "ListTagsForResource", lambda _: "AccessDenied")
    with pytest.raises(Refused, match="ListTagsForResource: access is denied"):
        TAG.capture(aws)


def test_two_buckets_have_a_tag_each_on_what_both_lead_to(aws: AwsClients) -> None:
    made(aws)
    other = TagDescendants(PLACE, "acme-more-data", TAG.cases)
    aws.client("s3").create_bucket(Bucket=other.bucket)
    data = lineage.entity("artifact/d2", "DataSet", f"s3://{other.bucket}/train/", HERE)
    lineage.made_of(data, PLACE.arn("sagemaker", "artifact/m1"), HERE)
    held = [(one, one.capture(aws)) for one in (TAG, other)]
    written = [one.apply(aws, captured, None) for one, captured in held]
    assert {TAG.key, other.key} < read(aws)[MODEL].keys()
    TAG.undo(aws, held[0][1], written[0])
    assert TAG.key not in read(aws)[MODEL]
    other.verify(aws, held[1][1], written[1])
