"""An incident people see: one OpsItem, and one message to the topic.

OpsCenter shows descriptions as Markdown, and topics lead to mail, chat and spreadsheets, while the
text of a finding is hostile. ``escape_markdown`` therefore puts look-alikes in place of whatever
one of these would act upon; it changes no length but for a leading sign.

captured  ``{"ops_item": None}``: an incident has no before
wrote     ``{"ops_item": "oi-…", "published": message id | None}``
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError

from cordon.actions.action import Action, Json, NotVerified, ResourceDeleted, Undone, UndoResult
from cordon.clients import AwsClients
from cordon.clock import to_iso
from cordon.finding import ARN, Finding, Place, SeverityLabel
from cordon.settings import Deployment

# Limits of CreateOpsItem and Publish, in characters (AWS Systems Manager and SNS API references)
TITLE = 1024
BODY = 2048
SUBJECT = 99
RESOURCES = 100  # related resources of one OpsItem
RESOURCES_BYTES = 20_000  # one value of operational data
SOURCE = "cordon"  # may not contain aws, amazon or amzn
CASE = "cordon-case"  # our key in an OpsItem's operational data

CLOSED = ("Resolved", "Closed")
SEVERITY = {SeverityLabel.CRITICAL: "1", SeverityLabel.HIGH: "2", SeverityLabel.MEDIUM: "3"}
LOWEST = "4"
_DEDUP = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_LOOK_ALIKES = str.maketrans(dict(zip("<>`|[]*\\", "‹›´¦⟦⟧∗∖", strict=True)))
_LINK = re.compile(r"(?i)(?<=h)tt(?=ps?:)")  # hxxp: the security trade's own spelling
_WWW = re.compile(r"(?i)(?<=www)\.")
_ACTS_FIRST = ("=", "+", "-", "@", "#", "!")  # formulas of spreadsheets, headings, lists, mentions
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")  # Unicode general categories


def escape_markdown(text: str, limit: int) -> str:
    """Text that Markdown, chat and spreadsheets show as it stands; at most ``limit`` characters.

    Keeps line breaks; takes out other control and direction-changing characters. Applied twice it
    changes nothing more.

    >>> escape_markdown("<!channel> [free](https://x.example)", 99)
    '‹!channel› ⟦free⟧(hxxps://x.example)'
    >>> escape_markdown("=cmd()", 99)
    "'=cmd()"
    """
    return truncate("\n".join(_lines(text)), limit)


def escaped_line(text: str, limit: int) -> str:
    """Escaped text on one line, so that it cannot pass for a line of ours."""
    return truncate(" ".join(" ".join(_lines(text)).split()), limit)


def truncate(text: str, limit: int) -> str:
    """At most ``limit`` characters; an ellipsis says that there was more."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _lines(text: str) -> list[str]:
    return [_escaped(_printable(line)) for line in text.split("\n")]


def _printable(line: str) -> str:
    """Without control, format, surrogate and unassigned characters, and line separators."""
    spaced = line.replace("\t", " ")
    return "".join(c for c in spaced if unicodedata.category(c) not in _UNSEEN)


def _escaped(line: str) -> str:
    quiet = _WWW.sub("․", _LINK.sub("xx", line.translate(_LOOK_ALIKES)))
    return f"'{quiet}" if quiet.lstrip().startswith(_ACTS_FIRST) else quiet


