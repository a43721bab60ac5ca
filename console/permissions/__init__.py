"""What each role may do, which call of ours uses it, and what is wrong with that.

``granted``    from template.yaml: one action on one resource pattern in one statement
``used``       from recorded calls: tests/promises/permission_scenarios.py, or end to end
``record``     docs/permissions.json, where the tests keep what they saw
``reasons``    why, in words
``faults``     what of it does not fit together: must be empty
``page``       docs/permissions.md
"""
