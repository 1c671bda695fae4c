"""A telephone number as people write it -> E.164.

phonenumberslite (Google's libphonenumber metadata) knows every country's trunk digits and lengths; what it does not
know is which country a number without a code is meant for. Guessing would attach the act to a stranger, so it is
asked for (the site's `phone_country`, else the person's own country), or the number is dropped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

_MAX_CHARS = 64  # a number with its extension and blanks; a longer text is prose
_BETWEEN = " -./()"
# 111 111 1111: what people type into a field that must not stay empty. 555 555 5555 is the vendors' own example.
_FILLERS = ({"0"}, {"1"}, {"9"})
_MIN_DIGITS, _MAX_DIGITS = 7, 15  # E.164 ends at 15; the platforms take none below 7


def e164(text: str, region: str | None) -> str | None:
    """Read a number; None where it is none, or where nothing says of which country it is.

    `+` and `00` begin an international number, everything else is read as dialled in `region` (ISO alpha-2). Among
    the readings one that is really assigned is preferred to one that only has a possible length.
    """
    ascii_text = "".join(_ascii_digit(char) for char in text.strip())
    if len(ascii_text) > _MAX_CHARS or sum(char.isdigit() for char in ascii_text) < _MIN_DIGITS:
        return None
    possible: str | None = None
    for number, certain in _readings(ascii_text, region):
        if set(str(number.national_number)) in _FILLERS:
            continue
        spelled = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        if not _MIN_DIGITS <= len(spelled) - 1 <= _MAX_DIGITS:
            continue
        if phonenumbers.is_valid_number(number):
            return spelled
        if certain and possible is None and _has_possible_length(number):
            possible = spelled
    return possible


def _ascii_digit(char: str) -> str:
    """Turn the digits of any script, and the full-width plus, into ASCII."""
    if char == "\uff0b":
        return "+"
    value = unicodedata.digit(char, None) if not char.isascii() else None
    return char if value is None else str(value)


def _readings(text: str, region: str | None) -> Iterator[tuple[PhoneNumber, bool]]:
    """Yield what the text can mean, likeliest first, and whether a possible length is enough to believe it."""
    digits = "".join(char for char in text if char.isdigit())
    international = "+" in text[: text.find(digits[0])]
    if international:
        yield from _parsed(text, None, certain=True)
        return
    if region is not None:
        if _begins_with_own_code(digits, region):
            yield from _parsed("+" + digits, None, certain=False)
        yield from _parsed(text, region, certain=not digits.startswith("00"))
    if digits.startswith("00"):
        rest = text.split("0", 2)[2]
        yield from _parsed("+" + rest.lstrip(_BETWEEN), None, certain=True)
    elif region is not None:  # a country code without its plus, as some databases keep it
        yield from _parsed("+" + text.lstrip(_BETWEEN), None, certain=False)


def _begins_with_own_code(digits: str, region: str) -> bool:
    """Say whether the region's own country code leads where a caller at home would have dialled the trunk digit.

    `49170…` on a German site is +49 170 …, the form that Meta documents; as a German number it would lack its 0.
    """
    trunk = phonenumbers.ndd_prefix_for_region(region, True)
    code = str(phonenumbers.country_code_for_region(region))
    return trunk is not None and not digits.startswith(trunk) and digits.startswith(code)


def _parsed(text: str, region: str | None, *, certain: bool) -> Iterator[tuple[PhoneNumber, bool]]:
    try:
        yield phonenumbers.parse(text, region), certain
    except NumberParseException:
        return


def _has_possible_length(number: PhoneNumber) -> bool:
    """Say so of a full number only: the local part of one, without its area code, could be anybody's."""
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
