"""Take e-mail addresses out of URLs, titles and free text.

Pages put addresses where they do not belong: in the query of a thank-you page, in a title, in a custom field. The
platforms forbid it and so do we: at the door every such text passes here, and the outgoing scanner asks again.

An address is found by its separator: `@`, or `%40` encoded up to four times. To its left and right stand runs of
characters that can be part of an address, plain or percent-encoded; what separates the parts of a URL (`/ ? & = #`,
encoded likewise) ends a run, so the rest of the query keeps its bytes. The domain needs a dot and, behind it, a
label that begins with a letter: `/@52.5,13.4,15z`, `@handle` and `pkg@1.2.3` are none.

Every pattern is possessive and each begins where the last one ended, so the time is linear in the length.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "redacted"

# The contract limits an event to 8 levels; what lies deeper than this never was one.
_MAX_DEPTH = 32
_NESTING = (dict, list, tuple)

# Any character but the delimiters of URLs, JSON and prose. A list of what is excluded, because Python's \w lacks the
# vowel signs of Indic scripts. U+200C and U+200D join letters and are let through.
_DELIMITERS = r"\x00-\x20\x7f-\xa0\"#%&(),/:;<=>?@\[\\\]|\u1680\u2000-\u200b\u200e-\u206f\u3000-\u3003\u3008-\u3011"
_DELIMITERS += r"\uff08\uff09\uff0c\uff1a\uff1b"
_PERCENT = r"%(?:25){0,3}"  # a percent sign, encoded up to three times more
# Percent-encoded UTF-8, letters, digits, and the punctuation that an address has: ! $ ' * + - . ^ _ ` { } ~
_LOCAL_HEX = r"(?:[89a-f][0-9a-f]|2[147abde]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5[ef]|60|7[bde])"
_LABEL_HEX = r"(?:[89a-f][0-9a-f]|2d|3[0-9]|[46][1-9a-f]|[57][0-9a]|5f)"
_LOCAL = rf"(?:[^{_DELIMITERS}]|{_PERCENT}{_LOCAL_HEX})"
_LABEL_CHAR = rf"(?:[^{_DELIMITERS}!$'*+.^`{{}}~]|{_PERCENT}{_LABEL_HEX})"
_LABEL = rf"{_LABEL_CHAR}++"
_DOT = rf"(?:\.|{_PERCENT}2e)"
_AT = rf"(?:@|{_PERCENT}40)"
_ENCODED_AT = re.compile(rf"{_PERCENT}40")
_HOST = rf"{_AT}{_LABEL}(?:{_DOT}{_LABEL})*+"
_QUOTE = rf"(?:{_PERCENT}22)"
_QUOTED = rf"\"[^\"\r\n,:{{}}\[\]]{{1,64}}+\"(?={_AT})|{_QUOTE}(?:(?!{_QUOTE})[^\s\"&,:=]){{1,192}}+{_QUOTE}(?={_AT})"

_CANDIDATE = re.compile(
    rf"(?P<local>{_QUOTED}|(?!'){_LOCAL}++)(?P<domain>{_HOST}(?:{_LOCAL}*+{_HOST})*+)?"
    rf"|{_PERCENT}[0-9a-f]{{2}}",  # an encoded delimiter, passed as a whole: its digits begin no address
    re.IGNORECASE,
)
# `logo@2x.png`: a picture for a dense screen, not a person.
_PICTURE = rf"{_AT}[1-9](?:\.[0-9])?x\.(?:avif|gif|jpe?g|png|svg|webp)(?!{_DOT}?{_LABEL_CHAR})"
# A label behind a dot that can be a top-level domain: two characters and more, the first a letter (plain or encoded).
_TOP = re.compile(
    rf"(?!{_PICTURE}){_AT}{_LABEL}(?:{_DOT}{_LABEL})*?{_DOT}(?:[^\W\d_]|{_PERCENT}(?:[89a-f]|[46][1-9a-f]|[57][0-9a]))"
    rf"{_LABEL_CHAR}",
    re.IGNORECASE,
)
# What names a mailbox: `.@handle` and `-@handle` do not.
_NAMING = re.compile(r"[^\W_]|[^\x00-\x7f]|%")
_SLASHES = r"(?:/|%(?:25){0,3}2f){2}"
_USERINFO = re.compile(
    rf"(?P<scheme>(?::|{_PERCENT}3a){_SLASHES})"
    rf"(?:(?:[^\s/?#&@%<>\"\\,;'|]|%(?!(?:25){{0,3}}(?:2[0236f]|3[cef]|40|5c)))*+{_AT})++",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Replace every e-mail address by `redacted`, and drop the user and password of a URL.

    Shape:  idempotent; a text without an address comes back unchanged, byte for byte.
    """
    if not _suspicious(text):
        return text
    without = _CANDIDATE.sub(_replace, _USERINFO.sub(_scheme_only, text))
    return _USERINFO.sub(_scheme_only, without)  # a quoted address may have hidden a password behind it


def redact_deep(value: Any) -> Any:
    """Return a JSON-like value with every text and every key redacted; what is nested absurdly deep is replaced."""
    return _redact_at(value, 0)


def has_email(text: str) -> bool:
    """Say whether an e-mail address stands in a text, by the rules of `redact`."""
    return _suspicious(text) and any(_is_address(found) for found in _CANDIDATE.finditer(text))


def _suspicious(text: str) -> bool:
    return "@" in text or ("%" in text and _ENCODED_AT.search(text) is not None)


def _scheme_only(found: re.Match[str]) -> str:
    return found["scheme"]


def _replace(found: re.Match[str]) -> str:
    return REDACTED if _is_address(found) else found[0]


def _is_address(found: re.Match[str]) -> bool:
    domain = found["domain"]
    if domain is None or _TOP.search(domain) is None:
        return False
    return _NAMING.search(found["local"]) is not None


def _redact_at(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redact(value) if "@" in value or "%" in value else value
    if not isinstance(value, _NESTING):
        return value
    if depth == _MAX_DEPTH:
        return REDACTED
    if isinstance(value, dict):
        return {_redact_at(key, depth): _redact_at(item, depth + 1) for key, item in value.items()}
    return [_redact_at(item, depth + 1) for item in value]
