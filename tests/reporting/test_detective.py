"""The link to Detective: only where the operator says so, and never with hostile text in it."""

from dataclasses import replace

import pytest

from cordon.finding import Place
from cordon.reporting.detective import link
from cordon.reporting.incident import BODY, description
from tests.make import a_finding
from tests.reporting.cases import a_case
from tests.reporting.people import People

THREAT = a_finding(id="1f24000b1cc2ae1cc7c4128585102754")
URL = (
    "https://console.aws.amazon.com/detective/home?region=eu-central-1"
    "#findings/GuardDuty/1f24000b1cc2ae1cc7c4128585102754"
)


def test_a_threat_has_its_overview_by_its_id_or_its_arn() -> None:
    assert link(THREAT) == URL
    assert link(replace(THREAT, id=f"arn:aws:guardduty:a:b:detector/d/finding/{THREAT.id}")) == URL


@pytest.mark.parametrize(
    "other",
    [
        replace(THREAT, source="macie"),
        replace(THREAT, id="x](https://evil.example)"),
        replace(THREAT, id="?scopeStart=1"),
        replace(THREAT, place=Place("aws-cn", "111122223333", "cn-north-1")),
        replace(THREAT, place=Place("aws", "111122223333", "eu-central-1#x")),
    ],
)
def test_what_detective_has_no_page_for_has_no_link(other: object) -> None:
    assert link(other) == ""  # type: ignore[arg-type]


def test_incident_and_message_have_it_where_the_operator_says_so(seen: People) -> None:
    case = a_case(finding=THREAT)
    without = seen.show(case)
    seen.deployment = replace(seen.deployment, detective=True)
    shown = seen.show(case)
    assert shown.incident != without.incident
    (item,) = seen.items()
    assert item["Description"].endswith(f"Detective, if its graph has this finding: {URL}")
    (message,) = seen.messages()  # the one from before: it is not repeated
    assert "Detective" not in message[1]


def test_a_new_message_ends_with_it(seen: People) -> None:
    seen.deployment = replace(seen.deployment, detective=True)
    seen.show(a_case(finding=THREAT))
    (message,) = seen.messages()
    assert message[1].endswith(URL)


def test_a_long_text_is_cut_before_it() -> None:
    case = a_case(finding=THREAT)
    shown = description("\n".join(["x" * 99] * 50), case, f"\n\n{URL}")
    assert len(shown) <= BODY and shown.endswith(URL) and "This text is cut" in shown
