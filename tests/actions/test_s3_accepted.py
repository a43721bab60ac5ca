"""What S3 takes of a policy, and what is waited for (B10, B11)."""

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cordon.actions import policy_text
from cordon.actions.s3.accepted import MOST_PUTS, PolicyOf, Refusal
from tests.actions.scenario_s3 import PUBLIC_READ, SHARED, policy, statements
from tests.actions.test_s3_replaced import OWNERS_DENY


class FakeS3:
    """Takes and refuses policies as S3 does: ``refused`` statements, and any error of ``codes``."""

    def __init__(self, refused: set[str], *codes: tuple[str, str]) -> None:
        self.refused, self.codes = refused, list(codes)
        self.taken: list[list[str]] = []
        self.puts = 0

    def put_bucket_policy(self, *, Bucket: str, Policy: str) -> None:
        self.puts += 1
        sids = [str(statement["Sid"]) for statement in statements(Policy)]
        code, message = ("MalformedPolicy", "Invalid principal in policy")
        if self.codes:
            code, message = self.codes.pop(0)
        elif not self.refused & set(sids):
            self.taken.append(sids)
            return
        raise ClientError({"Error": {"Code": code, "Message": message}}, "PutBucketPolicy")


OURS = [{**OWNERS_DENY, "Sid": "Ours"}]


@given(
    st.lists(st.tuples(st.sampled_from(["Allow", "Deny"]), st.booleans()), min_size=1, max_size=25)
)
def test_all_that_s3_takes_is_in_each_deny_first(drawn: list[tuple[str, bool]]) -> None:
    """And it only ever grows, with Cordon's statements in every one."""
    own = [
        {"Sid": str(number), "Effect": effect, "Principal": "*", "Action": "s3:GetObject"}
        for number, (effect, _) in enumerate(drawn, 1)
    ]
    bad = {str(number) for number, (_, is_bad) in enumerate(drawn, 1) if is_bad}
    base, s3 = policy(*own), FakeS3(bad)
    whole = Refusal("MalformedPolicy: Invalid principal in policy")
    accepted = PolicyOf(s3, {"Bucket": "x"}).put_widest(
        base, lambda kept: policy_text.replacement(base, OURS, kept), whole
    )
    good = {n for n in range(1, len(own) + 1) if str(n) not in bad}
    if bad or len(own) > 1:  # of one statement, S3 has just refused the whole
        assert accepted.kept == good
        assert accepted.refused.keys() == {int(sid) for sid in bad}
    allowed = {str(n) for n, s in enumerate(own, 1) if s["Effect"] == "Allow"}
    denying = {str(n) for n in good} - allowed
    for before, after in zip([[], *s3.taken], s3.taken, strict=False):
        assert set(before) <= set(after)
        assert "Ours" in after
        assert not allowed & set(after) or denying <= set(after)
    assert s3.puts <= 2 * len(own)


def test_what_was_not_tried_is_said() -> None:
    own = [{**SHARED, "Sid": str(number)} for number in range(70)]
    base, s3 = policy(*own), FakeS3({str(number) for number in range(0, 70, 2)})
    accepted = PolicyOf(s3, {"Bucket": "x"}).put_widest(
        base, lambda kept: policy_text.replacement(base, OURS, kept), Refusal("no")
    )
    assert s3.puts == MOST_PUTS
    assert accepted.kept | accepted.refused.keys() == set(range(1, 71))
    assert f"was not tried ({MOST_PUTS} puts)" in accepted.reasons(base)


@pytest.mark.parametrize(
    "message",
    [
        "User: x is not authorized to perform: s3:PutBucketPolicy on resource: y with an explicit "
        "deny in a service control policy",
        "User: x is not authorized to perform: s3:PutBucketPolicy on resource: y because no "
        "identity-based policy allows the s3:PutBucketPolicy action",
    ],
)
def test_no_right_to_put_is_tried_once(message: str, waited: list[float]) -> None:
    s3 = FakeS3(set(), ("AccessDenied", message))
    with pytest.raises(ClientError, match="not authorized"):
        PolicyOf(s3, {"Bucket": "x"}).put(policy(SHARED))
    assert (s3.puts, waited) == (1, [])


def test_a_block_that_was_just_lifted_is_waited_for(waited: list[float]) -> None:
    """S3 goes on to refuse for a moment what the account's or the bucket's block refused."""
    message = "public policies are prevented by the BlockPublicPolicy setting"
    s3 = FakeS3(set(), ("AccessDenied", message), ("AccessDenied", message))
    of = PolicyOf(s3, {"Bucket": "x"})
    assert of.put(policy(PUBLIC_READ), block_was_lifted=True) is None
    assert len(waited) == 2
    s3.codes.append(("AccessDenied", message))
    assert of.put(policy(PUBLIC_READ)) is not None
    assert len(waited) == 2


def test_other_errors_rise_as_they_are() -> None:
    s3 = FakeS3(set(), ("SlowDown", "reduce your request rate"))
    with pytest.raises(ClientError, match="SlowDown"):
        PolicyOf(s3, {"Bucket": "x"}).put(policy(SHARED))
