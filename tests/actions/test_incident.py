"""People are told once, in words that do nothing where they are shown."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cordon.actions.incident import (
    BODY,
    SUBJECT,
    OpenIncident,
    escape_markdown,
    escaped_line,
    incident,
    subject,
)
from hypothesis import given
from hypothesis import strategies as st
from moto.sns.models import sns_backends

from cordon.actions.action import ResourceDeleted, Undone
from cordon.clients import AwsClients
from cordon.finding import Place, Principal, Resource, Severity, SeverityLabel
from tests.actions.scenario import PLACE, account, answering
from tests.actions.scenario_incident import BUCKET, OPEN, QUIET, TOPIC, prepare, resolve
from tests.make import DEPLOYMENT, a_finding

HOSTILE = (
    "<script>`x`|y [free](https://evil.example) <!channel> **bold**\n\n=cmd()\n# To do: release"
)
CASE = "0123456789abcdef"


@pytest.fixture
def aws() -> Iterator[AwsClients]:
    with account() as aws:
        prepare(aws)
        yield aws


def told(aws: AwsClients) -> list[Any]:
    """What was published: (message id, message, subject, attributes, group)."""
    backend = sns_backends[PLACE.account][PLACE.region]
    return list(backend.topics[TOPIC].sent_notifications)


def item(aws: AwsClients, number: str) -> dict[str, Any]:
    return dict(aws.client("ssm").get_ops_item(OpsItemId=number)["OpsItem"])


class TestOpenIncident:
    def test_opens_an_ops_item_and_tells_the_topic(self, aws: AwsClients) -> None:
        written = OPEN.apply(aws, OPEN.capture(aws), None)
        opened = item(aws, written["ops_item"])
        assert (opened["Source"], opened["Category"], opened["Severity"]) == (
            "cordon",
            "Security",
            "2",
        )
        assert opened["Title"] == "HIGH: A bucket became public"
        data = {key: entry["Value"] for key, entry in opened["OperationalData"].items()}
        assert json.loads(data["/aws/dedup"]) == {"dedupString": OPEN.dedup}
        assert json.loads(data["/aws/resources"]) == [{"arn": BUCKET}]
        assert data["cordon-case"] == OPEN.dedup
        ((_, message, title, attributes, _),) = told(aws)
        assert title == OPEN.title
        assert message.startswith(written["ops_item"])
        assert OPEN.body in message
        assert {name: said["Value"] for name, said in attributes.items()} == {
            "case": OPEN.dedup,
            "severity": "2",
            "ops_item": written["ops_item"],
        }

    def test_tells_once(self, aws: AwsClients) -> None:
        written = OPEN.apply(aws, OPEN.capture(aws), None)
        assert OPEN.apply(aws, OPEN.capture(aws), written) == written
        assert len(told(aws)) == 1

    def test_a_try_that_died_after_opening_it_finds_it_and_tells(self, aws: AwsClients) -> None:
        silent = QUIET.apply(aws, {}, None)
        written = OPEN.apply(aws, {}, None)
        assert written["ops_item"] == silent["ops_item"]
        assert len(told(aws)) == 1

    def test_does_not_count_as_told_when_the_topic_was_not_reached(self, aws: AwsClients) -> None:
        answering(aws, "sns", "Publish", lambda _: "AuthorizationError")
        with pytest.raises(ClientError, match="AuthorizationError"):
            OPEN.apply(aws, {}, None)

    def test_without_a_topic(self, aws: AwsClients) -> None:
        written = QUIET.apply(aws, {}, None)
        assert written["published"] is None
        assert told(aws) == []

    def test_a_resolved_incident_is_opened_again_while_its_case_holds(
        self, aws: AwsClients
    ) -> None:
        written = OPEN.apply(aws, {}, None)
        resolve(aws)
        assert OPEN.apply(aws, {}, written) == written
        assert item(aws, written["ops_item"])["Status"] == "Open"
        assert len(told(aws)) == 1

    def test_undo_resolves_it(self, aws: AwsClients) -> None:
        written = OPEN.apply(aws, {}, None)
        OPEN.undo(aws, {}, written)
        assert item(aws, written["ops_item"])["Status"] == "Resolved"

    def test_gone(self, aws: AwsClients) -> None:
        written = {"ops_item": "oi-000000000000", "published": None}
        with pytest.raises(ResourceDeleted, match="oi-000000000000"):
            OPEN.verify(aws, {}, written)
        with pytest.raises(ResourceDeleted):
            OPEN.apply(aws, {}, written)
        assert OPEN.undo(aws, {}, written).state is Undone.RESOURCE_DELETED

    def test_other_errors_rise(self, aws: AwsClients) -> None:
        answering(aws, "ssm", "CreateOpsItem", lambda _: "OpsItemLimitExceededException")
        with pytest.raises(ClientError, match="OpsItemLimitExceededException"):
            OPEN.apply(aws, {}, None)

    def test_escapes_at_the_sink_whoever_wrote_it(self, aws: AwsClients) -> None:
        action = replace(OPEN, title=HOSTILE, body=HOSTILE)
        opened = item(aws, action.apply(aws, {}, None)["ops_item"])
        ((_, message, title, *_),) = told(aws)
        for text in (opened["Title"], opened["Description"], message, title):
            assert not acts(text)
        assert "\n" not in opened["Title"] + title

    def test_fits_however_much_there_is_to_say(self, aws: AwsClients) -> None:
        arns = tuple(f"arn:aws:s3:::{i:0900d}" for i in range(150))
        action = replace(OPEN, title="t" * 5000, body="b" * 9000, resources=arns)
        opened = item(aws, action.apply(aws, {}, None)["ops_item"])
        assert (len(opened["Title"]), len(opened["Description"])) == (1024, 2048)
        assert opened["Description"].endswith("…")
        related = json.loads(opened["OperationalData"]["/aws/resources"]["Value"])
        assert related == [{"arn": arn} for arn in arns[: len(related)]]
        assert 15 < len(related) < 100

    def test_no_more_resources_than_an_ops_item_takes(self, aws: AwsClients) -> None:
        arns = tuple(f"arn:aws:s3:::b{i}" for i in range(150))
        opened = item(aws, replace(OPEN, resources=arns).apply(aws, {}, None)["ops_item"])
        assert len(json.loads(opened["OperationalData"]["/aws/resources"]["Value"])) == 100

    @pytest.mark.parametrize(
        "change",
        [
            {"dedup": ""},
            {"dedup": 'a"b'},
            {"dedup": "x" * 65},
            {"severity": "0"},
            {"severity": "5"},
            {"severity": "HIGH"},
            {"topic": "cordon"},
            {"topic": TOPIC + "\n"},
            {"title": ""},
            {"title": " \u202e "},
            {"body": "\n"},
        ],
    )
    def test_nothing_unvalidated_is_said(self, change: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(change))):
            replace(OPEN, **change)


def acts(text: str) -> bool:
    """Whether Markdown, chat, mail or a spreadsheet would act upon the text."""
    return (
        any(sign in text for sign in "<>`|[]*")
        or "http:" in text.lower()
        or "https:" in text.lower()
        or any(line.lstrip().startswith(("=", "+", "-", "@", "#")) for line in text.split("\n"))
    )


ANY_TEXT = st.text(max_size=80) | st.text(
    alphabet="<>`|[]()*=+-@#!\n\t htps:/w.\\'\u202e", max_size=80
)


class TestEscape:
    @given(ANY_TEXT)
    def test_shows_and_does_nothing(self, text: str) -> None:
        escaped = escape_markdown(text, 99)
        assert not acts(escaped)
        assert len(escaped) <= 99
        assert all(c == "\n" or c.isprintable() or c.isspace() for c in escaped)

    @given(ANY_TEXT)
    def test_twice_is_once(self, text: str) -> None:
        once = escape_markdown(text, 500)
        assert escape_markdown(once, 500) == once
        assert escaped_line(escaped_line(text, 500), 500) == escaped_line(text, 500)

    @given(ANY_TEXT)
    def test_one_line_is_one_line(self, text: str) -> None:
        line = escaped_line(text, 60)
        assert len(line) <= 60
        assert len(line.splitlines()) <= 1
        assert not acts(line)

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("training-data_2026.csv", "training-data_2026.csv"),
            ("arn:aws:s3:::a/b", "arn:aws:s3:::a/b"),
            ("HTTPS://evil.example", "HxxPS://evil.example"),
            ("see www.evil.example", "see www․evil.example"),
            ("  =1+1", "'  =1+1"),
            ("a\u202eb\x00c\x1b[31m", "abc⟦31m"),
            ("Ü ж 漢 😀", "Ü ж 漢 😀"),
        ],
    )
    def test_keeps_what_is_harmless(self, text: str, shown: str) -> None:
        assert escape_markdown(text, 99) == shown

    @given(ANY_TEXT)
    def test_a_subject_is_what_sns_takes(self, text: str) -> None:
        title = subject(text)
        assert 0 < len(title) <= SUBJECT < 100
        assert title.isascii()
        assert title.isprintable()
        assert title[0] != " "


class TestIncident:
    def built(self, **changes: Any) -> OpenIncident:
        return incident(a_finding(**changes), CASE, DEPLOYMENT, manual_step="Close the bucket.")

    def test_says_what_happened_where_and_what_to_do(self) -> None:
        action = self.built()
        assert action.title == "HIGH: A bucket became public"
        said = dict(part.split(": ", 1) for part in action.body.split("\n\n"))
        assert said == {
            "What happened": "A bucket became public"
            " (guardduty:Policy:S3/BucketAnonymousAccessGranted)",
            "Severity": "HIGH, at its source 8.0",
            "Last seen": "2026-11-24T12:00:00Z, first 2026-11-24T12:00:00Z",
            "Where": "account 111122223333, eu-central-1",
            "Resource": "arn:aws:s3:::training-data",
            "To do": "Close the bucket.",
            "To release": f'run "cordon release {CASE}", or leave it contained',
            "Case": CASE,
            "Finding": "arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f",
            "Details": "Anybody can read it.",
        }
        assert action.resources == ("arn:aws:s3:::training-data",)
        assert action.dedup == CASE

    @pytest.mark.parametrize(
        ("label", "severity"),
        [
            (SeverityLabel.CRITICAL, "1"),
            (SeverityLabel.HIGH, "2"),
            (SeverityLabel.MEDIUM, "3"),
            (SeverityLabel.LOW, "4"),
            (SeverityLabel.INFORMATIONAL, "4"),
        ],
    )
    def test_is_as_severe_as_the_finding(self, label: SeverityLabel, severity: str) -> None:
        assert self.built(severity=Severity("x", label, 1)).severity == severity

    def test_is_opened_where_the_people_are(self) -> None:
        """The finding of a member account is filed with the deployment's topic."""
        action = self.built(place=Place("aws", "444455556666", "us-west-2"))
        assert action.place == Place("aws", "111122223333", "eu-central-1")
        assert action.topic == DEPLOYMENT.topic
        assert "444455556666" in action.body

    def test_names_whose_credentials_it_was(self) -> None:
        who = Principal("IAMUser", "ada", access_key_id="AKIAI44QH8DHBEXAMPLE")
        assert "By: IAMUser ada AKIAI44QH8DHBEXAMPLE" in self.built(principal=who).body

    def test_counts_the_resources_it_does_not_name(self) -> None:
        place = a_finding().place
        many = tuple(Resource("Other", f"key-{i}", place) for i in range(9))
        action = self.built(resources=many)
        assert "Resource: Other key-0, Other key-1, Other key-2 and 6 more" in action.body
        assert action.resources == ()

    def test_a_hostile_finding_only_shows(self) -> None:
        place = a_finding().place
        action = self.built(
            id=HOSTILE,
            type=HOSTILE,
            title=HOSTILE,
            description=HOSTILE,
            severity=Severity(HOSTILE, SeverityLabel.LOW, 1),
            principal=Principal(HOSTILE, HOSTILE, access_key_id=HOSTILE),
            resources=(Resource(HOSTILE, HOSTILE, place),),
        )
        assert not acts(action.body)
        assert not acts(action.title)
        lines = action.body.split("\n\n")
        assert [line.split(":")[0] for line in lines].count("To do") == 1
        assert "\n" not in "".join(lines)

    @given(st.integers(1, 5000))
    def test_long_text_pushes_nothing_out(self, length: int) -> None:
        place = a_finding().place
        long = "x" * length
        action = incident(
            a_finding(
                id=long,
                title=long,
                description=long,
                principal=Principal(long, long),
                resources=tuple(Resource("Other", f"{long}{i}", place) for i in range(9)),
            ),
            CASE,
            DEPLOYMENT,
            manual_step="Close it." + long,
        )
        assert len(action.body) <= BODY
        for must in ("To do: Close it.", f"cordon release {CASE}", "Finding: ", "Details: "):
            assert must in action.body

    def test_of_one_case_the_more_severe_is_kept(self) -> None:
        low, high = self.built(severity=Severity("1", SeverityLabel.LOW, 1)), self.built()
        assert low.combine(high) == high.combine(low) == high
