"""CloudFormation's intrinsic functions, conditions and rules, over one template."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from embedded.attributes import NAMES, attribute, generated, reference
from embedded.parameters import as_text, items
from embedded.place import Place
from embedded.stack import Resource, Unresolved, stack_id

_NO_VALUE = object()
_PSEUDO = re.compile(r"AWS::\w+")


class Resolver:
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


def _base64(resolver: Resolver, argument: Any) -> str:
    return base64.b64encode(str(resolver.resolve(argument)).encode()).decode()


_INTRINSICS: dict[str, Callable[[Resolver, Any], Any]] = {
    "Ref": Resolver.ref,
    "Condition": Resolver.condition,
    "Fn::GetAtt": Resolver.get_att,
    "Fn::Sub": Resolver.sub,
    "Fn::Join": Resolver.join,
    "Fn::If": Resolver.choose,
    "Fn::FindInMap": Resolver.find,
    "Fn::Select": Resolver.select,
    "Fn::Split": Resolver.split,
    "Fn::Equals": Resolver.equals,
    "Fn::Not": lambda r, a: not r.resolve(a[0]),
    "Fn::And": lambda r, a: all(r.resolve(v) for v in a),
    "Fn::Or": lambda r, a: any(r.resolve(v) for v in a),
    "Fn::Base64": _base64,
    "Fn::ToJsonString": Resolver.to_json,
    "Fn::Length": Resolver.length,
    "Fn::GetAZs": lambda r, _: [f"{r._place.region}{z}" for z in "abc"],
}
