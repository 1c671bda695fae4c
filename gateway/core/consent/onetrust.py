"""OneTrust's cookie `OptanonConsent`: a query string whose `groups` hold one digit a category.

The digits are taken as they stand, before any click in OneTrust's banner too: the site chose there what holds until
then, for each region. A site can rename the category ids; only those that OneTrust ships are read.

Source:  https://my.onetrust.com, "OneTrust Cookies", and the cookie as quoted by the npm package
         @commercetools-frontend/cookie-consent (read 2026-11-22): C0001 essential, C0002 performance, C0003
         functional, C0004 targeting, C0005 social media.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, unquote

from gateway.core.event import Grant, Purpose

COOKIE: Final = "OptanonConsent"
# Our reading of the categories' names; C0003 and C0005 have no counterpart among our purposes.
GROUPS: Final[Mapping[str, tuple[Purpose, ...]]] = {
    "C0002": (Purpose.ANALYTICS_STORAGE,),
    "C0004": (Purpose.AD_STORAGE, Purpose.AD_USER_DATA, Purpose.AD_PERSONALIZATION),
}
MAX_FIELDS = 100  # twenty in captures; a bound, since the browser can send anything

_DIGITS: Final = {"1": Grant.GRANTED, "0": Grant.DENIED}


def read(cookies: Mapping[str, str]) -> Mapping[Purpose, Grant]:
    """Return the purposes that this cookie answers; none of them where it cannot be read."""
    if COOKIE not in cookies:
        return {}
    text = cookies[COOKIE].strip('"')
    if "=" not in text:
        text = unquote(text)  # some servers encode the whole value once more
    try:
        groups = ",".join(parse_qs(text, max_num_fields=MAX_FIELDS).get("groups", ()))
    except ValueError:
        return {}
    found: dict[Purpose, Grant] = {}
    for entry in groups.split(","):
        group, _, digit = entry.strip().partition(":")
        for purpose in GROUPS.get(group.upper(), ()) if digit in _DIGITS else ():
            # A group listed twice counts as the stricter of the two.
            found[purpose] = Grant.DENIED if found.get(purpose) is Grant.DENIED else _DIGITS[digit]
    return found
