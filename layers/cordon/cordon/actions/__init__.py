"""What we can do. Every action is in ``ALL_ACTIONS``; one contract test covers them all."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from cordon.actions.access_keys import DisableAccessKeys
from cordon.actions.action import (
    Action,
    Json,
    NotVerified,
    NotYet,
    Refused,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.actions.bedrock import TagAgentCore, TagBedrock, TagBedrockAgent
from cordon.actions.iam import RevokeRoleSessions, RevokeUserSessions
from cordon.actions.s3 import (
    BlockPublicAccess,
    DenyBucketAccess,
    SuspendLifecycle,
    SuspendReplication,
    TagBucket,
)
from cordon.actions.sagemaker import TagSageMaker
from cordon.finding import Place

ALL_ACTIONS: tuple[type[Action], ...] = (
    BlockPublicAccess,
    DenyBucketAccess,
    SuspendLifecycle,
    SuspendReplication,
    TagBucket,
    RevokeRoleSessions,
    RevokeUserSessions,
    DisableAccessKeys,
    TagSageMaker,
    TagBedrock,
    TagBedrockAgent,
    TagAgentCore,
)
_BY_NAME = {action.name(): action for action in ALL_ACTIONS}

__all__ = [
    "ALL_ACTIONS",
    "Action",
    "Json",
    "NotVerified",
    "NotYet",
    "Refused",
    "ResourceDeleted",
    "UndoResult",
    "Undone",
    "from_json",
]


def from_json(raw: Mapping[str, Any]) -> Action:
    """The action behind ``Action.to_json``; an unknown action or field is a ValueError.

    A field with a default may be missing: what an older version of us has held stays readable.
    """
    kind = _BY_NAME.get(raw.get("action", ""))
    if kind is None:
        raise ValueError(f"unknown action: {raw.get('action')!r}")
    given = raw.keys() - {"action"}
    required = {f.name for f in fields(kind) if f.default is MISSING}
    wrong = (given - {f.name for f in fields(kind)}) | (required - given)
    if wrong:
        raise ValueError(f"{kind.name()}: fields differ: {sorted(wrong)}")
    values: dict[str, Any] = {name: _tuples(raw[name]) for name in given}
    return kind(**{**values, "place": Place(**raw["place"])})


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that fields hold, also inside a map."""
    match value:
        case list():
            return tuple(value)
        case dict():
            return {name: _tuples(inner) for name, inner in value.items()}
    return value
