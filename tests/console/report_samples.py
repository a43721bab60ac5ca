"""Reports for tests: cases in every status, with evidence whose chain is good."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from console.evidence import Copy, Version
from console.report import of_case, sums
from console.report.data import Details, Entry, Exempted, Kind, Lineage, Node, Report, text
from cordon.evidence import Chain, ChainEnd, sha256
from cordon.finding import canonical_json
from cordon.memory.cases import Case
from cordon.playbook import Plan
from cordon.statuses import Status
from tests.examples import HEADERS
from tests.make import DEPLOYMENT, a_finding
from tests.reporting.cases import CASE, a_case

MADE = "2026-11-27T12:00:00Z"
HOSTILE = (
    "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"
    "<!--<script>\" onclick=window.broken=1 ' \x1b[31m\x00\u2028\u202eelpmaxe {{7*7}} ${7*7} A&B"
)

COVERAGE: dict[str, Any] = {
    "place": "",
    "playbooks": [{"name": "quarantine_it", "recommended_mode": "approve"}],
    "needs": [],
    "layers": [{"layer": "Data", "playbooks": [], "none": "nothing is there"}],
    "matrices": [],
    "risks": [
        {
            "id": "OWASP LLM 2026 LLM02",
            "title": "Disclosure",
            "responsibility": "customer",
            "by": [
                {"playbook": "quarantine_it", "samples": ["a", "b"], "where": "CallsQuarantine"}
            ],
            "none": "",
        }
    ],
    "same": {},
    "versions": [{"framework": "SOC 2", "version": "2017"}],
    "frameworks": [
        {
            "framework": "SOC 2",
            "title": "Trust",
            "controls": [
                {
                    "id": "SOC 2 CC6.1",
                    "title": "Access",
                    "responsibility": "customer",
                    "playbooks": ["quarantine_it"],
                },
                {
                    "id": "SOC 2 CC1.1",
                    "title": "Tone",
                    "responsibility": "customer",
                    "playbooks": [],
                },
            ],
        }
    ],
}


def copy_of(case: Case, *stages: tuple[str, Mapping[str, Any]]) -> Copy:
    """Evidence of these stages, as Cordon writes it."""
    chain, bodies, previous = Chain(case.playbook, "111122223333", case.id), [], ""
    for number, (stage, content) in enumerate(stages, 1):
        entry = {
            "playbook": chain.playbook,
            "account": chain.account,
            "case": chain.case,
            "key": chain.key(number),
            "seq": number,
            "stage": stage,
            "at": f"2026-11-24T12:0{number}:00Z",
            "previous": previous,
            "content": content,
        }
        bodies.append(canonical_json(entry).encode())
        previous = sha256(bodies[-1])
    versions = tuple(Version(chain.key(n), f"v{n}", body) for n, body in enumerate(bodies, 1))
    return Copy(chain, ChainEnd(len(bodies), previous), versions)


def contained(case: Case) -> Copy:
    """Evidence of a case whose first change was captured and written."""
    (action, *_) = case.plan.actions
    before = {"target": action.target, "captured": {"tags": {"owner": "ada"}}}
    wrote = {"target": action.target, "written": {"tags": {"cordon:case": case.id}}}
    decision = {"verdict": "contain", "reason": "mode is enforce"}
    return copy_of(
        case,
        ("captured", {"decision": decision, "changes": [before]}),
        ("contained", {"changes": [wrote]}),
    )


def tagged_case(status: Status = Status.CONTAINED, **changes: Any) -> Case:
    """A case whose only change is a tag: what evidence says of it is simple."""
    case = a_case(status, **changes)
    action = next(one for one in case.plan.actions if not one.contains)
    return replace(case, plan=Plan((action,)))


def an_entry(status: Status = Status.CONTAINED, number: int = 0, **changes: Any) -> Entry:
    """A case's line, with its details."""
    case = replace(tagged_case(status, **changes), id=f"{number:016x}" if number else CASE)
    details = of_case.details(case, HEADERS[case.playbook], DEPLOYMENT, contained(case))
    return of_case.entry(case, details)


def hostile_entry() -> Entry:
    """Every text of it that others may write."""
    finding = a_finding(title=HOSTILE, description=HOSTILE)
    entry = an_entry(number=0xBAD, finding=finding, decided_why=HOSTILE)
    changes = ((text(HOSTILE),) * 4,)
    return replace(entry, details=replace(entry.details, changes=changes))


def with_lineage(entry: Entry) -> Entry:
    """A bucket, a job that read it, and the model that it made."""
    named = ("arn:aws:s3:::data", "arn:aws:sagemaker:eu-central-1:1:training-job/t", HOSTILE)
    nodes = tuple(Node(text(arn), max(n - 1, 0)) for n, arn in enumerate(named))
    found = Lineage((*nodes, Node("arn:aws:sagemaker:eu-central-1:1:model/m", 1, "denied")), ("x",))
    return replace(entry, details=replace(entry.details, lineage=(found,)))


def a_report(*entries: Entry, coverage: Any = None) -> Report:
    """A report of an account."""
    exempt = Exempted("arn:aws:s3:::www", "*", "Ada", text(HOSTILE), "2027-01-31T00:00:00Z", False)
    return Report(
        Kind.ACCOUNT,
        "Cordon: cordon",
        (("stack", "cordon"),),
        MADE,
        (text(HOSTILE),),
        entries,
        sums.tiles(entries, closed=True),
        (exempt, replace(exempt, ended=True)),
        coverage,
        {},
        "master switch: on",
    )


def every_status() -> tuple[Entry, ...]:
    """A case of each."""
    return tuple(an_entry(status, number) for number, status in enumerate(Status, 1))


def bare(number: int) -> Entry:
    """A case without details, as one of very many."""
    details = Details(no_evidence=str(number))
    return replace(_one_entry(), id=f"{number:016x}", details=details)


@cache
def _one_entry() -> Entry:
    return an_entry()
