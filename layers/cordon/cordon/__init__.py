"""Cordon responds to findings about AI workloads on AWS: it contains, proves, reports and releases.

Read in this order: finding, playbook, policy, actions, engine, holds, evidence, report, entry.
"""
