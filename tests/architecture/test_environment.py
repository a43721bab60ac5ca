"""Each function's environment: what it needs is there, what it does not is not, and it fits.

Lambda Developer Guide, "Lambda quotas": all variables of a function have 4 KB together. Its error
prints what it measures, the JSON of the variables (github-aws-runners/terraform-aws-github-runner,
issue 3594).
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from cordon import bootstrap
from cordon.assessing import handler as assessing
from cordon.deciding import handler as deciding
from cordon.deployment import Deployment
from cordon.memory.parts import names_of
from cordon.reporting import handle as reporting
from cordon.setting_up import handler as setting_up
from cordon.sweeping import handle as sweeping
from digest_evidence import digest
from embedded import custom_resources
from embedded.place import Place
from reconcile_cases import reconcile
from tests.architecture import largest, many
from tests.architecture.stack import FULL, PLAYBOOKS, ROOT, compact, logical, stack

EVERY = {"CORDON_ACCOUNT", "CORDON_PARTITION", "CORDON_STACK", "CORDON_TABLE"}
NEEDS: Mapping[str, tuple[str, ...]] = {
    **{logical(playbook): bootstrap.NEEDS for playbook in PLAYBOOKS},
    "DecideCases": deciding.NEEDS,
    "DigestEvidence": digest.NEEDS,
    "ReconcileCases": reconcile.NEEDS,
    "ReportCases": reporting.NEEDS,
    "AssessResources": assessing.NEEDS,
    "Setup": setting_up.NEEDS,
    "SweepFindings": sweeping.NEEDS,
}
# A secret, and whatever grows with what is deployed or chosen: only where it is read.
ONLY_WHERE_READ = {
    "CORDON_BREAK_GLASS",
    "CORDON_DEAD_LETTERS",
    "CORDON_DENY",
    "CORDON_EXTERNAL_ID",
    "CORDON_OWN_ROLES",
    "CORDON_PERSON_ROLES",
}
LIMIT = 4096
# Ours, so that what grows is seen long before Lambda refuses it. The desk makes plans by ARN, which
# name the deny policies: two names, of at most 128 characters each. A third has no room here.
MOST = 3200
# A playbook's has the roles of all of them: its plan, and with it the first read, depends on them.
MOST_OF_A_PLAYBOOK = LIMIT - 384
# What a room's code reads of the deployment, beside fields of the variable's own name.
READS = {
    "own_roles_in": {"CORDON_OWN_ROLES", "CORDON_MEMBER_ROLE"},
    "never_locked_out": {"CORDON_BREAK_GLASS", "CORDON_OWN_ROLES", "CORDON_MEMBER_ROLE"},
    "deny_policy": {"CORDON_DENY", "CORDON_ACCOUNT"},
    "region": set(),
    "ai_workloads": set(),  # without it none is named, and none found
    "stop_training_jobs": set(),  # without it no job is stopped
    "enforced_guardrail": set(),  # without it none is named, and none enforced
    "invocation_log_role": set(),  # without it none is named, and none passed
    "baseline": set(),  # the settings have it
    "is_home": {"CORDON_HOME_REGION"},
}
# What a function adds to its deployment from the row ``setup#parts``, and has not before.
FROM_THE_TABLE = {"DecideCases": {"CORDON_OWN_ROLES"}}
LAYER = ROOT / "layers" / "cordon" / "cordon"
ROOMS = {
    "assessing": "AssessResources",
    "deciding": "DecideCases",
    "digesting": "DigestEvidence",
    "reconciling": "ReconcileCases",
    "reporting": "ReportCases",
    "setting_up": "Setup",
    "sweeping": "SweepFindings",
}


def environment(function: str, *, full: bool = True) -> Mapping[str, str]:
    variables: Mapping[str, str] = (
        stack(full=full).resources[function].properties["Environment"]["Variables"]
    )
    return variables


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("function", sorted(NEEDS))
def test_function_is_given_what_it_needs(function: str, full: bool) -> None:
    given = environment(function, full=full).keys()
    assert given >= EVERY | set(NEEDS[function])
    assert given & ONLY_WHERE_READ <= set(NEEDS[function])


def test_every_function_is_looked_at() -> None:
    assert {f.logical for f in stack().of("AWS::Lambda::Function")} == NEEDS.keys()


@pytest.mark.parametrize("function", sorted(NEEDS))
def test_every_variable_is_one_that_code_reads(function: str) -> None:
    read = (LAYER / "deployment.py").read_text() + (LAYER / "clients.py").read_text()
    ours = {name for name in environment(function) if name.startswith("CORDON_")}
    assert {name for name in ours if f'"{name}"' not in read} == set()


@pytest.mark.parametrize("function", sorted(NEEDS))
def test_what_is_needed_and_missing_is_an_error(function: str) -> None:
    whole = {**environment(function), "AWS_REGION": "eu-central-1"}
    assert Deployment.from_environment(whole, NEEDS[function]).account
    for name in EVERY | set(NEEDS[function]):
        without = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(KeyError, match=name):
            Deployment.from_environment(without, NEEDS[function])


@cache
def code() -> dict[Path, str]:
    """Each file that knows a deployment, and the function that runs it."""
    files = [*LAYER.rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    found = {}
    for file in files:
        if file == LAYER / "memory" / "parts.py":
            found[file] = "ReconcileCases"  # and the desk, which is given all that this one is
            continue
        room = next((r for r in ROOMS if file.is_relative_to(LAYER / r)), "")
        folder = logical(file.parent.name)
        is_ours = file.is_relative_to(ROOT / "functions") and folder in NEEDS
        found[file] = ROOMS.get(room) or (folder if is_ours else logical(PLAYBOOKS[0]))
    return found


def test_code_reads_what_its_function_is_given() -> None:
    """Else it would read a default, and take it for what the operator said."""
    for file, function in code().items():
        found = re.findall(r"(?:deployment|environment)\.([a-z_]+)", file.read_text())
        names = set(found) - {"from_environment"}
        read = set().union(*(READS.get(name, {f"CORDON_{name.upper()}"}) for name in names))
        given = EVERY | set(NEEDS[function]) | FROM_THE_TABLE.get(function, set())
        assert read <= given, file


@pytest.mark.drawn(1 / 5)
@pytest.mark.parametrize("place", largest.PLACES, ids=lambda place: place.region)
def test_it_fits_whatever_is_chosen_with_twenty_playbooks(place: Place) -> None:
    found = many.environments(many.stack(place))
    for_people = found.keys() & {*ROOMS.values()}
    assert len(for_people) == len(ROOMS) and len(found) == many.COUNT + len(ROOMS)
    for function, variables in found.items():
        most = MOST if function in for_people else MOST_OF_A_PLAYBOOK
        assert many.size(variables) <= most, function


def test_only_the_own_roles_of_a_playbook_grow_with_the_playbooks() -> None:
    place = largest.PLACES[0]
    few = many.environments(largest.stack(place))
    found = many.environments(many.stack(place))
    for function, variables in few.items():
        grown = {name for name, text in variables.items() if found[function][name] != text}
        assert grown == (set() if function in ROOMS.values() else {"CORDON_OWN_ROLES"}), function


def test_the_parts_of_twenty_playbooks_fit_into_a_request_and_a_row() -> None:
    """Both are far: an asynchronous invocation has 1 MB (Lambda API Reference, "Invoke"), an item
    400 KB (DynamoDB Developer Guide, "Quotas"). CloudFormation names no limit of a request."""
    parts = many.stack(largest.PLACES[0]).resources["Parts"]
    old = parts.properties
    sent = custom_resources.request(many.stack(largest.PLACES[0]), parts, "Update", old=old)
    assert len(compact(sent).encode()) < 16 * 1024
    names = names_of(sent["ResourceProperties"])
    assert len(names["functions"]) == many.COUNT
    assert len(names["own_roles"].split(",")) == many.COUNT + 1


def test_largest_is_larger_than_what_is_usual() -> None:
    """The parameters that tests give are those that reach an environment."""
    assert FULL.keys() <= largest.largest().keys()
