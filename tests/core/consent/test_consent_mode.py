"""Google's Consent Mode strings: captured ones, and what becomes of one that we know better."""

from __future__ import annotations

import pytest

from gateway.core.consent.consent_mode import read, withdrawn
from gateway.core.event import Grant, Purpose

AD, STATS, DATA, PERSONAL = (
    Purpose.AD_STORAGE, Purpose.ANALYTICS_STORAGE, Purpose.AD_USER_DATA, Purpose.AD_PERSONALIZATION,
)  # fmt: skip
YES, NO = Grant.GRANTED, Grant.DENIED
ADS = (AD, DATA, PERSONAL)


def four(*grants: Grant) -> dict[Purpose, Grant]:
    return dict(zip((AD, STATS, DATA, PERSONAL), grants, strict=True))


# Strings of real banners (default, update, withdrawal), 2023 to 2026.
@pytest.mark.parametrize(
    ("gcd", "expected"),
    [
        ("13l3l3l3l1l1", {}),
        ("13t3t3t2t5l1", four(YES, YES, YES, YES)),
        ("13r3r3r2r5l1", four(YES, YES, YES, YES)),
        ("13v3v3v2v5l1", four(YES, YES, YES, YES)),
        ("13n3n3n2n5l1", four(YES, YES, YES, YES)),
        ("13p3p3p2p5l1", four(NO, NO, NO, NO)),
        ("13q3q3q2q5l1", four(NO, NO, NO, NO)),
        ("13u3u3u2u5l1", four(NO, NO, NO, NO)),
        ("13m3m3m2m5l1", four(NO, NO, NO, NO)),
        ("13t3tPt2t5l1", four(YES, YES, YES, YES)),
        ("11p1t1p1t5", four(NO, YES, NO, YES)),
        ("13l3l3l2l1l1", {PERSONAL: NO}),
        ("13r3r3r", {}),
        ("23r3r3r2r5l1", {}),
        ("13r3r3é2r5l1", {}),
        ("", {}),
    ],
)
def test_a_captured_string_says_what_the_visitor_chose(gcd: str, expected: dict[Purpose, Grant]) -> None:
    assert read(None, gcd) == expected


@pytest.mark.parametrize(
    ("gcs", "expected"),
    [
        ("G111", {AD: YES, STATS: YES}),
        ("G100", {AD: NO, STATS: NO}),
        ("G101", {AD: NO, STATS: YES}),
        ("G1-1", {STATS: YES}),
        ("G1--", {}),
        ("G211", {}),
        ("G1111", {}),
    ],
)
def test_the_short_string_says_two_purposes(gcs: str, expected: dict[Purpose, Grant]) -> None:
    assert read(gcs, None) == expected


def test_the_stricter_word_wins() -> None:
    assert read("G100", "13r3r3r2r5l1") == four(NO, NO, YES, YES)
    assert read("G111", "13q3r3r2r5l1")[AD] is NO
    assert read(None, "13r3r3r2r5l1", "1")[PERSONAL] is NO
    assert read(None, "13r3r3r2r5l1", "0")[PERSONAL] is YES


def test_a_hit_is_denied_what_its_visitor_denied_elsewhere() -> None:
    hit = {"gcs": "G111", "gcd": "13r3r3r2r5l1", "npa": "0", "em": "tv.1", "en": "x"}

    told = withdrawn(hit, ADS)

    assert told == {"gcs": "G101", "gcd": "13q3r3q2q5l1", "npa": "1", "en": "x"}
    assert read(told["gcs"], told["gcd"], told["npa"]) == four(NO, YES, NO, NO)
    assert withdrawn(hit, ()) == hit


@pytest.mark.parametrize("letter", "lmnpqrtuv")
def test_whatever_was_chosen_a_denial_reads_as_one(letter: str) -> None:
    told = withdrawn({"gcd": f"13{letter}3{letter}3{letter}2{letter}5l1"}, ADS)

    assert [read(None, told["gcd"])[purpose] for purpose in ADS] == [NO, NO, NO]


def test_what_cannot_be_read_is_not_guessed() -> None:
    assert withdrawn({"gcs": "?", "gcd": "?"}, ADS) == {"npa": "1"}
