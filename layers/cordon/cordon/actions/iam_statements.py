"""The statements under which a playbook's role may change IAM's roles and users."""

from cordon.actions.grants import STATE, Statement

ROLES = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"
USERS = "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"
AWS_DENY_ALL = {"ArnEquals": {"iam:PolicyARN": "arn:${AWS::Partition}:iam::aws:policy/AWSDenyAll"}}
READ_ROLES = Statement("ReadRoles", ROLES, STATE)
READ_USERS = Statement("ReadUsers", USERS, STATE)
REVOKE_ROLES = Statement(
    "RevokeRoles", ROLES, "the inline policy that denies older sessions, and its removal"
)
REVOKE_USERS = Statement(
    "RevokeUsers",
    USERS,
    "the access keys; the inline policy that denies older sessions, and its removal",
)
DENY_ALL_TO_ROLES = Statement(
    "DenyAllToRoles",
    ROLES,
    "AWSDenyAll if the inline policy exceeds the quota, and its removal",
    AWS_DENY_ALL,
)
DENY_ALL_TO_USERS = Statement(
    "DenyAllToUsers",
    USERS,
    "AWSDenyAll as the plan says it, for a console password say; its removal",
    AWS_DENY_ALL,
)
