"""Small faults of the core, one line each: which test sees them?

A mutant is one change of one place: a comparison, a condition, a clause of a DynamoDB expression,
an entry of a table, a field of a row, or a statement. The list is drawn in the order of a digest of
each change, so that it comes again, and a change of the code moves only what it touches.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain, groupby, zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = "layers/cordon/cordon"
ROOMS = {
    "policy": ("gate", "policy"),
    "statuses": ("statuses",),
    "contain": ("contain", "capture", "attempt"),
    "release": ("release",),
    "memory": ("memory/budget", "memory/cases", "memory/holds", "memory/settings", "memory/table"),
    "respond": ("respond", "again", "outcome", "workflow", "facts"),
}
EXPRESSIONS = "expressions"  # of the memory's rows, drawn as if they were a room
PAIRS = "Lt LtE, Gt GtE, Eq NotEq, Is IsNot, In NotIn"
OPPOSITE = dict(p.split() for p in PAIRS.split(", "))
OPPOSITE |= {other: one for one, other in OPPOSITE.items()}
# A DynamoDB condition as it is written in the source; what begins so writes instead.
CLAUSE = re.compile(r"attribute_(not_)?exists\(|contains\(|[\w#{}.]+ (=|<|>|<>) (:|\{value)")
WRITES = re.compile(r'f?"[, ]*(SET|ADD|REMOVE|DELETE|\{\})')
ROW_CHANGES = ("replace", "transition")  # calls whose keywords are fields of a row
Node = ast.expr | ast.stmt
Said = tuple[str, str] | None  # how it was and is, where that is not the whole source


@dataclass(frozen=True)
class Mutant:
    """One change. ``start`` and ``end`` are places in the module's bytes."""

    room: str
    module: str  # below CORE, without its ending
    line: int
    function: str
    kind: str
    was: str
    now: str
    start: int
    end: int
    text: str  # what takes the place of the bytes
    nth: int = 1  # of those that are the same in the same function

    @property
    def identity(self) -> str:
        """The same as long as this place of the code is."""
        nth = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.module} {self.function} {self.kind}: {self.was} -> {self.now}{nth}"

    def changed(self, source: bytes) -> bytes:
        """The module with this change."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def drawn(count: int, seed: int, root: Path = ROOT) -> list[Mutant]:
    """So many mutants: from each room in turn, and there from each kind; in the code's order."""

    def in_digest_order(m: Mutant) -> tuple[str, str]:
        return m.kind, sha256(f"{seed} {m.identity}".encode()).hexdigest()

    of_all, names = sorted(every(root), key=in_digest_order), [*ROOMS, EXPRESSIONS]
    rooms = []
    for room in names:
        kinds = groupby((m for m in of_all if m.room == room), key=lambda m: m.kind)
        rooms.append(_in_turn([list(mutants) for _, mutants in kinds]))
    chosen = _in_turn(rooms)[:count]
    return sorted(chosen, key=lambda m: (names.index(m.room), m.module, m.line, m.start))


def _in_turn(lists: list[list[Mutant]]) -> list[Mutant]:
    return [one for one in chain.from_iterable(zip_longest(*lists)) if one is not None]


def every(root: Path = ROOT) -> Iterator[Mutant]:
    """Every mutant of every room."""
    for room, modules in ROOMS.items():
        for module in modules:
            source = (root / CORE / f"{module}.py").read_bytes()
            seen: Counter[str] = Counter()
            for mutant in _Module(room, module, source).mutants():
                seen[mutant.identity] += 1
                yield replace(mutant, nth=seen[mutant.identity])


