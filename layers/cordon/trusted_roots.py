"""Extract the root certificates of AWS's endpoints from the certificates that botocore ships.

For each new connection OpenSSL reads the whole certificate file. botocore's file has 126 roots. AWS
signs its endpoints with these five (Amazon Trust Services, "Repository": "we recommend that all
five of the above roots be included in the trust store"). Only for the partition ``aws``.

    python3 trusted_roots.py BUILT/python    (BUILT/python/botocore/cacert.pem -> amazon-roots.pem)
"""

import hashlib
import re
import ssl
import sys
from pathlib import Path

ROOTS = {  # by SHA-256 of the certificate; the tests compare the keys with Amazon's page
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e": "Amazon Root CA 1",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4": "Amazon Root CA 2",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4": "Amazon Root CA 3",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092": "Amazon Root CA 4",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5": (
        "Starfield Services Root Certificate Authority - G2"
    ),
}
CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)


def amazon_roots(bundle: str) -> tuple[str, list[str]]:
    """The five roots of a PEM bundle, and the names of those that it lacks.

    One may leave the bundle when AWS signs with it no more; what then still needs it falls back
    (``cordon.trust``). ValueError if all are missing: an empty file would trust nobody.
    """
    certificates = {fingerprint(pem): pem for pem in CERTIFICATE.findall(bundle)}
    kept = {name: certificates[d] for d, name in ROOTS.items() if d in certificates}
    if not kept:
        raise ValueError("the bundle has none of the roots of AWS's endpoints")
    missing = [name for name in ROOTS.values() if name not in kept]
    return "".join(f"# {name}\n{pem}" for name, pem in kept.items()), missing


def fingerprint(pem: str) -> str:
    """SHA-256 of the certificate's DER form, in hex."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest()


if __name__ == "__main__":
    built = Path(sys.argv[1])
    bundle = (built / "botocore" / "cacert.pem").read_text()
    roots, missing = amazon_roots(bundle)
    for name in missing:
        sys.stderr.write(f"botocore ships no {name} any more: it is left out\n")
    (built / "amazon-roots.pem").write_text(roots)
