"""The table's deletion protection, which comes after the stack's first deployment has succeeded.

In the template it would keep a first deployment that fails from being rolled back: CloudFormation
could not delete the table. A property that the template does not have is not set by an update;
what becomes of one that a former template had is not documented. So each look makes sure of it.
Sources: CloudFormation User Guide, "Understand update behaviors of stack resources" (an update
is made of the differences between the templates); CloudFormation Template Reference,
"DeletionPolicy attribute"; DynamoDB API Reference, "UpdateTable", "DescribeTable".
"""

from typing import Any

ON = "on"
WAITS = "off until the stack's deployment has succeeded"


def ensure(dynamodb: Any, table: str) -> str:
    """Switch it on where it is off. Raises the ClientError of DescribeTable or UpdateTable."""
    if not dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    return ON
