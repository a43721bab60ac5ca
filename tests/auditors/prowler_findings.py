"""Runs in `.prowler`: what Prowler's checks say of an account, a row in a line.

python prowler_findings.py REGION CHECK…

The checks and what they read with are Prowler's. Its command line is left out: it loads every cloud
and every framework, which takes longer than to look. ``scan_unused_services``: else what is
disabled has no row, and nobody would know what Prowler says of it.
"""

import importlib
import json
import sys

from prowler.providers.aws.aws_provider import AwsProvider
from prowler.providers.common.models import Audit_Metadata
from prowler.providers.common.provider import Provider

region, *checks = sys.argv[1:]
provider = AwsProvider(regions={region}, retries_max_attempts=0, scan_unused_services=True)
provider.audit_metadata = Audit_Metadata(
    services_scanned=0, expected_checks=checks, completed_checks=0, audit_progress=0
)
Provider.set_global_provider(provider)
for check in checks:
    service = check.partition("_")[0]
    module = importlib.import_module(f"prowler.providers.aws.services.{service}.{check}.{check}")
    for row in getattr(module, check)().execute():
        said = {"check": check, "resource": row.resource_arn, "status": row.status}
        sys.stdout.write(f"{json.dumps(said)}\n")