class _Module:
    def __init__(self, room: str, module: str, source: bytes) -> None:
        self._room, self._module, self._source = room, module, source
        self._tree = ast.parse(source)
        lengths = [len(line) for line in source.splitlines(keepends=True)]
        self._begins = [sum(lengths[:number]) for number in range(len(lengths))]

    def mutants(self) -> Iterator[Mutant]:
        for node, function in self._walk(self._tree, ""):
            yield from self._changes(node, function)
            yield from self._conditions(node, function)
        for node in self._tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    yield from self._tables(value, name)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    yield from self._tables(value, name)

    def _changes(self, node: ast.AST, function: str) -> Iterator[Mutant]:
        match node:
            case ast.Compare():
                other = deepcopy(node)
                other.ops[0] = getattr(ast, OPPOSITE[type(node.ops[0]).__name__])()
                yield self._mutant(node, function, "comparison", ast.unparse(other))
            case ast.Call():
                yield from self._fields(node, function)
            case ast.Constant() | ast.JoinedStr():
                yield from self._clauses(node, function)
            case ast.If(body=body, orelse=orelse):
                guards = [last for last in (*body[-1:], *orelse[-1:]) if type(last) is ast.Return]
                yield from (self._mutant(last, function, "statement", "pass") for last in guards)
            case ast.Expr(value=ast.Call()) | ast.Raise() | ast.AugAssign() | ast.Continue():
                yield self._mutant(node, function, "statement", "pass")

    def _walk(self, node: ast.AST, function: str) -> Iterator[tuple[ast.AST, str]]:
        """Every node that runs, with the function that it is in; a type or docstring is neither."""
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.Expr(value=ast.Constant()) | ast.Subscript() | ast.arguments():
                    continue
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    yield from self._walk(child, f"{function}.{name}".lstrip("."))
                case ast.JoinedStr():
                    yield child, function  # Python 3.11 does not say where its parts are
                case _:
                    yield child, function
                    yield from self._walk(child, function)

    def _conditions(self, node: ast.AST, function: str) -> Iterator[Mutant]:
        tests: list[ast.expr] = []
        match node:
            case ast.BoolOp(op=op, values=values):
                word = "or" if isinstance(op, ast.And) else "and"
                new = "(" + f" {word} ".join(f"({ast.unparse(one)})" for one in values) + ")"
                yield self._mutant(node, function, "condition", new)
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                tests = [test]
            case ast.comprehension(ifs=ifs):
                tests = ifs
        for test in tests:
            if not isinstance(test, ast.Compare | ast.NamedExpr):  # a comparison has its own
                yield self._mutant(test, function, "condition", f"(not ({ast.unparse(test)}))")

    def _fields(self, node: ast.Call, function: str) -> Iterator[Mutant]:
        if ast.unparse(node.func).rpartition(".")[2] not in ROW_CHANGES:
            return
        for keyword in node.keywords:
            if keyword.arg is not None:
                other = deepcopy(node)
                other.keywords = [one for one in other.keywords if one.arg != keyword.arg]
                call = f"{ast.unparse(node.func)}(…, {ast.unparse(keyword)})"
                said = (call, f"without {keyword.arg}")
                yield self._mutant(node, function, "field", ast.unparse(other), said)

    def _clauses(self, node: ast.expr, function: str) -> Iterator[Mutant]:
        """A clause that is always true, or in an OR never: the placeholders stay used."""
        start, end = self._bounds(node)
        was = self._source[start:end].decode()
        quoted = re.fullmatch(r'(f?")(.+)"', was)
        if self._room != "memory" or not quoted or WRITES.match(was) or not CLAUSE.search(was):
            return
        word = " OR " if " OR " in was else " AND "
        clauses = quoted[2].split(word)
        how, and_not = ("never", "AND NOT") if word == " OR " else ("always", "OR NOT")
        for number, clause in enumerate(clauses):
            without = f"({clause} {and_not} {clause})"
            new = word.join((*clauses[:number], without, *clauses[number + 1 :]))
            text, said = f'{quoted[1]}{new}"', (was, f"{how} {clause}")
            yield self._mutant(node, function, "expression", text, said)

    def _tables(self, node: ast.expr, name: str) -> Iterator[Mutant]:
        """The table that a name of the module is, and those in it."""
        match node:
            case ast.Dict():
                yield from self._entries(node, name)
                for key, value in zip(node.keys, node.values, strict=True):
                    yield from self._tables(value, f"{name} {ast.unparse(key) if key else ''}")
            case ast.Set() | ast.Tuple():
                yield from self._entries(node, name)
            case ast.Call(args=[inner]):
                yield from self._tables(inner, name)

    def _entries(self, node: ast.Dict | ast.Set | ast.Tuple, name: str) -> Iterator[Mutant]:
        kept = node.keys if isinstance(node, ast.Dict) else node.elts
        for number in range(len(kept) if len(kept) > 1 else 0):
            other, only = deepcopy(node), deepcopy(node)
            for part in ("keys", "values", "elts"):
                if entries := getattr(other, part, None):
                    setattr(only, part, [entries[number]])
                    del entries[number]
            said, line = (ast.unparse(only), "without it"), (kept[number] or node).lineno
            yield self._mutant(node, name, "entry", ast.unparse(other), said, line)

    def _bounds(self, node: Node) -> tuple[int, int]:
        end = self._begins[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        return self._begins[node.lineno - 1] + node.col_offset, end

    def _mutant(
        self, node: Node, function: str, kind: str, text: str, said: Said = None, line: int = 0
    ) -> Mutant:
        was, now = (" ".join(part.split()) for part in said or (ast.unparse(node), text))
        room = EXPRESSIONS if kind == "expression" else self._room
        place = (room, self._module, line or node.lineno, function, kind)
        return Mutant(*place, was, now, *self._bounds(node), text)
