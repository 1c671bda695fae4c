"""What forms, templates and data frames write when they have nothing to write.

Hashed, each of these is one "person" for thousands of visitors, and platforms match on it. A real Ms Null loses one
match key of several; that is the price.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

_WORDS: Final = frozenset(
    {"null", "undefined", "none", "nan", "n/a", "#n/a", "(not set)", "not set", "(none)", "[object object]"}
)
# As an id, besides: flags, counters, and the one account that all guests share.
_NO_IDS: Final = _WORDS | {"0", "-1", "false", "true", "guest", "anonymous", "unknown"}
# Mailboxes that are made up where an address is obligatory.
_NO_MAILBOXES: Final = frozenset({"null", "undefined", "none", "nan", "noemail", "no-email"})
# A template that nobody filled in: Liquid, GTM and Handlebars, JavaScript, SFMC, Mailchimp, ERB.
_UNFILLED: Final = re.compile(r"\{\{.*\}\}|\$\{.*\}|%%.*%%|\*\|.*\|\*|<%.*%>", re.DOTALL)


def is_placeholder(text: str) -> bool:
    """Say whether a text stands for "nothing here"."""
    return text.strip().lower() in _WORDS or _UNFILLED.fullmatch(text.strip()) is not None


def is_no_id(text: str) -> bool:
    """Say whether a text names nobody, or everybody."""
    return text.strip().lower() in _NO_IDS or is_placeholder(text)


def is_no_mailbox(address: str) -> bool:
    """Say whether an address (lower case, with one @) was made up to get past a form: null@…, …@undefined.com."""
    mailbox, _, domain = address.partition("@")
    return mailbox in _NO_MAILBOXES or domain.partition(".")[0] in _NO_MAILBOXES


def _digests() -> frozenset[str]:
    words = {
        spelled
        for word in (*_NO_IDS, "{}", "[]", "NaN", "[object Object]")
        for spelled in (word, word.upper(), word.capitalize())
    }
    return frozenset(hashlib.sha256(word.encode()).hexdigest() for word in words)


DIGESTS: Final = _digests()
"""The same words as people send them hashed: lower-case hex SHA-256."""
