"""`make audit`: Prowler looks at an account into which Cordon is deployed, three times.

Before the samples of its claims are handled, when their cases are contained, and when they are
released. Both the account (docs/emulators.md) and Prowler are processes of their own. The account's
own public access block it cannot read there (its host would begin with the account's digits), and
then it looks at each bucket's.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cordon.statuses import Status
from tests.auditors.claims import ACCOUNT, CLAIMS, FAIL, LOOKS, Said, faults, unclaimed
from tests.e2e.account import ROOT, Account, emulator
from tests.examples import event

HERE, ENVIRONMENT = Path(__file__).parent, ROOT / ".prowler"
CHECKS = tuple(dict.fromkeys(claim.check for claim in CLAIMS))
SAMPLES = tuple(dict.fromkeys(claim.sample for claim in CLAIMS))
CONTROLS = "prowler/compliance/aws/aws_foundational_security_best_practices_aws.json"
SECONDS = 300


def main() -> int:
    """A line for each claim, and for whatever is not as claimed."""
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder) / "log") as account:
        account.client("securityhub").enable_security_hub()
        account.deploy("enforce")
        looks = dict(zip(LOOKS, look_three_times(account, Path(folder)), strict=True))
    for claim in CLAIMS:
        found = (
            claim.found(looks[look], one) for look, one in zip(LOOKS, claim.expected, strict=True)
        )
        sys.stdout.write(
            f"{claim.check}: {' → '.join(found)}: {claim.playbook}, {claim.resource}\n"
        )
    different = [*faults(CLAIMS, looks), *unclaimed(checks_of_controls())]
    for line in different:
        sys.stdout.write(f"prowler: {line}\n")
    return 1 if different else 0


def look_three_times(account: Account, folder: Path) -> list[Said]:
    """What Prowler says before, contained and released."""
    for sample in SAMPLES:
        account.stage(event(sample))
    made_worse(account.client("s3"))
    seen = [look(account, folder)]
    for sample in SAMPLES:
        account.put_only(event(sample))
    account.settle()
    for case in account.cases():
        if case.status is Status.AWAITING_APPROVAL:
            account.stack.decide(case, "approve", case.plan_hash)
    account.settle()
    seen.append(look(account, folder))
    for case in account.cases():
        account.stack.release(case, "an audit")
    account.settle()
    return [*seen, look(account, folder)]


def made_worse(s3: Any) -> None:
    """What two checks look for and no sample's bucket has: that everybody may write to it."""
    docs, inbox = "acme-public-docs", "acme-upload-inbox"
    policy = json.loads(s3.get_bucket_policy(Bucket=docs)["Policy"])
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject"}
    policy["Statement"].append({**anybody, "Resource": f"arn:aws:s3:::{docs}/*"})
    s3.put_bucket_policy(Bucket=docs, Policy=json.dumps(policy))
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}  # else it has no ACL
    s3.put_bucket_ownership_controls(Bucket=inbox, OwnershipControls=rules)
    s3.put_bucket_acl(Bucket=inbox, ACL="public-read-write")


def look(account: Account, home: Path) -> Said:
    """The status of each resource by each check; FAIL where rows of one differ."""
    environment = {
        "HOME": str(home),
        "PATH": os.defpath,
        "AWS_ENDPOINT_URL": account.endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": account.region,
    }
    command = [str(ENVIRONMENT / "bin" / "python"), "-W", "ignore"]
    command += [str(HERE / "prowler_findings.py"), account.region, *CHECKS]
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if ran.returncode:
        raise SystemExit(f"prowler has not looked:\n{ran.stderr[-4000:]}")
    said: dict[tuple[str, str], str] = {}
    for row in map(json.loads, ran.stdout.splitlines()):
        about = (row["check"], row["resource"])
        said[about] = FAIL if FAIL in (row["status"], said.get(about)) else row["status"]
    return said


def checks_of_controls() -> Mapping[str, list[str]]:
    """Which of its checks Prowler has for a control of Security Hub, as it says itself."""
    (table,) = ENVIRONMENT.glob(f"lib/python*/site-packages/{CONTROLS}")
    listed = json.loads(table.read_text())["Requirements"]
    return {one["Id"]: one["Checks"] for one in listed}


if __name__ == "__main__":
    sys.exit(main())
