"""Skips or caches expensive work that changes no response.

Half of the time of an event went into signatures that nobody checks, the user agent, and tables
that moto computes for every request. Each change here wraps one function and returns the same as
that function. docs/performance.md, "Replay", has the figures.
"""

import copy
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache, partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from embedded import quick_dynamodb, quick_requests, quick_responses, scheduler

_PARSING = "moto.dynamodb.parsing"
USER_AGENT = "Boto3/embedded"
UNSIGNED = "SignedHeaders=host, Signature=" + 64 * "0"


@cache
def install() -> None:
    """Change botocore and moto, once per process. botocore changes only inside of an emulation."""
    _cache_models()
    _install_unsigned()
    _wrap("botocore.useragent", "UserAgentString", "to_string", _fixed_user_agent)
    _cache_lookups()
    _cache_routes()
    _cache_member_names()
    _cache_texts()
    _cache_expressions()
    _copy_only_what_changes()
    _wrap_in("moto.kms.models", "generate_private_key", _none_of_its_own)
    _wrap("botocore.hooks", "EventAliaser", "__copy__", _knowing_the_names)
    quick_dynamodb.install()
    quick_requests.install()
    quick_responses.install()


_bare: list[None] = []  # an entry for each moto that was entered without an account


def _is_emulated() -> bool:
    return bool(_bare) or scheduler.active() is not None


@contextmanager
def in_effect() -> Iterator[None]:
    """Meanwhile botocore is changed too, though no account was entered."""
    _bare.append(None)
    try:
        yield
    finally:
        _bare.pop()


def _wrap(module: str, owner: str, name: str, wrapper: Callable[[Any], Any]) -> None:
    kind = getattr(import_module(module), owner)
    setattr(kind, name, wrapper(getattr(kind, name)))


def _wrap_in(module: str, name: str, wrapper: Callable[[Any], Any]) -> None:
    names = vars(import_module(module))
    names[name] = wrapper(names[name])


def _cache_models() -> None:
    """All sessions share the service models. Those of S3 and IAM are megabytes."""
    _wrap_in("botocore.session", "create_loader", cache)


def _fixed_user_agent(original: Callable[[Any], str]) -> Callable[[Any], str]:
    """botocore builds the user agent from fifteen parts, twice for every call."""

    def to_string(agent: Any) -> str:
        return USER_AGENT if _is_emulated() else original(agent)

    return to_string


def _install_unsigned() -> None:
    """moto reads key, Region and service of a signature and does not check it."""
    signers: dict[str, Any] = import_module("botocore.auth").AUTH_TYPE_MAPS
    for version in ("v4", "s3v4"):
        signers[version] = _skip_signing(signers[version])


def _skip_signing(signer: Any) -> Any:
    """A signer that names the key and does not sign, where nothing else is read."""

    class Unsigned(signer):  # type: ignore[misc]
        def add_auth(self, request: Any) -> None:
            keys = self.credentials
            if not _is_emulated() or keys is None or _is_streamed(request):
                super().add_auth(request)
                return
            scope = f"20261124/{self._region_name}/{self._service_name}/aws4_request"
            credential = f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}"
            request.headers["Authorization"] = f"{credential}, {UNSIGNED}"
            if keys.token:
                request.headers["X-Amz-Security-Token"] = keys.token

    return Unsigned


def _is_streamed(request: Any) -> bool:
    """A streamed body comes in signed chunks, and moto needs the signature to split them."""
    algorithm = request.context.get("checksum", {}).get("request_algorithm")
    return isinstance(algorithm, dict) and algorithm.get("in") == "trailer"


def _cache_lookups() -> None:
    """moto computes these from its own classes for every request."""
    _wrap_in("moto.core.responses", "method_names_from_class", cache)
    backend = import_module("moto.core.base_backend").BaseBackend
    backend.urls = property(_cache_by_class(backend.urls.fget))
    module = "moto.core.base_backend"
    _wrap(module, "BackendDict", "_create_account_specific_backend", _create_once)
    _wrap(module, "AccountSpecificBackend", "_generate_regions", _cache_regions)


def _cache_routes() -> None:
    """moto tries the 180 patterns of all services on every URL until one matches."""
    stubber = vars(import_module("moto.core.botocore_stubber"))
    routes = _Routes(tuple(stubber["backend_index"].backend_url_patterns))
    stubber["backend_index"] = routes
    stubber["get_equivalent_url_in_aws_domain"] = routes.noting(
        stubber["get_equivalent_url_in_aws_domain"]
    )


class _Routes:
    """In place of moto's index: of its patterns those that match the request's URL."""

    def __init__(self, patterns: tuple[tuple[str, Any], ...]) -> None:
        self._url = threading.local()

        @lru_cache(maxsize=1024)
        def matching(url: str) -> tuple[tuple[str, Any], ...]:
            return tuple(one for one in patterns if one[1].match(url))

        self._matching = matching

    def noting(self, original: Callable[[str], Any]) -> Callable[[str], Any]:
        """moto's function that reads the URL of a request, just before it looks for its service."""

        def get_equivalent_url_in_aws_domain(url: str) -> Any:
            parsed, changed = original(url)
            self._url.clean = f"{parsed.scheme}://{parsed.netloc}{parsed.path}"
            return parsed, changed

        return get_equivalent_url_in_aws_domain

    @property
    def backend_url_patterns(self) -> tuple[tuple[str, Any], ...]:
        """In moto's order."""
        return self._matching(self._url.clean)


def _cache_member_names() -> None:
    """The names under which moto looks for a member in its objects, tried for every value."""
    serialize = import_module("moto.core.serialize")
    providers = serialize.DEFAULT_ALIAS_PROVIDERS
    _wrap(
        "moto.core.serialize",
        "XFormedAttributePicker",
        "get_possible_keys",
        partial(_cache_by_type_and_shape, providers),
    )


