"""Is a digest signed? A part of the script of an archive, which needs Python and nothing else.

RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2.2).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# EMSA-PKCS1-v1_5 of SHA-256: what is before the hash (RFC 8017, section 9.2, note 1).
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
OF_RSA = bytes.fromhex("06092a864886f70d010101")  # rsaEncryption (RFC 8017, appendix A.1)


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Is this the signature of the message by the key, which is in DER as KMS gives it?"""
    modulus, exponent = _rsa(public_key)
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= modulus:
        return False
    found = pow(number, exponent, modulus).to_bytes(size, "big")
    hashed = SHA256_INFO + hashlib.sha256(message).digest()
    return found == b"\x00\x01" + b"\xff" * (size - 3 - len(hashed)) + b"\x00" + hashed


def _rsa(public_key: bytes) -> tuple[int, int]:
    """Modulus and exponent of a SubjectPublicKeyInfo (RFC 5280). Raises ValueError."""
    outer, _ = _der(public_key, 0x30)
    algorithm, rest = _der(outer, 0x30)
    if not algorithm.startswith(OF_RSA):
        raise ValueError("the public key is no RSA key")
    bits, _ = _der(rest, 0x03)
    both, _ = _der(bits[1:], 0x30)
    modulus, rest = _der(both, 0x02)
    exponent, _ = _der(rest, 0x02)
    return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")


def _der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of a value with this tag, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("the public key is not in DER")
    size, start = data[1], 2
    if size & 0x80:
        start = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:start], "big")
    return data[start : start + size], data[start + size :]


def signed_bytes(entry: Mapping[str, Any]) -> bytes:
    """What the signature of a digest's entry is over."""
    signed = {
        "number": entry["seq"],
        "previous": entry["previous"],
        "digest": entry["content"]["digest"],
    }
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
