"""Names of deployed Config rules, as event patterns: few wildcards for all spellings.

A deployed rule has its managed rule's name anywhere in its own, in any spelling of
``cordon.sources.config``. EventBridge refuses a rule that has many wildcards for a field as too
complex (``embedded.wildcard_complexity``: with asterisks on both sides four are too many). So two
say it, of the two longest words that all rules of a group have: without their first letters, which
are large or small, and in capitals. That is coarse; the exact gate decides.
"""

from collections.abc import Iterator
from typing import Any

WORDS = 2  # more of them are too complex again
_PRODUCTS = {"sagemaker": ("sage", "maker")}  # whose name has a capital letter within


def groups(rules: tuple[str, ...]) -> Iterator[tuple[str, list[Any]]]:
    """The first word of the managed rules that are named together, and their matchers.

    >>> list(groups(("sagemaker-*",)))
    [('sagemaker', [{'wildcard': '*age*aker*'}, {'wildcard': '*SAGEMAKER*'}])]
    >>> dict(groups(("s3-bucket-public-read-prohibited", "s3-bucket-level-public-prohibited")))
    {'s3': [{'wildcard': '*ublic*rohibited*'}, {'wildcard': '*PUBLIC*PROHIBITED*'}]}
    """
    by_first: dict[str, list[list[str]]] = {}
    for rule in rules:
        words = [word for word in rule.rstrip("*").split("-") if word]
        by_first.setdefault(words[0], []).append(words)
    for first, names in by_first.items():
        common = [word for word in names[0] if all(word in others for others in names)]
        longest = sorted(reversed(common), key=len, reverse=True)[:WORDS]  # the later of equals
        chosen = [word for word in common if word in longest]
        mixed = [part[1:] for word in chosen for part in _PRODUCTS.get(word, (word,))]
        texts = (mixed, [word.upper() for word in chosen])
        yield first, [{"wildcard": f"*{'*'.join(parts)}*"} for parts in texts]