def _cache_by_type_and_shape(
    providers: Any, original: Callable[[Any, Any], Iterable[str]]
) -> Callable[[Any, Any], Iterable[str]]:
    """They follow from the object's class, the member's shape and its name."""
    found: dict[tuple[type, Any, str], tuple[str, ...]] = {}

    def get_possible_keys(picker: Any, context: Any) -> Iterable[str]:
        if picker.alias_providers is not providers:
            return original(picker, context)
        key = (type(context.obj), context.shape, context.key)
        if key not in found:
            found[key] = tuple(original(picker, context))
        return found[key]

    return get_possible_keys


def _cache_texts() -> None:
    """What follows from a short text or a moment alone, as a method's name or a header."""
    _wrap_in("botocore.utils", "_parse_timestamp_with_tzinfo", lru_cache(1024))
    _wrap_in("moto.core.responses", "http_date", lru_cache(16))
    for module in ("moto.core.responses", "moto.sqs.models"):
        _wrap_in(module, "camelcase_to_underscores", lru_cache(1024))


@contextmanager
def without_other_clients() -> Iterator[None]:
    """Meanwhile entering moto prepares botocore alone, and no other library for HTTP.

    moto would register its 1,300 URLs for `requests` too, each time. What is not registered does
    not go out: it is refused.
    """
    models = vars(import_module("moto.core.models"))
    methods, models["RESPONSES_METHODS"] = models["RESPONSES_METHODS"], []
    try:
        yield
    finally:
        models["RESPONSES_METHODS"] = methods


def _create_once(original: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    """moto looks up a service's accounts more often than anything else."""

    def create(services: Any, account: str) -> None:
        if not dict.__contains__(services, account):
            original(services, account)

    return create


def _cache_regions(original: Callable[[Any, str], list[str]]) -> Callable[[Any, str], list[str]]:
    """The Regions of a service are the same for every account; moto computes them for each."""
    regions: dict[str, list[str]] = {}

    def generate(services: Any, service: str) -> list[str]:
        if service not in regions:
            regions[service] = original(services, service)
        return regions[service]

    return generate


def _cache_expressions() -> None:
    """DynamoDB's update expressions are parsed once each, and checked once as a whole.

    moto also checks every part of an expression by itself, which takes quadratic time. An error
    in a part is an error in the whole.
    """
    parser = import_module(f"{_PARSING}.expressions").UpdateExpressionParser
    parser.make = staticmethod(lru_cache(maxsize=256)(parser.make))
    validators = f"{_PARSING}.validators"
    _wrap(validators, "ActionCountValidator", "verify_action_counts", _check_once)
    _wrap(validators, "OverlappingPathsValidator", "check_for_overlapping_paths", _check_once)
    _wrap(f"{_PARSING}.ast_nodes", "DepthFirstTraverser", "nodes_to_be_processed", _cache_by_class)


def _check_once(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def check(validator: Any, node: Any) -> Any:
        return original(validator, node) if node.parent is None else node

    return check


_changing: list[list[dict[str, Any]]] = []  # the entries of the transaction that runs


def _copy_only_what_changes() -> None:
    """moto copies whole tables before each transaction, to restore them if it fails."""
    models = "moto.dynamodb.models"
    vars(import_module(models))["copy"] = SimpleNamespace(deepcopy=_copied)
    _wrap(models, "DynamoDBBackend", "transact_write_items", _knowing_what_changes)


def _knowing_what_changes(original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def transact_write_items(backend: Any, transact_items: list[dict[str, Any]]) -> None:
        _changing.append([body for entry in transact_items for body in entry.values()])
        try:
            original(backend, transact_items)
        finally:
            _changing.pop()

    return transact_write_items


def _copied(thing: Any) -> Any:
    """A deep copy that shares with the original what the running transaction does not change."""
    if not _changing or not hasattr(thing, "hash_key_attr"):
        return copy.deepcopy(thing)
    changing = {id(item) for item in _items_of(thing, _changing[-1])}
    same = [one for one in [*thing.all_items(), *thing.items] if id(one) not in changing]
    return copy.deepcopy(thing, {id(one): one for one in same})


def _items_of(table: Any, bodies: Iterable[dict[str, Any]]) -> list[Any]:
    """The items of a table that these entries name."""
    from moto.dynamodb.models.dynamo_type import DynamoType

    found = []
    for body in bodies:
        key = body.get("Key") or body.get("Item") or {}
        names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
        if body.get("TableName") == table.name and all(name in key for name in names):
            found.append(table.get_item(*(DynamoType(key[name]) for name in names)))
    return found


def _none_of_its_own(original: Callable[[str], Any]) -> Callable[[str], Any]:
    """A symmetric key has no key pair. moto makes one for each, and nothing uses it."""
    shared = cache(lambda: original("SYMMETRIC_DEFAULT"))

    def generate_private_key(spec: str) -> Any:
        return shared() if spec == "SYMMETRIC_DEFAULT" else original(spec)

    return generate_private_key


def _knowing_the_names(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Each client has a copy of the session's events, which reads all names of them anew.

    What a name becomes follows from the name and the aliases, which a copy has too.
    """

    def __copy__(aliaser: Any) -> Any:
        made = original(aliaser)
        made._alias_name_cache = aliaser._alias_name_cache
        return made

    return __copy__


def _cache_by_class(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Cache what depends on an object's class alone: a backend's URLs, the nodes a check visits."""
    found: dict[type, Any] = {}

    def remembered(thing: Any) -> Any:
        kind = type(thing)
        if kind not in found:
            found[kind] = original(thing)
        return found[kind]

    return remembered
