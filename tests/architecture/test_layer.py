"""The layer's packages and root certificates, compared with the lock and Amazon's page."""

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import botocore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import trusted_roots
from console.account import cordon_stack
from cordon import trust
from embedded.place import Place
from tests.architecture.stack import ROOT

LAYER = ROOT / "layers" / "cordon"
BUNDLE = Path(botocore.__file__).with_name("cacert.pem").read_text()
KEYS = {  # SHA-256 of the public keys: https://www.amazontrust.com/repository/, "Root CAs"
    "Amazon Root CA 1": "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
    "Amazon Root CA 2": "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
    "Amazon Root CA 3": "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
    "Amazon Root CA 4": "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
    "Starfield Services Root Certificate Authority - G2": (
        "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92"
    ),
}
SMALL, WHOLE = "/opt/python/amazon-roots.pem", "/opt/python/botocore/cacert.pem"


def test_requirements_equal_the_lock() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {p["name"]: p for p in lock["package"]}
    pending, packages = ["aws-lambda-powertools", "boto3"], {}
    while pending:
        package = locked[pending.pop()]
        packages[package["name"]] = package
        names = [dependency["name"] for dependency in package.get("dependencies", [])]
        pending += [name for name in names if name not in packages]
    expected = {
        f"{name}=={p['version']}": {f["hash"] for f in (*p["wheels"], p["sdist"])}
        for name, p in packages.items()
    }
    blocks = re.split(r"\n(?=\S)", (LAYER / "requirements.txt").read_text().strip())
    listed = {b.split()[0]: set(re.findall(r"--hash=(\S+)", b)) for b in blocks}
    assert listed == expected


@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")  # Starfield's 0
def test_bundle_has_exactly_the_five_roots() -> None:
    roots, missing = trusted_roots.amazon_roots(BUNDLE)
    kept = x509.load_pem_x509_certificates(roots.encode())
    assert {name_of(c): key_of(c) for c in kept} == KEYS
    assert len(kept) == len(KEYS)
    assert missing == []


def name_of(certificate: x509.Certificate) -> str:
    (name,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(name.value)


def key_of(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    return hashlib.sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def without(*missing: str) -> str:
    """The bundle without these roots."""
    pems = trusted_roots.CERTIFICATE.findall(BUNDLE)
    names = trusted_roots.ROOTS
    return "".join(p for p in pems if names.get(trusted_roots.fingerprint(p)) not in missing)


@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")  # Starfield's 0
def test_missing_root_is_left_out_and_said(tmp_path: Path) -> None:
    """A new release of botocore must stop no deployment: the functions fall back."""
    (tmp_path / "botocore").mkdir()
    (tmp_path / "botocore" / "cacert.pem").write_text(without("Amazon Root CA 3"))
    build = [sys.executable, str(LAYER / "trusted_roots.py"), str(tmp_path)]
    built = subprocess.run(build, check=True, capture_output=True, text=True)
    assert "no Amazon Root CA 3 any more" in built.stderr
    kept = x509.load_pem_x509_certificates((tmp_path / "amazon-roots.pem").read_bytes())
    assert {name_of(c) for c in kept} == KEYS.keys() - {"Amazon Root CA 3"}


def test_bundle_without_any_of_the_roots_stops_the_build() -> None:
    with pytest.raises(ValueError, match="none of the roots"):
        trusted_roots.amazon_roots(without(*KEYS))


def test_functions_fall_back_to_what_the_template_names() -> None:
    assert (trust.PRUNED, trust.WHOLE) == (SMALL, WHOLE)


@pytest.mark.parametrize(
    ("region", "partition", "given", "trusted"),
    [
        ("eu-central-1", "aws", "", SMALL),
        ("cn-north-1", "aws-cn", "", WHOLE),
        ("us-gov-west-1", "aws-us-gov", "", WHOLE),
        ("eusc-de-east-1", "aws-eusc", "", WHOLE),
        ("eu-central-1", "aws", "/opt/python/cordon/proxy.pem", "/opt/python/cordon/proxy.pem"),
    ],
)
def test_functions_have_the_bundle_of_their_partition(
    region: str, partition: str, given: str, trusted: str
) -> None:
    """Never empty: with an empty AWS_CA_BUNDLE botocore creates no client."""
    place = Place("111122223333", region, partition)
    parameters: dict[str, Any] = {"CaBundle": given} if given else {}
    stack = cordon_stack(place, parameters)
    functions = stack.of("AWS::Lambda::Function")
    bundles = {f.properties["Environment"]["Variables"]["AWS_CA_BUNDLE"] for f in functions}
    assert bundles == {trusted}
