"""Google's Consent Mode as its tag writes it into every hit: `gcs` (two purposes) and `gcd` (four, with their story).

A letter of `gcd` holds what a page declared, its default and the visitor's update, two bits each: 2 denied, 3 granted.
The published tables of letters disagree; this reads the bits, which agree with strings captured from real banners.

Source: captured strings, and the open decoders of several tag debuggers, read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from gateway.core.event import Grant, Purpose

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
_ORDER: Final = (Purpose.AD_STORAGE, Purpose.ANALYTICS_STORAGE, Purpose.AD_USER_DATA, Purpose.AD_PERSONALIZATION)
_GCS: Final = re.compile(r"G1([01-])([01-])")
# A version, then one pair a purpose; newer strings go on with further pairs.
_GCD: Final = re.compile(r"1((?:[0-9A-Za-z_-]{2}){4})([0-9A-Za-z_-]*)")
_DENIED: Final = 2
_GRANTS: Final = {2: Grant.DENIED, 3: Grant.GRANTED}


def read(gcs: str | None, gcd: str | None, npa: str | None = None) -> Mapping[Purpose, Grant]:
    """Return what a hit says of each purpose; where two of its words differ, the stricter; unread ones are missing.

    Where nobody on the page spoke, `gcd` may still grant by default: that is Google's word and nobody's consent, so
    only its refusals are heard. `npa=1` denies personalised advertising.
    """
    found: dict[Purpose, Grant] = {}
    for purpose, grant in (*_of_gcs(gcs), *_of_gcd(gcd), *_of_npa(npa)):
        if found.get(purpose) is not Grant.DENIED:
            found[purpose] = grant
    return found


def _of_gcs(gcs: str | None) -> Iterator[tuple[Purpose, Grant]]:
    said = _GCS.fullmatch(gcs or "")
    if said:
        for purpose, digit in zip(_ORDER, said.groups(), strict=False):
            if digit != "-":
                yield purpose, Grant.GRANTED if digit == "1" else Grant.DENIED


def _of_gcd(gcd: str | None) -> Iterator[tuple[Purpose, Grant]]:
    said = _GCD.fullmatch(gcd or "")
    if said is None:
        return
    for place, purpose in enumerate(_ORDER):
        prefix, state = (_ALPHABET.index(letter) for letter in said[1][place * 2 : place * 2 + 2])
        # The visitor's update before the page's default before its declaration.
        spoken = [_GRANTS[bits] for bits in (state & 3, state >> 2 & 3, state >> 4 & 3) if bits in _GRANTS]
        if spoken:
            yield purpose, spoken[0]
        elif prefix & 3 == _DENIED:
            yield purpose, Grant.DENIED


def _of_npa(npa: str | None) -> Iterator[tuple[Purpose, Grant]]:
    if npa == "1":
        yield Purpose.AD_PERSONALIZATION, Grant.DENIED


def withdrawn(params: Mapping[str, str], denied: Collection[Purpose]) -> dict[str, str]:
    """Return the parameters of a hit whose visitor denied these purposes, whatever the page had said of them.

    Shape:  untouched where nothing is denied; a `gcs` or `gcd` that cannot be read is left out, not guessed.
    """
    told = dict(params)
    if not denied:
        return told
    if "gcs" in told:
        said = _GCS.fullmatch(told.pop("gcs"))
        if said:
            digits = (
                "0" if purpose in denied else digit for purpose, digit in zip(_ORDER, said.groups(), strict=False)
            )
            told["gcs"] = f"G1{''.join(digits)}"
    if "gcd" in told:
        said = _GCD.fullmatch(told.pop("gcd"))
        if said:
            told["gcd"] = f"1{''.join(_refused(said[1], denied))}{said[2]}"
    if Purpose.AD_PERSONALIZATION in denied:
        told["npa"] = "1"
    if Purpose.AD_USER_DATA in denied:
        told.pop("em", None)
    return told


def _refused(pairs: str, denied: Collection[Purpose]) -> Iterator[str]:
    for place, purpose in enumerate(_ORDER):
        prefix, letter = pairs[place * 2], pairs[place * 2 + 1]
        yield prefix
        yield _ALPHABET[_ALPHABET.index(letter) & ~3 | _DENIED] if purpose in denied else letter
