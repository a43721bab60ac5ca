"""moto's DynamoDB, without the same being worked out again at every depth of an item.

moto adds up all sizes again for each attribute that it sets, copies each inner value to know its
size, and looks at each node of an update expression ten times for its abstract base class.
"""

import pickle
from collections import deque
from collections.abc import Callable
from functools import lru_cache, wraps
from importlib import import_module
from typing import Any

_TYPES = {
    "is_number": ("N",),
    "is_set": ("SS", "NS", "BS"),
    "is_list": ("L",),
    "is_map": ("M",),
    "is_binary": ("B",),
    "is_null": ("NULL",),
}


def install() -> None:
    """Change moto, once per process. It stores, refuses and responds the same."""
    values = import_module("moto.dynamodb.models.dynamo_type")
    kind = values.DynamoType
    for name, types in _TYPES.items():
        setattr(kind, name, _is_one_of(types))
    kind.size = _of_inner_values_themselves(kind.size, values)
    values.Item.__init__ = _added_up_once(values.Item.__init__, values)
    comparisons = import_module("moto.dynamodb.comparisons").ConditionExpressionParser
    comparisons._lex_condition_expression = _split_once(
        comparisons._lex_condition_expression, comparisons
    )
    nodes = import_module("moto.dynamodb.parsing.ast_nodes")
    traverser = nodes.DepthFirstTraverser
    traverser.traverse_node_recursively = _by_class(traverser.traverse_node_recursively, nodes.Node)
    validators = vars(import_module("moto.dynamodb.parsing.validators"))
    validators["deepcopy"] = _copies(validators["deepcopy"], nodes.Node)


def _is_one_of(types: tuple[str, ...]) -> Callable[[Any], bool]:
    def is_one_of(value: Any) -> bool:
        return value.type in types

    return is_one_of


def _of_inner_values_themselves(
    original: Callable[[Any], int], values: Any
) -> Callable[[Any], int]:
    """What is in a map is a value already: its size needs no copy of it."""
    kind, bytesize = values.DynamoType, values.bytesize

    @wraps(original)
    def size(one: Any) -> int:
        type_, value = one.type, one.value
        if type_ == "S" and type(value) is str:
            return len(value.encode())
        if type_ == "M" and all(type(inner) is kind for inner in value.values()):
            return sum(bytesize(name) + inner.size() for name, inner in value.items())
        return original(one)

    return size


def _added_up_once(original: Callable[..., None], values: Any) -> Callable[..., None]:
    """The size of an item is counted up with its attributes, where moto counts anew for each."""
    kind, fresh, limit = values.DynamoType, values.LimitedSizeDict, 405000  # moto's

    @wraps(original)
    def __init__(item: Any, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
        made = {name: kind(value) for name, value in attrs.items()}
        if sum(values.bytesize(name) + one.size() for name, one in made.items()) > limit:
            original(item, hash_key, range_key, attrs)  # raises
            return
        item.hash_key, item.range_key, item.attrs = hash_key, range_key, fresh()
        dict.update(item.attrs, made)

    return __init__


def _split_once(original: Callable[[Any], deque[Any]], kind: Any) -> Callable[[Any], deque[Any]]:
    """The words of a condition follow from its text alone."""

    @lru_cache(maxsize=256)
    def words(text: str) -> tuple[Any, ...]:
        return tuple(original(kind(text, None, None)))

    @wraps(original)
    def lex(parser: Any) -> deque[Any]:
        return deque(words(parser.condition_expression))

    return lex


def _by_class(original: Callable[..., Any], base: Any) -> Callable[..., Any]:
    """What is a node, and which of them a traverser processes, is known by their classes."""
    nodes: dict[type, bool] = {}
    processed: dict[tuple[type, type], bool] = {}

    def learn(traverser: Any, kind: type) -> bool:
        nodes[kind] = issubclass(kind, base)
        takes = nodes[kind] and issubclass(kind, traverser.nodes_to_be_processed())
        processed[type(traverser), kind] = takes
        return takes

    @wraps(original)
    def traverse(traverser: Any, node: Any, child_id: int = -1) -> Any:
        kind = type(node)
        key = (type(traverser), kind)
        is_processed = processed[key] if key in processed else learn(traverser, kind)
        if not nodes[kind]:
            return node
        parent = node.parent
        for at, child in enumerate(node.children or ()):
            traverser.pre_processing_of_child(node, at)
            traverse(traverser, child, at)
        if not is_processed:
            return node
        made = traverser.process(node)
        made.parent = parent
        if parent:
            parent.children[child_id] = made
        return made

    return traverse


def _copies(original: Callable[[Any], Any], base: Any) -> Callable[[Any], Any]:
    """An expression that was parsed once is copied for each update: from bytes."""

    @lru_cache(maxsize=256)
    def packed(node: Any) -> bytes:
        return pickle.dumps(node, pickle.HIGHEST_PROTOCOL)

    def deepcopy(thing: Any) -> Any:
        return pickle.loads(packed(thing)) if isinstance(thing, base) else original(thing)

    return deepcopy
