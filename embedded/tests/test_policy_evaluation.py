"""IAM's decisions, case by case, after the IAM user guide's reference for policy elements."""

from typing import Any

import pytest

from embedded.policy_evaluation import Decision, Document, Policies, Request, decide

ROLE = "arn:aws:iam::111122223333:role/example/block"
BUCKET = "arn:aws:s3:::data"
ALLOWED, DENIED, NOT = Decision.ALLOWED, Decision.DENIED, Decision.NOT_ALLOWED


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def ask(
    *statements: dict[str, Any],
    action: str = "s3:GetObject",
    context: dict[str, Any] | None = None,
    **policies: Any,
) -> Decision:
    request = Request(ROLE, action, f"{BUCKET}/a/b", context or {})
    found = decide(request, Policies(identity=[policy(*statements)], **policies))
    document = Document(policy(*statements))
    for _ in range(2):  # looked through, and known
        assert decide(request, Policies(identity=[document], **policies)) is found
    return found


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], NOT),
        ([allow()], ALLOWED),
        ([allow(), deny()], DENIED),
        ([deny(), allow()], DENIED),
        ([allow("s3:getobject")], ALLOWED),
        ([allow("s3:Get*")], ALLOWED),
        ([allow("s3:Get?bject")], ALLOWED),
        ([allow("*")], ALLOWED),
        ([allow("s3:Put*")], NOT),
        ([allow(["s3:PutObject", "s3:GetObject"])], ALLOWED),
        ([allow(resource=f"{BUCKET}/*")], ALLOWED),
        ([allow(resource=BUCKET)], NOT),
        ([allow(resource=f"{BUCKET}/A/b")], NOT),
        ([allow(resource=[BUCKET, f"{BUCKET}/a/?"])], ALLOWED),
        ([{"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}], ALLOWED),
        ([{"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"}], NOT),
        ([{"Effect": "Allow", "Action": "*", "NotResource": f"{BUCKET}/*"}], NOT),
        ([{"Effect": "Allow", "Action": "*", "NotResource": f"{BUCKET}/c*"}], ALLOWED),
        ([allow(), {"Effect": "Deny", "NotAction": ["s3:Get*"], "Resource": "*"}], ALLOWED),
        ([allow("*"), {"Effect": "Deny", "NotAction": ["s3:Put*"], "Resource": "*"}], DENIED),
    ],
)
def test_statements_decide(statements: list[dict[str, Any]], expected: Decision) -> None:
    assert ask(*statements) is expected


CONDITIONS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"StringEquals": {"k": "a"}}, {"k": "a"}, True),
    ({"StringEquals": {"k": "a"}}, {"k": "A"}, False),
    ({"StringEquals": {"K": "a"}}, {"k": "a"}, True),  # keys are not case-sensitive
    ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
    ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a", "l": "c"}, False),
    ({"StringEquals": {"k": "a"}}, {}, False),
    ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
    ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
    ({"StringNotEquals": {"k": "a"}}, {}, True),
    ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
    ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "c"}, True),
    ({"StringEqualsIgnoreCase": {"k": "a"}}, {"k": "A"}, True),
    ({"StringLike": {"k": "a*"}}, {"k": "abc"}, True),
    ({"StringLike": {"k": "a*"}}, {"k": "ba"}, False),
    ({"StringNotLike": {"k": "a*"}}, {"k": "abc"}, False),
    ({"ArnLike": {"k": "arn:aws:iam::*:role/x/*"}}, {"k": "arn:aws:iam::1:role/x/y"}, True),
    ({"ArnLike": {"k": "arn:aws:*:role/x/*"}}, {"k": "arn:aws:iam::1:role/x/y"}, False),
    ({"ArnNotLike": {"k": "arn:aws:iam::*:role/x/*"}}, {"k": "arn:aws:iam::1:role/z"}, True),
    ({"ArnNotLike": {"k": ["arn:aws:iam::1:role/*", "arn:aws:iam::2:role/*"]}},
     {"k": "arn:aws:iam::2:role/z"}, False),
    ({"ArnEquals": {"k": "arn:aws:sns:*:1:t"}}, {"k": "arn:aws:sns:eu-1:1:t"}, True),
    ({"Bool": {"k": "true"}}, {"k": "true"}, True),
    ({"Bool": {"k": True}}, {"k": "true"}, True),
    ({"Bool": {"k": "false"}}, {}, False),
    ({"BoolIfExists": {"k": "false"}}, {}, True),
    ({"Null": {"k": "true"}}, {}, True),
    ({"Null": {"k": "true"}}, {"k": "x"}, False),
    ({"Null": {"k": False}}, {"k": "x"}, True),
    ({"NumericLessThan": {"k": "10"}}, {"k": "9.5"}, True),
    ({"NumericLessThanEquals": {"k": "10"}}, {"k": "10"}, True),
    ({"NumericGreaterThan": {"k": "10"}}, {"k": "10"}, False),
    ({"NumericGreaterThanEquals": {"k": "10"}}, {"k": "10"}, True),
    ({"NumericEquals": {"k": "1"}}, {"k": "1.0"}, True),
    ({"NumericNotEquals": {"k": "1"}}, {"k": "2"}, True),
    ({"DateLessThan": {"k": "2026-11-24T06:00:00Z"}}, {"k": "2026-11-24T05:59:59Z"}, True),
    ({"DateLessThan": {"k": "2026-11-24T06:00:00Z"}}, {"k": "2026-11-24T06:00:00Z"}, False),
    ({"DateLessThanEquals": {"k": "2026-11-24"}}, {"k": "2026-11-24T00:00:00Z"}, True),
    ({"DateGreaterThan": {"k": "2026-11-24T06:00:00+02:00"}}, {"k": "2026-11-24T05:00:00Z"}, True),
    ({"DateGreaterThanEquals": {"k": "1795500000"}}, {"k": "2026-11-24T06:00:00Z"}, True),
    ({"DateNotEquals": {"k": "2026-11-24T06:00:00Z"}}, {"k": "2026-11-24T06:00:00Z"}, False),
    ({"IpAddress": {"k": "203.0.113.0/24"}}, {"k": "203.0.113.9"}, True),
    ({"IpAddress": {"k": "203.0.113.9"}}, {"k": "203.0.113.9"}, True),
    ({"NotIpAddress": {"k": ["203.0.113.0/24", "198.51.100.0/24"]}}, {"k": "198.51.100.7"}, False),
    ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "b"]}, True),
    ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "c"]}, False),
    ({"ForAllValues:StringEquals": {"k": ["a"]}}, {}, True),
    ({"ForAllValues:StringLike": {"k": ["example:*"]}}, {"k": ["example:case", "x"]}, False),
    ({"ForAnyValue:StringEquals": {"k": ["a"]}}, {"k": ["c", "a"]}, True),
    ({"ForAnyValue:StringEquals": {"k": ["a"]}}, {"k": ["c"]}, False),
    ({"ForAnyValue:StringEquals": {"k": ["a"]}}, {}, False),
    ({"ForAnyValue:StringNotEquals": {"k": ["a"]}}, {"k": ["a", "b"]}, True),
    ({"ForAllValues:StringNotEquals": {"k": ["a"]}}, {"k": ["a", "b"]}, False),
    ({"StringEquals": {"k": "${aws:username}"}}, {"k": "eve", "aws:username": "eve"}, True),
    ({"StringEquals": {"k": "${aws:username}"}}, {"k": "eve"}, False),
    ({"StringEquals": {"k": "${aws:username, 'eve'}"}}, {"k": "eve"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "context", "holds"), CONDITIONS)
