"""What the coverage page says is so: of headers, samples, and the data that people wrote."""

import json
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from console import cli
from console.coverage import data, handled, table
from console.coverage.data import OWASP
from console.coverage.report import report
from console.playbook_blocks.block import calls_parameter
from cordon import frameworks
from tests.architecture.stack import ROOT
from tests.examples import HEADERS, QUARANTINE, folder_of, samples

DATA = data.read(ROOT)
SHOWN = handled.samples(ROOT)
SEVEN = (  # of defence in depth, as AWS's own course names them
    "Policies, procedures and awareness",
    "Threat detection and incident response",
    "Infrastructure protection",
    "Network and edge protection",
    "Application protection",
    "Identity and access management",
    "Data protection",
)
RESPONSIBLE = {"customer", "shared", "AWS"}


@pytest.fixture(scope="module")
def found() -> Mapping[str, Any]:
    return report(ROOT)


def patterns() -> set[str]:
    return {kind for row in DATA.findings for kind in row.kinds} | DATA.derived.keys()


def test_evidence_says_the_versions_of_the_data() -> None:
    assert {one.id: one.version for one in DATA.frameworks.values()} == frameworks.VERSIONS
    assert {id: frameworks.framework_of(id) for id in DATA.controls} == {
        id: one.framework for id, one in DATA.controls.items()
    }


def test_every_kind_that_a_header_names_has_a_row_or_derives() -> None:
    """A header's pattern is within a row's, or a row's is within it."""
    for header in HEADERS.values():
        for kind in handled.kinds_of(header):
            within = (fnmatchcase(kind, one) or fnmatchcase(one, kind) for one in patterns())
            assert any(within), f"docs/coverage/findings.json has no row of {kind}"


def test_every_sample_that_is_handled_has_a_row_or_derives() -> None:
    kinds = {one.kind for one in SHOWN if one.playbooks}
    without = {kind for kind in kinds if not any(fnmatchcase(kind, one) for one in patterns())}
    assert without == set()
    assert {one.name for one in SHOWN} <= set(samples()) and len(SHOWN) > 200


def test_every_id_in_the_data_has_a_title_and_somebody_responsible() -> None:
    named = {id for row in DATA.findings for id in row.ids} | DATA.none.keys()
    named |= {
        one for of in (DATA.same, DATA.near) for new, old in of.items() for one in (new, *old)
    }
    assert named <= DATA.controls.keys()
    assert {one.responsibility for one in DATA.controls.values()} <= RESPONSIBLE
    assert all(one.title and one.framework for one in DATA.controls.values())


def test_the_lists_of_owasp_are_whole_and_every_older_risk_is_one_of_2026() -> None:
    lists = {one.id: len(one.controls) for one in DATA.frameworks.values() if OWASP in one.id}
    assert lists == dict.fromkeys(
        ("OWASP LLM 2023", "OWASP LLM 2025", "OWASP LLM 2026", "OWASP Agentic 2026"), 10
    )
    older = [id for old in DATA.same.values() for id in old]
    assert len(older) == len(set(older)) == 20
    assert len(DATA.same) == 10


def test_every_risk_has_a_playbook_with_a_sample_or_a_reason(found: Mapping[str, Any]) -> None:
    for row in found["risks"]:
        assert bool(row["by"]) is not bool(row["none"]), row["id"]
        for one in row["by"]:
            assert one["samples"] and one["playbook"] in HEADERS
            for sample in one["samples"]:
                assert folder_of(sample) == one["playbook"] or sample in beside(one["playbook"])
    stale = {id for id in DATA.none if any(id in DATA.ids(s.kind) for s in SHOWN if s.playbooks)}
    assert stale == set(), "these have a sample that is handled: take their reason away"


def beside(playbook: str) -> set[str]:
    """Samples of other folders that this playbook handles too."""
    return {one.name for one in SHOWN if playbook in one.playbooks}


def test_a_risk_without_its_samples_is_none() -> None:
    def by(shown: Any) -> Any:
        rows = handled.risks(DATA, shown, HEADERS, OWASP)
        return next(row["by"] for row in rows if row["id"] == "OWASP LLM 2026 LLM01")

    about = ("PromptInjection", "InvocationsIntervened")  # the attack, and an alarm on guardrails
    without = [one for one in SHOWN if not any(word in one.kind for word in about)]
    assert by(SHOWN) and not by(without)


