"""What an auditor finds has a reason, and a reason has what it is for."""

import json
from pathlib import Path

from tests.auditors.accepted import differences

REASON = "because it is so, and nothing else"


def test_what_is_found_and_has_no_reason_is_said() -> None:
    found = {"checkov": ["A: CKV_1: x", "B: CKV_2: y"]}
    assert list(differences(found, {"checkov": {"*: CKV_1: *": REASON}})) == [
        "checkov: not accepted: B: CKV_2: y"
    ]


def test_reason_that_nothing_needs_is_said() -> None:
    assert list(differences({"checkov": []}, {"checkov": {"*: CKV_1: *": REASON}})) == [
        "checkov: nothing needs the reason for *: CKV_1: *"
    ]


def test_reason_that_is_none_is_said() -> None:
    said = list(differences({"checkov": ["A: CKV_1: x"]}, {"checkov": {"*": ""}}))
    assert said == ["checkov: no reason for *"]


def test_no_reason_accepts_everything() -> None:
    accepted = json.loads(Path(__file__).with_name("accepted.json").read_text())
    for reasons in accepted.values():
        assert not [pattern for pattern in reasons if len(pattern.replace("*", "")) < 10]
