"""Cordon responds to findings about AI workloads on AWS: it contains, proves, reports and releases.

Read in this order: finding, playbook, statuses, policy, actions, memory, evidence, attempt,
contain, release, respond, workflow, reporting, entry. docs/architecture.md shows the whole.
"""

VERSION = "0.2.0"  # as in pyproject.toml; evidence says it
