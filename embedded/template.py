"""Resolves a template: the SAM transform, then CloudFormation's intrinsic functions.

The transform is AWS's own (aws-sam-translator, offline). State machine definitions are read from
their ``DefinitionUri`` files, with ``DefinitionSubstitutions`` put in as CloudFormation does: as
text, before the file is parsed. AWS is never called.
"""

import base64
import copy
import json
import logging
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

try:
    from yaml import CSafeLoader as SafeLoader  # libyaml: the same, several times as fast
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

from embedded.attributes import NAMES, attribute, generated, reference
from embedded.parameters import Unresolved as Unresolved
from embedded.parameters import as_text, items, parameters_of
from embedded.place import Place

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


@dataclass(frozen=True)
class Resource:
    """One resource of the stack, its properties free of intrinsics."""

    logical: str
    type: str
    properties: Mapping[str, Any]
    physical: str  # what Ref gives
    arn: str  # "" where the type has none


@dataclass(frozen=True)
class Code:
    """Where a function's code lies in the working tree."""

    folder: Path
    handler: str


@dataclass(frozen=True, eq=False)
class Stack:
    """A template, resolved for one account, Region and set of parameters. Not to be changed."""

    name: str
    place: Place
    parameters: Mapping[str, str]
    resources: Mapping[str, Resource]
    unbuilt: tuple[Resource, ...]  # on the list of types that the embedded account ignores
    code: Mapping[str, Code]  # by logical id of the function
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """AWS::StackId."""
        return stack_id(self.place, self.name)

    def of(self, *types: str) -> list[Resource]:
        """The resources of these types, in the template's order."""
        return [r for r in self.resources.values() if r.type in types]


def stack_id(place: Place, name: str) -> str:
    """AWS::StackId: as AWS has it, with a UUID at its end. Here the name alone decides it."""
    return place.arn("cloudformation", f"stack/{name}/{uuid.uuid5(uuid.NAMESPACE_DNS, name)}")


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
    resolver = _Resolver(native, values, place, request.stack)
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


def _define(resource: dict[str, Any], name: str, text: str, resolver: "_Resolver") -> None:
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


_NO_VALUE = object()
_PSEUDO = re.compile(r"AWS::\w+")


