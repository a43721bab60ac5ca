"""Whatever a person gives to replay and plan: what is an event runs, what is none is one line."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from console.cli import app
from console.event_files import LONGEST_FAULT, ReplayEvent, events_in
from tests.examples import EVENTS, QUARANTINE, path_of

ROOT = Path(__file__).parent.parent
RANSOM = path_of("guardduty_ransomware_delete")
HUB = path_of("securityhub_s3_2")
MACIE = path_of("macie_public")
OCSF = path_of("ocsf_s3_8")
QUICK = path_of("guardduty_sample")  # costs least: nothing is done


def cordon(*words: str | Path, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=given)


def event(path: Path = QUICK) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def changed(path: Path = QUICK, **members: Any) -> bytes:
    return json.dumps(event(path) | members).encode()


def without(member: str) -> bytes:
    return json.dumps({k: v for k, v in event().items() if k != member}).encode()


def hub_finding_without(member: str) -> bytes:
    (finding,) = event(HUB)["detail"]["findings"]
    finding.pop(member)
    return changed(HUB, detail={"findings": [finding]})


def in_region(region: str) -> bytes:
    return RANSOM.read_text().replace("us-east-1", region).encode()


def bucket_named(name: str) -> bytes:
    return RANSOM.read_text().replace("acme-model-artifacts", name).encode()


# What is in the file, and a word of what is wrong with it.
UNFIT: dict[str, tuple[bytes, str]] = {
    "account of 13 digits": (changed(account="1111222233334"), '"1111222233334" is not 12 digits'),
    "account of words": (changed(account="my account"), "is not 12 digits"),
    "account of other digits": (changed(account="１" * 12), "is not 12 digits"),
    "account a number": (changed(account=111122223333), "account is a number"),
    "account null": (changed(account=None), "account is null"),
    "no account": (without("account"), "account missing"),
    "Region that is none": (changed(region="mars-1"), 'there is no Region "mars-1"'),
    "Region like one": (changed(region="us-east-99"), 'there is no Region "us-east-99"'),
    "Region of everywhere": (changed(region="aws-global"), "there is no Region"),
    "Region empty": (changed(region=""), "there is no Region"),
    "Region a list": (changed(region=["us-east-1"]), "region is a list"),
    "isolated": (in_region("us-iso-east-1"), "no Region us-iso-east-1"),
    "isolated b": (in_region("us-isob-east-1"), "no Region us-isob-east-1"),
    "isolated e": (in_region("eu-isoe-west-1"), "no Region eu-isoe-west-1"),
    "sovereign": (in_region("eusc-de-east-1"), "no Region eusc-de-east-1"),
    "detail a list": (changed(detail=[event()["detail"]]), "detail is a list"),
    "detail a text": (changed(detail="{}"), "detail is a text"),
    "source a number": (changed(source=1), "source is a number"),
    "no source": (without("source"), "source missing"),
    "a text": (b'"event"', "it is a text"),
    "a number": (b"12", "it is a number"),
    "null": (b"null", "it is null"),
    "empty": (b"", "it is empty"),
    "blank": (b" \n\n", "it is empty"),
    "empty list": (b"[]", "list is empty"),
    "no findings": (b'{"Findings": [], "NextToken": ""}', "list is empty"),
    "finding of another service": (b'{"findings": [{"findingArn": "a"}]}', "nor a finding"),
    "no JSON": (b"event", "not JSON"),
    "cut": (QUICK.read_bytes()[:-20], "not JSON"),
    "two in one": (QUICK.read_bytes() * 2, "not JSON"),
    "one bad byte": (QUICK.read_bytes().replace(b"111122223333", b"\xff" * 12), "is not utf-8"),
    "NaN": (changed(detail={"severity": float("nan")}), "NaN"),
    "Infinity": (changed(detail={"severity": float("inf")}), "Infinity"),
    "too large a number": (changed(detail=5).replace(b"5}", b"1e999}"), "1e999"),
    "too long a number": (changed(detail=5).replace(b"5}", b"1" * 5000 + b"}"), "not JSON"),
    "the same member twice": (b'{"account": "1", "account": "2"}', '"account" is there twice'),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "deep detail": (changed(detail=0).replace(b"0}", b'{"a":' * 3_000 + b"0" + b"}" * 3_001), ""),
    "Hub finding without Id": (hub_finding_without("Id"), "Id"),
    "Hub finding without product": (hub_finding_without("ProductArn"), "ProductArn"),
    "Hub findings a text": (changed(HUB, detail={"findings": "all"}), "findings"),
    "Hub findings of numbers": (changed(HUB, detail={"findings": [1]}), "findings"),
    "bucket of 64 characters": (bucket_named("b" * 64), "cannot be staged"),
    "bucket with a slash": (bucket_named("acme/models"), ""),
}


def lines_naming(result: Result, file: str) -> list[str]:
    return [line for line in result.output.splitlines() if file in line]


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("unfit", UNFIT)
def test_unfit_event_is_one_line_that_says_what_is_wrong(unfit: str, tmp_path: Path) -> None:
    content, wrong = UNFIT[unfit]
    odd = tmp_path / "odd.json"
    odd.write_bytes(content)
    result = cordon("replay", odd)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "0 of 1 events ended as they should" in result.stdout
    assert wrong in lines_naming(result, "/odd")[0]
    planned = cordon("plan", "--full", odd)
    assert isinstance(planned.exception, SystemExit | None)
    assert '"outcome"' in planned.stdout or (planned.exit_code == 1 and wrong in planned.stderr)


@pytest.mark.drawn(1 / 6)
def test_unfit_events_hide_no_other_event(tmp_path: Path) -> None:
    """The fit ones come before and after them, in two processes; and the list has its end."""
    for number, (content, _) in enumerate(UNFIT.values()):
        (tmp_path / f"odd{number}.json").write_bytes(content)
    fit = [tmp_path / "a.json", tmp_path / "z.json"]
    for one in fit:
        one.write_bytes(QUICK.read_bytes())
    result = cordon("replay", tmp_path, "-o", "json")
    assert result.exit_code == 1
    runs = json.loads(result.stdout)
    assert len(runs) == len(UNFIT) + len(fit)
    assert [run["event"] for run in runs if run["ok"]] == [str(one) for one in fit]
    assert all("\n" not in trouble for run in runs for trouble in run["troubles"])


def unreadable_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / "closed"
    closed.mkdir()
    scandir = os.scandir

    def refused(path: Any) -> Any:  # whoever runs the tests may be root, whom nothing is closed to
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)


def dangling(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "closed.json").symlink_to(folder / "nowhere.json")


def round_and_round(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "closed.json").symlink_to(folder / "closed.json")


def pipe(folder: Path, _: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "closed.json")


def unreadable_name(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / os.fsdecode(b"closed\n\xff.json")).write_text("{}")


@pytest.mark.parametrize(
    "make", [unreadable_folder, dangling, round_and_round, pipe, unreadable_name]
)
def test_what_cannot_be_opened_is_one_line_and_all_others_run(
    make: Callable[[Path, pytest.MonkeyPatch], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "z.json").write_bytes(QUICK.read_bytes())
    make(tmp_path, monkeypatch)
    result = cordon("replay", tmp_path)
    assert result.exit_code == 1
    assert "1 of 2 events ended as they should" in result.stdout
    assert len(lines_naming(result, "closed")) == 1


def test_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = cordon("replay", tmp_path / "nowhere.json", QUICK)
    assert result.exit_code == 1
    assert "1 of 2 events ended as they should" in result.stdout
    assert "cannot be read: No such file" in lines_naming(result, "nowhere")[0]


# ---- the forms that are read ----


def as_one_line(path: Path) -> str:
    return json.dumps(event(path))


def forms() -> Iterator[tuple[str, str, list[str]]]:
    """A file's name, its text, and the positions of the two events in it."""
    one, other = event(QUICK), event(RANSOM)
    lines = f"{as_one_line(QUICK)}\n\n{as_one_line(RANSOM)}\n"
    for name in ("day.jsonl", "day.ndjson", "day.NDJSON", "day.json"):
        yield name, lines, [":1", ":3"]
    yield "day.json", json.dumps([one, other], indent=2), ["#1", "#2"]
    yield "day.json", json.dumps([one, other]), ["#1", "#2"]
    yield "day.jsonl", json.dumps([one, other]), [":1#1", ":1#2"]
    yield "day.json", "\ufeff" + json.dumps([one, other]), ["#1", "#2"]


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize(("name", "text", "positions"), list(forms()))
def test_several_events_of_one_file(
    name: str, text: str, positions: list[str], tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    read = list(events_in([tmp_path]))
    assert [str(one) for one in read] == [f"{tmp_path / name}{at}" for at in positions]
    assert [json.loads(one.text) for one in read] == [event(QUICK), event(RANSOM)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_of_json_are_read(encoding: str, tmp_path: Path) -> None:
    """A shell's redirection may write UTF-16."""
    (tmp_path / "event.json").write_bytes(QUICK.read_text().encode(encoding))
    (read,) = events_in([tmp_path])
    assert json.loads(read.text) == event(QUICK)


def test_unfit_line_hides_no_other_line() -> None:
    lines = [as_one_line(QUICK), "no event", "", as_one_line(RANSOM), "\ud800", "{}"]
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    result = cordon("plan", "-", "--full", given=text)
    assert result.exit_code == 1
    assert result.stdout.count('"event": "-:1"') == result.stdout.count('"event": "-:4"') == 1
    faults = [line.partition(": ")[0] for line in result.stderr.splitlines()]
    assert faults == ["-:2", "-:5", "-:6"]


def test_standard_input_is_read() -> None:
    for given in (RANSOM.read_bytes(), as_one_line(RANSOM).encode()):
        result = cordon("replay", "-", "-o", "json", given=given)
        (run,) = json.loads(result.stdout)
        assert (result.exit_code, run["ok"], run["event"]) == (0, True, "-")
    planned = cordon("plan", "-", "--full", given=RANSOM.read_bytes())
    assert json.loads(planned.stdout)["playbook"] == QUARANTINE.name
    assert cordon("replay", "-", given=b"").exit_code == 1


def test_standard_input_is_replayed_in_text_too() -> None:
    result = cordon("replay", "-", given=f"{as_one_line(QUICK)}\n{{}}\n".encode())
    assert result.exit_code == 1
    assert "1 of 2 events ended as they should" in result.stdout


# ---- the output of get-findings ----


def capitalised(value: Any, shape: Any) -> Any:
    """What the command prints of GuardDuty's finding: the model's names."""
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {m.serialization.get("name", n): n for n, m in shape.members.items()}
        return {
            names[k]: capitalised(v, shape.members[names[k]])
            for k, v in value.items()
            if k in names
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [capitalised(one, shape.member) for one in value]
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return f"1970-01-01T{int(value) % 24:02}:00:00+00:00"
    return value


def guardduty_output() -> dict[str, Any]:
    model = boto3.client("guardduty", region_name="us-east-1").meta.service_model
    return {"Findings": [capitalised(event(RANSOM)["detail"], model.shape_for("Finding"))]}


OUTPUTS: dict[str, Callable[[], Any]] = {
    "securityhub get-findings": lambda: {"Findings": event(HUB)["detail"]["findings"]},
    "securityhub get-findings-v2": lambda: {"Findings": event(OCSF)["detail"]["findings"]},
    "guardduty get-findings": guardduty_output,
    "macie2 get-findings": lambda: {"findings": [event(MACIE)["detail"]]},
    "its elements": lambda: guardduty_output()["Findings"],
    "exported by GuardDuty": lambda: event(RANSOM)["detail"],
}


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("command", OUTPUTS)
def test_output_of_get_findings_is_replayed(command: str, tmp_path: Path) -> None:
    """In an envelope of ours, which is said."""
    output = tmp_path / "output.json"
    output.write_text(json.dumps(OUTPUTS[command](), indent=4))
    result = cordon("replay", output, "-o", "json")
    (run,) = json.loads(result.stdout)
    assert (result.exit_code, run["troubles"]) == (0, [])
    assert run["statuses"] == run["outcomes"] == ["contained"] and len(run["cases"]) == 1
    assert "envelope was made" in run["note"]
    assert "envelope was made" in cordon("replay", output).stdout
    planned = json.loads(cordon("plan", "--full", output).stdout)
    assert (planned["outcome"], planned["note"]) == ("contained", run["note"])


def test_finding_in_an_envelope_of_ours_is_the_finding_of_its_event(tmp_path: Path) -> None:
    """The same names, and the same case."""
    output = tmp_path / "output.json"
    output.write_text(json.dumps(guardduty_output()))
    (ours,) = events_in([output])
    made, sent = json.loads(ours.text), event(RANSOM)
    assert (made["account"], made["region"], made["source"], made["detail-type"]) == tuple(
        sent[one] for one in ("account", "region", "source", "detail-type")
    )
    assert made["detail"].keys() == sent["detail"].keys()
    assert made["detail"]["service"]["action"] == sent["detail"]["service"]["action"]


def test_shipped_event_gets_no_envelope_of_ours() -> None:
    assert {one.note for one in events_in([EVENTS])} == {""}


def test_long_fault_says_how_it_begins_and_ends(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        json.dumps({"x" * 5000: 1})[:-1] + ', "' + "x" * 5000 + '": 2}'
    )
    (read,) = events_in([tmp_path])
    assert len(read.fault) < LONGEST_FAULT + 9
    assert read.fault.startswith("not JSON: the member")
    assert read.fault.endswith("is there twice")


def test_position_is_part_of_the_name() -> None:
    assert str(ReplayEvent(Path("a/b.json"))) == "a/b.json"
    assert ReplayEvent(Path("a/b.jsonl"), 3, element=2).short == "a/b:3#2"


def test_what_is_compressed_is_said_with_how_it_is_read(tmp_path: Path) -> None:
    """GuardDuty and CloudTrail export so."""
    file = tmp_path / "day.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"a": 1}\n' * 3))
    (found,) = events_in([file])
    assert found.fault.startswith("not JSON: it is compressed: gzip -dc FILE | cordon")


def test_closed_standard_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    (found,) = events_in([Path("-")])
    assert found.fault == "cannot be read: standard input is closed"
