"""What AWS returns in pages is read to the end, or a reason says why one page is all.

By botocore's models: an operation whose response has a token to go on with. A call that takes no
paginator must have the token in its module.
"""

import re
from collections.abc import Iterator
from functools import cache

from botocore import xform_name
from botocore.session import get_session

from console.operations import deployed, operations
from tests.architecture.stack import ROOT

TOKEN = re.compile(r"next_?token|marker", re.IGNORECASE)
ONE_PAGE = {  # why its first page is all that there is
    ("cloudformation", "DescribeStacks"): "one stack, by its name",
    ("ecr", "DescribeImages"): "the images that the call names",
    ("iam", "ListServiceSpecificCredentials"): "of one user, who has two of a service at most",
    ("s3", "GetObject"): "an object; DeleteMarker is no token",
}


@cache
def paged() -> frozenset[tuple[str, str]]:
    found = set()
    for service, name in operations(deployed(ROOT)):
        shape = get_session().get_service_model(service).operation_model(name).output_shape
        if shape is not None and any(TOKEN.search(member) for member in shape.members):
            found.add((service, name))
    return frozenset(found)


def calls(name: str) -> Iterator[tuple[str, str]]:
    """Each module that calls it without a paginator, with its text."""
    call = re.compile(rf"\.{xform_name(name)}\b(?!['\"])")
    for path in deployed(ROOT):
        text = path.read_text()
        if call.search(text):
            yield str(path.relative_to(ROOT)), text


def test_every_page_is_read() -> None:
    reads_one = [
        f"{module} calls {service} {name}"
        for service, name in sorted(paged() - ONE_PAGE.keys())
        for module, text in calls(name)
        if not TOKEN.search(text)
    ]
    assert reads_one == []


def test_each_reason_is_of_an_operation_that_has_pages() -> None:
    assert ONE_PAGE.keys() <= paged()