@dataclass(frozen=True)
class OpenIncident(Action):
    """Open an incident in OpsCenter and tell the topic, once.

    OpsCenter itself refuses a second open OpsItem of one ``dedup`` and names the first, so a try
    that died after creating it finds it again, and then publishes. ``title`` and ``body`` are plain
    text and are escaped here, at the sink, whoever wrote them.
    """

    dedup: str  # the case id
    title: str
    body: str
    severity: str  # "1" critical … "4" low
    topic: str = ""  # SNS topic ARN, "" for none
    resources: tuple[str, ...] = ()  # related ARNs

    permissions: ClassVar[tuple[str, ...]] = (
        "sns:Publish",
        "ssm:CreateOpsItem",
        "ssm:GetOpsItem",
        "ssm:UpdateOpsItem",
    )
    tells: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not _DEDUP.fullmatch(self.dedup):
            raise ValueError(f"dedup: not an id: {self.dedup[:64]!r}")
        if self.severity not in (*SEVERITY.values(), LOWEST):
            raise ValueError(f"severity: not 1 to 4: {self.severity[:8]!r}")
        if self.topic and not _TOPIC.fullmatch(self.topic):
            raise ValueError(f"topic: not a topic ARN: {self.topic[:256]!r}")
        if not escaped_line(self.title, TITLE) or not escaped_line(self.body, BODY):
            raise ValueError("title and body: an incident says something")

    @property
    def target(self) -> str:
        return f"incident:{self.place.account}:{self.place.region}:{self.dedup}"

    @property
    def resource(self) -> str:
        return ""

    def capture(self, aws: AwsClients) -> Json:
        return {"ops_item": None}

    def combine(self, other: Self) -> Self:
        """The more severe of two; one case has one incident."""
        return min(self, other, key=lambda one: (one.severity, repr(one)))

    def apply(self, aws: AwsClients, captured: Json, written: Json | None) -> Json:
        """Told once. Where a person resolved it while its case still holds, it is opened again."""
        if written:
            if self._item(aws, written)["Status"] in CLOSED:
                aws.client("ssm").update_ops_item(OpsItemId=written["ops_item"], Status="Open")
            return written
        ops_item = self._open(aws.client("ssm"))
        published = self._publish(aws.client("sns"), ops_item) if self.topic else None
        return {"ops_item": ops_item, "published": published}

    def verify(self, aws: AwsClients, captured: Json, written: Json) -> None:
        item = self._item(aws, written)
        case = item.get("OperationalData", {}).get(CASE, {}).get("Value")
        if (item["Source"], case) != (SOURCE, self.dedup):
            raise NotVerified(f"{written['ops_item']}: is not the incident of {self.dedup}")
        if item["Status"] in CLOSED:
            raise NotVerified(f"{written['ops_item']}: is {item['Status']}")

    def undo(self, aws: AwsClients, captured: Json, written: Json) -> UndoResult:
        try:
            if self._item(aws, written)["Status"] not in CLOSED:
                aws.client("ssm").update_ops_item(OpsItemId=written["ops_item"], Status="Resolved")
        except ResourceDeleted as gone:
            return UndoResult(Undone.GONE, str(gone))
        return UndoResult(Undone.RESTORED)

    def _open(self, ssm: Any) -> str:
        try:
            answer = ssm.create_ops_item(
                Title=escaped_line(self.title, TITLE),
                Description=escape_markdown(self.body, BODY),
                Source=SOURCE,
                Category="Security",
                Severity=self.severity,
                OperationalData=self._operational_data(),
            )
        except ClientError as error:
            said: dict[str, Any] = {**error.response}
            if said["Error"]["Code"] == "OpsItemAlreadyExistsException":
                return str(said["OpsItemId"])
            raise
        return str(answer["OpsItemId"])

    def _publish(self, sns: Any, ops_item: str) -> str:
        """Plain text; the incident's number stands first, for those who cut the rest."""
        message = f"{ops_item}\n\n{escape_markdown(self.body, BODY)}"
        said = {"case": self.dedup, "severity": self.severity, "ops_item": ops_item}
        attributes = {k: {"DataType": "String", "StringValue": v} for k, v in said.items()}
        answer = sns.publish(
            TopicArn=self.topic,
            Subject=subject(self.title),
            Message=message,
            MessageAttributes=attributes,
        )
        return str(answer["MessageId"])

    def _operational_data(self) -> dict[str, dict[str, str]]:
        values = {"/aws/dedup": json.dumps({"dedupString": self.dedup}), CASE: self.dedup}
        if related := _related(self.resources):
            values["/aws/resources"] = related
        return {k: {"Value": v, "Type": "SearchableString"} for k, v in values.items()}

    def _item(self, aws: AwsClients, written: Json) -> dict[str, Any]:
        try:
            answer = aws.client("ssm").get_ops_item(OpsItemId=written["ops_item"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "OpsItemNotFoundException":
                raise ResourceDeleted(written["ops_item"]) from error
            raise
        return dict(answer["OpsItem"])


def _related(arns: Iterable[str]) -> str:
    """The JSON list OpsCenter takes under ``/aws/resources``, as far as it fits; "" for none."""
    listed: list[dict[str, str]] = []
    for arn in list(dict.fromkeys(a for a in arns if ARN.fullmatch(a)))[:RESOURCES]:
        longer = [*listed, {"arn": arn}]
        if len(json.dumps(longer)) > RESOURCES_BYTES:
            break
        listed = longer
    return json.dumps(listed) if listed else ""


def subject(title: str) -> str:
    """A subject that SNS takes: printable ASCII on one line, fewer than 100 characters."""
    ascii_only = escaped_line(title, TITLE).encode("ascii", "replace").decode()
    return ascii_only[:SUBJECT].strip() or SOURCE


def incident(
    finding: Finding, case: str, deployment: Deployment, *, manual_step: str
) -> OpenIncident:
    """The incident of one case: what happened, to what, what to do, how to let go.

    It is opened where we are deployed, whichever account the finding is about: that is where the
    topic and the people are. ``todo`` says what a person must do.
    """
    return OpenIncident(
        place=Place(deployment.partition, deployment.account, deployment.region),
        dedup=case,
        title=f"{finding.severity.label}: {escaped_line(finding.title, 200)}",
        body=_body(finding, case, manual_step),
        severity=SEVERITY.get(finding.severity.label, LOWEST),
        topic=deployment.topic,
        resources=tuple(dict.fromkeys(r.arn for r in finding.resources if ARN.fullmatch(r.arn))),
    )


def _body(finding: Finding, case: str, manual_step: str) -> str:
    """Bounded part by part, so that no long text pushes out what comes after it."""
    place, severity = finding.place, finding.severity
    who = finding.principal
    facts = (
        ("What happened", escaped_line(f"{finding.title} ({finding.kind})", 400)),
        ("Severity", escaped_line(f"{severity.label}, at its source {severity.native}", 60)),
        ("Last seen", f"{to_iso(finding.last_seen)}, first {to_iso(finding.first_seen)}"),
        ("Where", escaped_line(f"account {place.account}, {place.region}", 60)),
        ("Resource", _names(finding)),
        ("By", escaped_line(f"{who.user_type} {who.name} {who.access_key_id}", 160) if who else ""),
        ("To do", escaped_line(manual_step, 400)),
        ("To release", f'run "cordon release {case}", or leave it contained'),
        ("Case", case),
        ("Finding", escaped_line(finding.id, 200)),
        ("Details", escaped_line(finding.description, BODY)),
    )
    return truncate("\n\n".join(f"{name}: {fact}" for name, fact in facts if fact), BODY)


def _names(finding: Finding) -> str:
    """The first resources, and how many more there are."""
    names = list(dict.fromkeys(r.arn or f"{r.type} {r.name}" for r in finding.resources))
    shown = ", ".join(escaped_line(name, 120) for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