def test_what_is_heard_only_where_a_parameter_says_so_is_marked(found: Mapping[str, Any]) -> None:
    (row,) = (one for one in found["risks"] if one["id"] == "OWASP Agentic 2026 ASI02")
    (one,) = row["by"]
    assert one["where"] == calls_parameter(one["playbook"])
    everywhere = {one["where"] for row in found["risks"][:1] for one in row["by"]}
    assert everywhere == {""}


def test_seven_layers_each_with_playbooks_or_a_reason(found: Mapping[str, Any]) -> None:
    assert tuple(one["layer"] for one in found["layers"]) == SEVEN
    assert all(bool(one["playbooks"]) is not bool(one["none"]) for one in found["layers"])
    named = [name for one in found["layers"] for name in one["playbooks"]]
    assert set(named) == HEADERS.keys()
    several = {name for name in named if named.count(name) > 1}
    assert several == {name for name, header in HEADERS.items() if header.layers}


def test_header_that_names_what_the_data_does_not_know_is_refused() -> None:
    control = replace(QUARANTINE, controls=("NIST.800-53.r5 AC-99",))
    with pytest.raises(ValueError, match="AC-99"):
        list(handled.controls(DATA, {"a": control}))
    roof = "the roof"
    for layer in (
        replace(QUARANTINE, defence_layer=roof),
        replace(QUARANTINE, layers=((roof, ("macie:*",)),)),
    ):
        with pytest.raises(ValueError, match=f"{roof} is no layer"):
            list(handled.layers(DATA, {"a": layer}))


def test_promises_are_built_where_headers_say_so(found: Mapping[str, Any]) -> None:
    built = {one["name"] for one in found["promised"] if one["built"]}
    named = {row["name"]: row for row in DATA.promises["playbooks"]}
    assert built & named.keys() == HEADERS.keys() & named.keys()
    for name, row in named.items():
        assert "why_not" not in row or name not in HEADERS, f"{name} is built: no reason is needed"
        assert "lacks" not in row or name in HEADERS


def test_every_event_has_a_row_and_what_a_topic_says_has_proof(found: Mapping[str, Any]) -> None:
    assert {one["event"] for one in found["events"]} == {one.event for one in SHOWN}
    for topic in found["topics"]:
        assert topic["lacks"] or topic["proof"], topic["topic"]
        assert bool(topic["is"]) is bool(topic["proof"]), topic["topic"]
        assert all((ROOT / path).exists() for path in topic["proof"]), topic["topic"]


def test_without_an_account_nothing_is_said_of_one(found: Mapping[str, Any]) -> None:
    says = {one["saw"] for one in found["needs"]}
    says |= {one["mode"] for one in found["playbooks"]}
    for scope in (scope for matrix in found["matrices"] for scope in matrix["scopes"]):
        says |= {scope["seen"], *(one["saw"] for one in scope["in_use"])}
        says |= {one["saw"] for cell in scope["cells"] for one in cell["checks"]}
    assert says == {"not looked at"}
    shape = [(len(m["scopes"]), len(m["scopes"][0]["cells"])) for m in found["matrices"]]
    assert shape == [(5, 5), (4, 6)]
    assert all(cell["attest"] for m in found["matrices"] for cell in m["scopes"][0]["cells"])


def test_command_prints_80_columns_or_json(found: Mapping[str, Any]) -> None:
    terminal = Console(width=80, force_terminal=True, no_color=True)
    with terminal.capture() as captured:
        table.show(dict(found), terminal)
    assert max(cell_len(Text.from_ansi(one).plain) for one in captured.get().splitlines()) <= 80
    piped = CliRunner().invoke(cli.app, ["coverage"])
    assert piped.exit_code == 0, piped.output
    assert "supports evidence for" in piped.output and "\x1b" not in piped.output
    as_json = CliRunner().invoke(cli.app, ["coverage", "--output", "json"])
    assert json.loads(as_json.output) == found
