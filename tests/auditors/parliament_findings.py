"""Runs in `.audit`: what parliament says of the policies on standard input, a finding in a line."""

import json
import sys

from parliament import analyze_policy_string

for name, policy in json.load(sys.stdin).items():
    for finding in analyze_policy_string(json.dumps(policy)).findings:
        sys.stdout.write(f"{name}: {finding.issue}: {finding.detail}\n")
