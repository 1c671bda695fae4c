"""A value that came hashed: told by its form, never hashed again, and refused where no platform could use it.

Nobody can tell how such a value was spelled before it was hashed, so it is taken at the word of the convention that
its form belongs to: hex is everybody's, base64 is Google's alone (its tag and its API; read 2026-11-22).
"""

from __future__ import annotations

import base64
import re
from enum import Enum, auto
from typing import Final, NamedTuple

from gateway.core.person.fault import Fault
from gateway.core.person.junk import DIGESTS

# 64 hex, and what Meta's parameter builder hangs on it: 8 characters, in older versions 2.
# Source: Meta, parameter builder library, read 2026-11-22.
_SHA256: Final = re.compile(r"([0-9a-f]{64})(?:\.(?:[\w-]{8}|[\w-]{2}))?", re.IGNORECASE | re.ASCII)
_OTHER: Final = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{96}|[0-9a-f]{128})", re.IGNORECASE)
# 32 bytes, standard or URL-safe. Without its `=` it could be a word: then it has a digit and both cases, as 999 of
# 1,000 digests have. The last character carries four bits of the digest and two that are zero.
_PADDED: Final = re.compile(r"[A-Za-z0-9+/_-]{42}[AEIMQUYcgkosw048]=")
_BARE: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9+/_-]{42}[AEIMQUYcgkosw048]")
# SHA-256 of b"", which forms produce by hashing an empty field.
_NOTHING: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Form(Enum):
    HEX = auto()
    BASE64 = auto()


class CameHashed(NamedTuple):
    """A SHA-256 in lower-case hex, and the form it came in."""

    digest: str
    form: Form


def came_hashed(text: str) -> CameHashed | Fault | None:
    """Return the digest that a text is, a Fault for a useless one, None for a readable text."""
    if found := _SHA256.fullmatch(text):
        return _useful(found[1].lower(), Form.HEX)
    if _PADDED.fullmatch(text) or _BARE.fullmatch(text):
        data = base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_").rstrip("=") + "=")
        return _useful(data.hex(), Form.BASE64)
    return Fault.OTHER_HASH if _OTHER.fullmatch(text) else None


def _useful(digest: str, form: Form) -> CameHashed | Fault:
    if digest == _NOTHING:
        return Fault.HASH_OF_NOTHING
    return Fault.PLACEHOLDER if digest in DIGESTS else CameHashed(digest, form)
