"""What each role may do, which calls use it, and where the two do not match.

``granted``     from template.yaml: one action on one resource pattern in one statement
``used``        from recorded calls: tests/promises/permission_scenarios.py, or end to end
``record``      docs/permissions.json, where the tests store the uses
``reasons``     why each statement and each wildcard is needed
``violations``  where grants, uses and reasons do not match: must be empty
``page``        docs/permissions.md
"""
