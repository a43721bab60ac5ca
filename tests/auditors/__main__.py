"""`make policies`: checkov on the template; parliament and policy_sentry on the roles' policies.

The first two run in an environment of their own, `.audit`. Whatever they find has its reason in
accepted.json, or the audit fails; and so does a reason that nothing needs any more.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.architecture.stack import ROOT, stack
from tests.auditors import by_policy_sentry
from tests.auditors.accepted import differences

HERE, BIN = Path(__file__).parent, ROOT / ".audit" / "bin"


def policies() -> dict[str, Any]:
    """Every policy of a role, with every optional parameter given."""
    deployed = stack(full=True)
    managed = {
        policy.logical: policy.properties["PolicyDocument"]
        for policy in deployed.of("AWS::IAM::ManagedPolicy")
    }
    inline = {
        role.logical: policy["PolicyDocument"]
        for role in deployed.of("AWS::IAM::Role")
        for policy in role.properties.get("Policies", ())
    }
    return {**managed, **inline}


def by_parliament() -> Iterator[str]:
    """``Role: ISSUE: detail``."""
    script = HERE / "parliament_findings.py"
    command = [str(BIN / "python"), "-W", "ignore", str(script)]
    given = json.dumps(policies())
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    yield from done.stdout.splitlines()


def by_checkov() -> Iterator[str]:
    """``Resource: CKV_…: what it checks``. Its vendor's guidelines it need not reach."""
    command = [str(BIN / "checkov"), "-f", str(ROOT / "template.yaml"), "--compact", "--quiet"]
    command += ["--framework", "cloudformation", "-o", "json", "--soft-fail"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    report: Mapping[str, Any] = json.loads(done.stdout)
    if report["results"].get("parsing_errors"):
        raise SystemExit(f"checkov cannot read: {report['results']['parsing_errors']}")
    if not report["summary"]["passed"]:
        raise SystemExit("checkov has looked at nothing")
    for one in report["results"]["failed_checks"]:
        yield f"{one['resource'].rpartition('.')[2]}: {one['check_id']}: {one['check_name']}"


def main() -> int:
    """Every difference in a line; how many findings are accepted."""
    accepted = json.loads((HERE / "accepted.json").read_text())
    found = {
        "checkov": sorted(by_checkov()),
        "parliament": sorted(set(by_parliament())),
        "policy_sentry": sorted(set(by_policy_sentry.findings(policies()))),
    }
    different = list(differences(found, accepted))
    for line in different:
        sys.stdout.write(f"{line}\n")
    for auditor, lines in found.items():
        sys.stdout.write(f"{auditor}: {len(lines)} findings, each with its reason or above\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