def test_conditions_decide(condition: dict[str, Any], context: dict[str, Any], holds: bool) -> None:
    assert ask(allow(Condition=condition), context=context) is (ALLOWED if holds else NOT)


def test_a_document_is_known_by_effect_and_action() -> None:
    document = Document(policy(allow("s3:Get*"), deny("s3:GetObjectTagging"), deny("s3:Put*")))
    for _ in range(2):
        for action, expected in (
            ("s3:GetObject", ALLOWED),
            ("s3:GetObjectTagging", DENIED),
            ("s3:PutObject", DENIED),
            ("s3:ListBucket", NOT),
        ):
            request = Request(ROLE, action, BUCKET)
            assert decide(request, Policies(identity=[document])) is expected


def test_unknown_condition_operator_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown condition operator: StringIs"):
        ask(allow(Condition={"StringIs": {"k": "a"}}), context={"k": "a"})


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (f"{BUCKET}/${{aws:username}}/*", ALLOWED),
        (f"{BUCKET}/${{aws:PrincipalTag/none}}/*", NOT),
        (f"{BUCKET}/${{*}}", NOT),
    ],
)
def test_policy_variables_are_resolved(resource: str, expected: Decision) -> None:
    assert ask(allow(resource=resource), context={"aws:username": "a"}) is expected


