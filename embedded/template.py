"""Resolves a template to a stack: the SAM transform, then CloudFormation's own functions.

The transform is AWS's own (aws-sam-translator, offline). State machine definitions are read from
their ``DefinitionUri`` files, with ``DefinitionSubstitutions`` put in as CloudFormation does: as
text, before the file is parsed. AWS is never called.
"""

import copy
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

try:
    from yaml import CSafeLoader as SafeLoader  # libyaml: the same, several times as fast
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

from embedded.intrinsics import Resolver
from embedded.parameters import as_text, parameters_of
from embedded.place import Place
from embedded.stack import Code, Stack, Unresolved

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
MACHINE = "AWS::Serverless::StateMachine"
NOWHERE = {"Bucket": "embedded", "Key": "code"}  # the transform wants an S3 location

# For AWS only: these have no effect on an event here.
IGNORED = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
        "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter",
        "AWS::Logs::QueryDefinition",
        "AWS::SecurityHub::ActionTarget",
        "AWS::SecurityHub::AutomationRule",
        "AWS::SecurityHub::AutomationRuleV2",
        "AWS::SecurityHub::Insight",
        "AWS::Events::Archive",
        "AWS::SSM::Document",
        "AWS::ResourceGroups::Group",
        "AWS::XRay::Group",
        "AWS::Scheduler::ScheduleGroup",
    }
)


class _Loader(SafeLoader):
    """CloudFormation's short tags; dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in SafeLoader.yaml_implicit_resolvers.items()
}


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(cast(yaml.MappingNode, node), deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)


def load(text: str) -> Any:
    """YAML with CloudFormation's short tags; dates and times stay text."""
    return copy.deepcopy(_loaded(text))


@lru_cache(maxsize=16)
def _loaded(text: str) -> Any:
    """Parsed once: the same template is read for every account of a process."""
    return yaml.load(text, _Loader)


def synthesise(
    template: Path,
    place: Place,
    *,
    parameters: Mapping[str, str] | None = None,
    stack: str = "stack",
    functions: Path | None = None,
) -> Stack:
    """The stack of ``template``, under the name ``stack``.

    ``functions`` is a folder that holds the functions' code instead of ``CodeUri``'s own parent.

    Raises Unresolved for an unknown type, reference, attribute or parameter.
    """
    declared = _loaded(template.read_text()).get("Parameters", {})
    values = parameters_of(declared, parameters or {})
    changed = template.stat().st_mtime_ns
    definitions = _transformed(template, changed, place.region)[1]
    return _synthesised(
        _Request(template, changed, place, tuple(values.items()), stack, functions),
        tuple((logical, path.name, path.read_text()) for logical, path in definitions.items()),
    )


@dataclass(frozen=True)
class _Request:
    """What a stack depends on, beside the definitions of its state machines."""

    template: Path
    changed: int
    place: Place
    parameters: tuple[tuple[str, str], ...]
    stack: str
    functions: Path | None


@lru_cache(maxsize=32)
def _synthesised(request: _Request, definitions: tuple[tuple[str, str, str], ...]) -> Stack:
    """Resolved once, since a stack does not change."""
    template, place, values = request.template, request.place, dict(request.parameters)
    native = copy.deepcopy(_transformed(template, request.changed, place.region)[0])
    resolver = Resolver(native, values, place, request.stack)
    resolver.check_rules()
    for logical, name, text in definitions:
        _define(native["Resources"][logical], name, text, resolver)
    built = resolver.all()
    return Stack(
        name=request.stack,
        place=place,
        parameters=values,
        resources={k: r for k, r in built.items() if r.type not in IGNORED},
        unbuilt=tuple(r for r in built.values() if r.type in IGNORED),
        code=_code(load(template.read_text()), template.parent, request.functions),
        outputs=resolver.outputs(),
    )


@cache
def _transformed(
    template: Path, _changed: int, region: str
) -> tuple[dict[str, Any], dict[str, Path]]:
    """The SAM transform's result, and the definition file of each state machine."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    # Its usage metrics are published by nobody here, and it warns of that for each translation.
    logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)
    raw = load(template.read_text())
    raw.setdefault("Conditions", {})
    machines = _localise(raw, template.parent)
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=SimpleNamespace(region_name=region),  # all it needs of a session
    )
    native = translator.translate(
        sam_template=raw, parameter_values=_literals(raw), feature_toggle=None
    )
    return dict(native), machines


def _literals(raw: Mapping[str, Any]) -> dict[str, str]:
    declared = raw.get("Parameters", {})
    return {k: as_text(v["Default"]) for k, v in declared.items() if "Default" in v}


def _localise(raw: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Replace local paths by an S3 location, which the transform requires."""
    machines = {}
    defaults = raw.get("Globals", {}).get("Function", {})
    defaults.pop("CodeUri", None)
    for logical, resource in raw["Resources"].items():
        properties = resource.setdefault("Properties", {})
        if resource["Type"] == FUNCTION and "InlineCode" not in properties:
            properties["CodeUri"] = dict(NOWHERE)
        if resource["Type"] == LAYER:
            properties["ContentUri"] = dict(NOWHERE)
        if resource["Type"] == MACHINE and isinstance(properties.get("DefinitionUri"), str):
            machines[logical] = folder / properties["DefinitionUri"]
            properties["DefinitionUri"] = dict(NOWHERE)
    return machines


def _code(raw: Mapping[str, Any], folder: Path, functions: Path | None) -> dict[str, Code]:
    defaults = raw.get("Globals", {}).get("Function", {})
    found = {}
    for logical, resource in raw["Resources"].items():
        if resource["Type"] != FUNCTION:
            continue
        properties = {**defaults, **resource.get("Properties", {})}
        if isinstance(properties.get("CodeUri"), str):
            path = folder / properties["CodeUri"]
            path = functions / path.name if functions else path
            found[logical] = Code(path, properties["Handler"])
    return found


def _define(resource: dict[str, Any], name: str, text: str, resolver: "Resolver") -> None:
    """Substitute in the definition as text, then parse it as YAML or JSON."""
    properties = resource["Properties"]
    given = resolver.resolve(properties.pop("DefinitionSubstitutions", {}))
    properties.pop("DefinitionS3Location", None)
    properties["DefinitionString"] = json.dumps(load(substitute(text, given, where=name)))


def substitute(text: str, values: Mapping[str, Any], *, where: str) -> str:
    """Replace ``${name}`` by its value. A missing or an unused value is Unresolved."""
    used = set()

    def one(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise Unresolved(f"{where}: no substitution for ${{{match[1]}}}")
        used.add(match[1])
        return as_text(values[match[1]])

    result = re.sub(r"\$\{([A-Za-z0-9_.-]+)\}", one, text)
    if unused := values.keys() - used:
        raise Unresolved(f"{where}: substitutions never used: {', '.join(sorted(unused))}")
    return result