class _Resolver:
    """CloudFormation's intrinsic functions over one template."""

    def __init__(
        self,
        native: dict[str, Any],
        parameters: Mapping[str, str],
        place: Place,
        stack: str,
    ) -> None:
        self._native = native
        self._parameters = parameters
        self._place = place
        self._stack = stack
        self._done: dict[str, Resource] = {}
        self._open: list[str] = []
        self._made: list[str] = []  # whose properties are being resolved, the innermost last
        self._needs: dict[str, set[str]] = {}  # which resources each refers to
        declared = native.get("Parameters", {})
        self._lists = {k for k, spec in declared.items() if "List" in str(spec.get("Type", ""))}

    def check_rules(self) -> None:
        """Raises Unresolved where an assertion of the section Rules does not hold."""
        for name, rule in self._native.get("Rules", {}).items():
            if not self.resolve(rule.get("RuleCondition", True)):
                continue
            for one in rule["Assertions"]:
                if not self.resolve(one["Assert"]):
                    raise Unresolved(f"rule {name}: {one.get('AssertDescription', one['Assert'])}")

    def all(self) -> dict[str, Resource]:
        """Every resource whose condition holds."""
        chosen = [k for k, r in self._native["Resources"].items() if self._chosen(r)]
        built = {logical: self.resource(logical) for logical in chosen}
        self._has_an_order()
        return built

    def _has_an_order(self) -> None:
        """What is referred to is made first. Raises Unresolved where that is impossible."""
        for logical, raw in self._native["Resources"].items():
            after = raw.get("DependsOn", [])
            self._needs.setdefault(logical, set()).update(
                [after] if isinstance(after, str) else after
            )
        try:
            TopologicalSorter(self._needs).prepare()
        except CycleError as circle:
            raise Unresolved(f"circular dependency: {' -> '.join(circle.args[1])}") from None

    def outputs(self) -> dict[str, Any]:
        """The outputs whose condition holds."""
        chosen = {k: o for k, o in self._native.get("Outputs", {}).items() if self._chosen(o)}
        return {k: self.resolve(o["Value"]) for k, o in chosen.items()}

    def _chosen(self, item: Mapping[str, Any]) -> bool:
        return "Condition" not in item or self.condition(item["Condition"])

    def condition(self, name: str) -> bool:
        """Whether a named condition holds."""
        return bool(self.resolve(self._native["Conditions"][name]))

    def resource(self, logical: str) -> Resource:
        """One resource, resolved once."""
        if self._made and self._made[-1] != logical:
            self._needs.setdefault(self._made[-1], set()).add(logical)
        if logical in self._done:
            return self._done[logical]
        if logical in self._open:
            raise Unresolved(f"circular reference: {' -> '.join([*self._open, logical])}")
        raw = self._native["Resources"].get(logical)
        if raw is None:
            raise Unresolved(f"no such resource: {logical}")
        if not self._chosen(raw):
            raise Unresolved(f"{logical} is referred to, but its condition does not hold")
        self._done[logical] = self._built(logical, raw)
        return self._done[logical]

    def _built(self, logical: str, raw: Mapping[str, Any]) -> Resource:
        """Names come first: a policy may refer to the resource that it belongs to."""
        self._open.append(logical)
        try:
            naming = self._naming(raw)
        finally:
            self._open.pop()
        kind, place = raw["Type"], self._place
        made_up = generated(kind, self._stack, logical, place)
        physical = reference(kind, naming, place, made_up)
        arn = attribute(kind, "Arn", physical, naming, place) or ""
        self._done[logical] = Resource(logical, kind, naming, physical, arn)
        self._made.append(logical)
        properties = self.resolve(raw.get("Properties", {}))
        self._made.pop()
        return Resource(logical, kind, properties, physical, arn)

    def _naming(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The properties that an ARN is made of."""
        wanted = {NAMES.get(raw["Type"], ""), "Path", "EventBusName"}
        given = raw.get("Properties", {})
        return {k: self.resolve(v) for k, v in given.items() if k in wanted}

    def resolve(self, value: Any) -> Any:
        """``value`` with every intrinsic function resolved."""
        if isinstance(value, list):
            return [r for v in value if (r := self.resolve(v)) is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (name := next(iter(value))) in _INTRINSICS:
            return _INTRINSICS[name](self, value[name])
        if len(value) == 1 and next(iter(value)).startswith("Fn::"):
            raise Unresolved(f"intrinsic not supported: {next(iter(value))}")
        pairs = ((k, self.resolve(v)) for k, v in value.items())
        return {k: v for k, v in pairs if v is not _NO_VALUE}

    def ref(self, name: str) -> Any:
        """Ref: a pseudo parameter, a parameter, or a resource's physical id."""
        if name in self._parameters:
            value = self._parameters[name]
            return items(value) if name in self._lists else value
        if _PSEUDO.fullmatch(name):
            return self._pseudo(name)
        return self.resource(name).physical

    def _pseudo(self, name: str) -> Any:
        place = self._place
        values: dict[str, Any] = {
            "AWS::AccountId": place.account,
            "AWS::Region": place.region,
            "AWS::Partition": place.partition,
            "AWS::URLSuffix": place.suffix,
            "AWS::StackName": self._stack,
            "AWS::StackId": stack_id(place, self._stack),
            "AWS::NotificationARNs": [],
            "AWS::NoValue": _NO_VALUE,
        }
        if name not in values:
            raise Unresolved(f"no such pseudo parameter: {name}")
        return values[name]

    def get_att(self, argument: Any) -> Any:
        """GetAtt of a resource."""
        logical, name = argument if isinstance(argument, list) else argument.split(".", 1)
        found = self.resource(logical)
        value = attribute(found.type, name, found.physical, found.properties, self._place)
        if value is None:
            raise Unresolved(f"{found.type} has no attribute {name} here ({logical})")
        return value

    def sub(self, argument: Any) -> str:
        """Sub, with or without its own variables; ``${!x}`` is a literal."""
        text, own = argument if isinstance(argument, list) else (argument, {})
        values = {k: self.resolve(v) for k, v in own.items()}

        def one(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in values:
                return as_text(values[name])
            return as_text(self.get_att(name) if "." in name else self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", one, text)

    def join(self, argument: list[Any]) -> str:
        """Join."""
        return str(argument[0]).join(as_text(v) for v in self.resolve(argument[1]))

    def choose(self, argument: list[Any]) -> Any:
        """If."""
        return self.resolve(argument[1] if self.condition(argument[0]) else argument[2])

    def find(self, argument: list[Any]) -> Any:
        """FindInMap, with DefaultValue where one is given."""
        name, top, second, *rest = argument
        table = self._native.get("Mappings", {})[self.resolve(name)]
        try:
            return self.resolve(table[self.resolve(top)][self.resolve(second)])
        except KeyError:
            if rest:
                return self.resolve(rest[0]["DefaultValue"])
            raise Unresolved(f"no entry in the mapping: {argument}") from None

    def select(self, argument: list[Any]) -> Any:
        """Select."""
        return self.resolve(argument[1])[int(self.resolve(argument[0]))]

    def split(self, argument: list[Any]) -> list[str]:
        """Split."""
        return str(self.resolve(argument[1])).split(argument[0])

    def equals(self, argument: list[Any]) -> bool:
        """Equals."""
        left, right = (self.resolve(v) for v in argument)
        return bool(as_text(left) == as_text(right))

    def to_json(self, argument: Any) -> str:
        """ToJsonString (AWS::LanguageExtensions)."""
        return json.dumps(self.resolve(argument))

    def length(self, argument: Any) -> int:
        """Length (AWS::LanguageExtensions)."""
        return len(self.resolve(argument))


def _base64(resolver: _Resolver, argument: Any) -> str:
    return base64.b64encode(str(resolver.resolve(argument)).encode()).decode()


_INTRINSICS: dict[str, Callable[[_Resolver, Any], Any]] = {
    "Ref": _Resolver.ref,
    "Condition": _Resolver.condition,
    "Fn::GetAtt": _Resolver.get_att,
    "Fn::Sub": _Resolver.sub,
    "Fn::Join": _Resolver.join,
    "Fn::If": _Resolver.choose,
    "Fn::FindInMap": _Resolver.find,
    "Fn::Select": _Resolver.select,
    "Fn::Split": _Resolver.split,
    "Fn::Equals": _Resolver.equals,
    "Fn::Not": lambda r, a: not r.resolve(a[0]),
    "Fn::And": lambda r, a: all(r.resolve(v) for v in a),
    "Fn::Or": lambda r, a: any(r.resolve(v) for v in a),
    "Fn::Base64": _base64,
    "Fn::ToJsonString": _Resolver.to_json,
    "Fn::Length": _Resolver.length,
    "Fn::GetAZs": lambda r, _: [f"{r._place.region}{z}" for z in "abc"],
}
