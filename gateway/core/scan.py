"""The last look at what leaves: no readable personal data in a request body.

Adapters are handed digests only, so this finds nothing unless one of them (or a stranger's) has a fault. Then the
delivery stops as `dead:leak` and the answer names the place, never what stood there.
"""

from __future__ import annotations

import hashlib
import re
from binascii import unhexlify
from functools import lru_cache
from typing import Any

import orjson

from gateway.core.redact import has_email

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_OF_NOTHING = hashlib.sha256(b"")
_NOTHING = _OF_NOTHING.hexdigest()
# What may stand around the quotes of lists of digests, one behind the other.
_AROUND = frozenset({b"", b"[", b","})
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_$:-]{1,64}")


def leak(body: Any, hashed: frozenset[str], spelled: bytes | None = None) -> str | None:
    """Find the first place of a JSON-like body where readable personal data stands; None when it is clean.

    Under a key of `hashed` every text, however nested, has to be a SHA-256 in hex, and not the one of the empty text;
    None and empty lists say nothing and pass, numbers never do. An e-mail address, plain or encoded, is a leak
    anywhere, in a key as well. `spelled`, the body's JSON text as orjson writes it, saves most of the work: where
    `is_clean` is satisfied, the body has not to be looked into.

    Shape:  a path such as `data[0].user_data.em[1]`; a key that is not a plain word is shown as `*`.
    Errors: never raises; a body nested deeper than the interpreter can follow is answered with `*`.
    """
    try:
        if spelled is not None and is_clean(spelled, hashed):
            return None
        path = _find(body, hashed)
    except RecursionError:
        return "*"
    return None if path is None else path.removeprefix(".")


def is_clean(spelled: bytes, hashed: frozenset[str]) -> bool:
    """Glance at the JSON text of one body or of several: True where `leak` would find nothing in any of them.

    False says nothing yet: then each has to be looked into.
    """
    return not _has_at(spelled) and (not hashed or _is_hashed(spelled, hashed))


def _has_at(spelled: bytes) -> bool:
    """Look for an at sign: plain, percent-encoded (however often), or escaped in JSON, which our writer never does."""
    # `find`, since `in` first tries to read the bytes as a number, at 2,500 instructions a time.
    find = spelled.find
    if find(b"@") >= 0 or (find(b"%") >= 0 and (find(b"%40") >= 0 or find(b"2540") >= 0)):
        return True
    return find(b"\\") >= 0 and find(b"u0040") >= 0


def _find(value: Any, hashed: frozenset[str]) -> str | None:
    """Return the path from this value to the leak below it (empty: the value itself)."""
    if isinstance(value, str):
        return "" if has_email(value) else None
    if isinstance(value, dict):
        for key, item in value.items():
            found = _unhashed(item) if key in hashed else _find(item, hashed)
            if found is not None:
                return f".{_shown(key)}{found}"
            if isinstance(key, str) and has_email(key):
                return ".*"
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if (found := _find(item, hashed)) is not None:
                return f"[{index}]{found}"
    return None


def _is_hashed(spelled: bytes, hashed: frozenset[str]) -> bool:
    """Say whether behind every key of `hashed` stands a digest, or a list of them."""
    # A key stands behind a brace or a comma. Where it is always a comma, one pattern finds it by its first two bytes.
    found = _behind(hashed).findall(spelled.replace(b"{", b","))
    if b"" in found:
        return False
    told = b"".join(found)
    if told.find(b"[") < 0:  # no lists: what is found are 64 bytes each, with a quote before and behind
        digits = told.replace(b'"', b"")
        is_whole = len(digits) == 64 * len(found)
    else:
        parts = told.split(b'"')
        digits = b"".join(parts[1::2])
        is_whole = _AROUND.issuperset(parts[::2]) and {64}.issuperset(map(len, parts[1::2]))
    try:
        return is_whole and unhexlify(digits).find(_OF_NOTHING.digest()) < 0
    except ValueError:
        return False


@lru_cache(maxsize=64)
def _behind(hashed: frozenset[str]) -> re.Pattern[bytes]:
    """Compile what finds these keys and takes out what stands behind them: 64 bytes in quotes, or a list of texts.

    Whether they are digits is asked of all together, by what reads digits at a fraction of a pattern's cost.
    """
    keys = b"|".join(re.escape(orjson.dumps(key)[1:-1]) for key in sorted(hashed))
    return re.compile(rb',"(?:%b)":(".{64}"|\["[^]]*"(?=\])|)' % keys, re.DOTALL)


def _unhashed(value: Any) -> str | None:
    """Like `_find`, below a key that must hold digests."""
    if value is None:
        return None
    if isinstance(value, str):
        return None if _SHA256.fullmatch(value) and value.lower() != _NOTHING else ""
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if (found := _unhashed(item)) is not None:
                return f"[{index}]{found}"
        return None
    if isinstance(value, dict):  # digests by spelling
        for key, item in value.items():
            if (found := _unhashed(item)) is not None:
                return f".{_shown(key)}{found}"
            if isinstance(key, str) and has_email(key):
                return ".*"
        return None
    return ""  # a number can be a telephone's


def _shown(key: Any) -> str:
    return key if isinstance(key, str) and _PLAIN_KEY.fullmatch(key) else "*"
