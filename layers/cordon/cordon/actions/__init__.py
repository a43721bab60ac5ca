"""What we can do. Every action has its line in ``MODULES``; one contract test covers them all.

An action's module is loaded when it is needed: a function starts without those of the others.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any

from cordon.actions.action import (
    Action,
    Json,
    NothingToChange,
    NotVerified,
    NotYet,
    Refused,
    ResourceDeleted,
    Undone,
    UndoResult,
)
from cordon.finding import Place

MODULES = {  # by name, the module within this package
    "block_public_access": "s3.public_access",
    "deny_bucket_access": "s3.deny_access",
    "suspend_lifecycle": "s3.suspend",
    "suspend_replication": "s3.suspend",
    "tag_bucket": "s3.tag",
    "tag_object": "s3.tag_object",
    "revoke_role_sessions": "iam",
    "revoke_user_sessions": "iam",
    "disable_access_keys": "access_keys",
    "disable_exposed_key": "exposed_key",
    "disable_bedrock_api_keys": "bedrock_api_keys",
    "deny_inference_to_role": "deny_policy",
    "deny_inference_to_user": "deny_policy",
    "deny_agent_tools_to_role": "deny_policy",
    "tag_sage_maker": "sagemaker",
    "tag_bedrock": "bedrock",
    "tag_bedrock_agent": "bedrock",
    "tag_agent_core": "bedrock",
    "tag_descendants": "descendants",
    "tag_dataset": "dataset",
    "tag_glue_job": "glue_job",
    "tag_image_users": "image_users",
    "start_trail_logging": "detection",
    "start_configuration_recorder": "detection",
    "enable_detector": "detection",
    "resume_macie": "detection",
    "restore_key": "keys",
    "enforce_guardrail": "enforced_guardrail",
    "restore_invocation_logging": "put_back",
    "restore_enforced_guardrail": "put_back",
    "deny_agent_access": "agent_core",
    "reject_agent_invocations": "agent_aliases",
    "deny_knowledge_base": "knowledge_bases",
    "change_notebook": "notebooks",
    "withdraw_approval": "model_packages",
    "stop_jobs": "stop_jobs",
}

LOADED: dict[str, type[Action]] = {}  # by name

__all__ = [
    "LOADED",
    "MODULES",
    "Action",
    "Json",
    "NotVerified",
    "NotYet",
    "NothingToChange",
    "Refused",
    "ResourceDeleted",
    "UndoResult",
    "Undone",
    "action_type",
    "all_actions",
    "from_json",
]


def action_type(name: str) -> type[Action]:
    """The action of this name. KeyError if there is none."""
    if name not in LOADED:
        module = import_module(f"cordon.actions.{MODULES[name]}")
        LOADED[name] = getattr(module, "".join(map(str.capitalize, name.split("_"))))
    return LOADED[name]


def all_actions() -> tuple[type[Action], ...]:
    """Every action, in the order of ``MODULES``."""
    return tuple(map(action_type, MODULES))


def from_json(raw: Mapping[str, Any]) -> Action:
    """The action behind ``Action.to_json``; an unknown action or field is a ValueError.

    A field with a default may be missing: what an older version of us has held stays readable.
    """
    name = raw.get("action", "")
    try:
        kind = action_type(name)
    except KeyError:
        raise ValueError(f"unknown action: {name!r}") from None
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