def test_a_variable_is_not_a_wildcard() -> None:
    assert (
        ask(allow(resource=f"{BUCKET}/${{aws:username}}/b"), context={"aws:username": "*"}) is NOT
    )


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ({"boundary": [policy(allow("s3:Get*"))]}, ALLOWED),
        ({"boundary": [policy(allow("s3:Put*"))]}, NOT),
        ({"boundary": []}, NOT),
        ({"boundary": [policy(allow("*"), deny("s3:Get*"))]}, DENIED),
        ({"session": [policy(allow("s3:Put*"))]}, NOT),
        ({"session": [policy(allow("s3:Get*"))]}, ALLOWED),
        ({"control": [[policy(allow("*"))], [policy(allow("s3:*"))]]}, ALLOWED),
        ({"control": [[policy(allow("*"))], [policy(allow("ec2:*"))]]}, NOT),
        ({"resource": [policy({**deny(), "Principal": "*"})]}, DENIED),
        ({"resource": [policy({**deny(), "Principal": {"AWS": ROLE}})]}, DENIED),
        ({"resource": [policy({**deny(), "Principal": {"AWS": f"{ROLE}2"}})]}, ALLOWED),
        ({"resource": [policy({**deny(), "NotPrincipal": {"AWS": ROLE}})]}, ALLOWED),
        ({"same_account": False}, NOT),
        ({"same_account": False, "resource": [policy({**allow(), "Principal": "*"})]}, ALLOWED),
    ],
)
def test_boundaries_and_sessions_limit(policies: dict[str, Any], expected: Decision) -> None:
    assert ask(allow(), **policies) is expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", ALLOWED),
        ({"AWS": "*"}, ALLOWED),
        ({"AWS": ROLE}, ALLOWED),
        ({"AWS": "111122223333"}, ALLOWED),
        ({"AWS": "arn:aws:iam::111122223333:root"}, ALLOWED),
        ({"AWS": ["arn:aws:iam::999999999999:root", ROLE]}, ALLOWED),
        ({"AWS": "arn:aws:iam::999999999999:root"}, NOT),
        ({"Service": "lambda.amazonaws.com"}, NOT),
    ],
)
def test_a_resource_policy_suffices_at_home(principal: Any, expected: Decision) -> None:
    granted = policy({**allow(), "Principal": principal})
    request = Request(ROLE, "s3:GetObject", f"{BUCKET}/a/b")
    assert decide(request, Policies(identity=[], resource=[granted])) is expected


def test_a_service_is_a_principal() -> None:
    granted = policy({**allow("sqs:SendMessage"), "Principal": {"Service": "events.amazonaws.com"}})
    request = Request("events.amazonaws.com", "sqs:SendMessage", "arn:aws:sqs:eu-1:1:q")
    assert decide(request, Policies(identity=[], resource=[granted])) is ALLOWED
