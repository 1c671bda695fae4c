"""Cookiebot's cookie `CookieConsent`: what the visitor chose in its banner.

Source:  https://www.cookiebot.com/en/developer/, the PHP sample of it as copied in public repositories, and cookies
         captured there (read 2026-11-22): `0` is a refusal, `-1` a visitor in a region where no consent is asked,
         anything else an object in JavaScript's spelling with a boolean for each of the categories necessary,
         preferences, statistics and marketing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from gateway.core.event import Grant, Purpose

COOKIE: Final = "CookieConsent"
# Our reading of the categories' names; `preferences` has no counterpart among our purposes.
CATEGORIES: Final[Mapping[str, tuple[Purpose, ...]]] = {
    "statistics": (Purpose.ANALYTICS_STORAGE,),
    "marketing": (Purpose.AD_STORAGE, Purpose.AD_USER_DATA, Purpose.AD_PERSONALIZATION),
}

_FIELD = re.compile(r"[{,]\s*['\"]?([a-z]+)['\"]?\s*:\s*(true|false)\b", re.ASCII)


def read(cookies: Mapping[str, str]) -> Mapping[Purpose, Grant]:
    """Return the purposes that this cookie answers; none of them where it cannot be read."""
    if COOKIE not in cookies:
        return {}
    text = unquote(cookies[COOKIE]).strip()
    if text in ("0", "-1"):
        answer = Grant.DENIED if text == "0" else Grant.GRANTED
        return dict.fromkeys(Purpose, answer)
    if not (text.startswith("{") and text.endswith("}")):
        return {}
    # Plus signs stand for spaces in copies that scripts wrote; base64 in the stamp keeps them, and is not read.
    fields: dict[str, Grant] = {}
    for name, value in _FIELD.findall(text.replace(",+", ", ")):
        said = Grant.GRANTED if value == "true" else Grant.DENIED
        # A field said twice counts as the stricter of the two.
        fields[name] = Grant.DENIED if Grant.DENIED in (said, fields.get(name, said)) else said
    return {purpose: fields[name] for name, purposes in CATEGORIES.items() if name in fields for purpose in purposes}
