"""Hits of Google's own tag: one in the address, many in the body, and what none may bring in."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.outcome import Refused
from gateway.core.redact import has_email
from gateway.core.wires.draft import Refusal
from gateway.core.wires.ga4 import MAX_BODY_BYTES, MAX_LINES, Line, read

# A hit of the tag as it talks to a tag server (2025), shortened.
REAL = (
    "v=2&tid=G-ABC123&gtm=45he5641&_p=1749196701069&gcs=G111&gcd=13r3r3r2r5l1&npa=0&dma_cps=syphamo&dma=1"
    "&cid=584335997.1746564151&ecid=1548980841&ul=en-us&sr=1728x1117&ur=DE&uafvl=Chromium%3B134%7CNot%253AA%3B24"
    "&pscdl=noapi&_eu=AAAAAAQ&sst.rnd=1&sst.etld=google.de&sst.tft=1749196701069&_s=14&cu=USD&sid=1749196701&sct=41&seg=1"
    "&dl=https%3A%2F%2Fshop.example%2Fp%3Fgclid%3DCj0&dr=https%3A%2F%2Fshop.example%2F&dt=Shirt&en=add_to_cart&_c=1"
    "&pr1=idSKU_12345~nmStan%20and%20Friends%20Tee~cpSUMMER~ds2.22~lp0~brGoogle~caApparel~c2Adult~vagreen~pr10.01~qt3"
    "&epn.value=30.03&ep.plan=pro&epn.seats=3&up.tier=gold&_et=3110&tfd=395426&richsstsse"
)


def one(query: str, body: bytes = b"") -> Line:
    lines = read(query, body)
    assert not isinstance(lines, Refusal)
    (line,) = lines
    return line


def params(raw: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(raw, keep_blank_values=True).items()}


def test_a_real_hit_comes_out_in_the_contracts_words() -> None:
    assert one(REAL).fields == {
        "event": "add_to_cart",
        "page_location": "https://shop.example/p?gclid=Cj0",
        "page_referrer": "https://shop.example/",
        "page_title": "Shirt",
        "value": 30.03,
        "currency": "USD",
        "items": [
            {
                "item_id": "SKU_12345", "item_name": "Stan and Friends Tee", "item_brand": "Google",
                "item_category": "Apparel", "item_variant": "green", "price": 10.01, "quantity": 3.0,
            }
        ],
        "ids": {"ga_client_id": "584335997.1746564151", "ga_session_id": "1749196701"},
        "consent": {
            "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted",
            "analytics_storage": "granted",
        },
        "properties": {"plan": "pro", "seats": 3.0, "tier": "gold", "engagement_time_msec": 3110.0},
    }  # fmt: skip


def test_the_line_says_what_the_tag_said_but_for_what_was_meant_for_us() -> None:
    said, raw = params(REAL), params(one(REAL + "&_uip=9.9.9.9").raw)

    gone = {name for name in said if name not in raw}
    assert gone == {"sst.rnd", "sst.etld", "sst.tft", "richsstsse"}
    assert "_uip" not in raw
    assert {name: said[name] for name in raw} == raw


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r\n\r\n"])
def test_each_line_of_the_body_is_an_event_of_the_same_page(ending: str) -> None:
    body = ending.join(["en=scroll&_et=5&epn.percent=90", "en=page_view&dt=Two&sid=2", ""]).encode()

    lines = read("v=2&tid=G-ABC123&cid=1.2&sid=1&dt=One&en=ignored", body)

    assert not isinstance(lines, Refusal)
    assert [line.fields["event"] for line in lines] == ["scroll", "page_view"]
    assert [line.fields["page_title"] for line in lines] == ["One", "Two"]
    assert params(lines[1].raw) == {
        "v": "2",
        "tid": "G-ABC123",
        "cid": "1.2",
        "sid": "2",
        "dt": "Two",
        "en": "page_view",
    }


def test_a_tilde_is_two_and_letters_keep_their_case() -> None:
    item = one("en=x&pr1=idSKU_1~nmA~~B~pr10.01~qt3~k0color~v0red~kAsize~vAXL~vared~lp0").fields["items"][0]

    assert item == {"item_id": "SKU_1", "item_name": "A~B", "price": 10.01, "quantity": 3.0, "item_variant": "red"}


def test_items_keep_their_order_and_empty_ones_go() -> None:
    items = one("en=x&pr10=idJ&pr2=idB&pr1=idA&pr3=&pr4=lp0&pr0=idZ&prx=idY").fields["items"]

    assert [item["item_id"] for item in items] == ["A", "B", "J"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("en=purchase&ep.transaction_id=T1&ep.event_id=E1", ("E1", "T1")),
        ("en=purchase&ep.transaction_id=T1&ep.eventID=E2", ("E2", "T1")),
        ("en=purchase&epn.transaction_id=1001", (None, "1001")),
        ("en=purchase&ep.transaction_id=" + "x" * 257, (None, None)),
        ("en=purchase&ep.transaction_id=a%00b", (None, None)),
    ],
)
def test_an_order_is_known_by_its_ids(query: str, expected: Any) -> None:
    fields = one(query).fields

    assert (fields.get("event_id"), fields.get("transaction_id")) == expected


@pytest.mark.parametrize(
    ("en", "expected"),
    [("my event", "my_event"), ("2nd", "e2nd"), ("é", "e_"), ("", None), ("x" * 80, "x" * 64), ("a.b-c", "a.b-c")],
)
def test_a_name_that_is_none_of_ours_is_spelled_like_one(en: str, expected: str | None) -> None:
    line = one(f"tid=G-1&en={en}")

    assert line.fields.get("event") == expected
    assert f"en={en}" in line.raw


def test_what_the_tag_hashed_is_a_digest_and_its_errors_are_nothing() -> None:
    digest = "YqFOROdlQZ0Q_pkzZ6YXNnwSJyheJTIL8h_VBdEO7Y0"

    user = one(f"en=x&em=tv.1~em.{digest}~pn.e0~fn0.{digest[:-1]}~ct0.Berlin~co0.DE").fields["user"]

    assert user == {"email": "62a14e44e765419d10fe993367a617367c1227285e25320bf21fd505d10eed8d"}
    assert "user" not in one("en=x&em=tv.1").fields


@pytest.mark.parametrize("address", ["jo@shop.example", "jo%40shop.example", "jo%2540shop.example"])
def test_no_address_of_a_person_is_in_the_line(address: str) -> None:
    line = one(f"en=x&dl=https%3A%2F%2Fshop.example%2F%3Fu%3D{address}&uid={address}&ep.mail={address}")

    assert not has_email(line.raw)
    assert "shop.example%2F" in line.raw
    assert params(line.raw)["uid"] == "redacted"


def test_a_bad_number_loses_itself_and_not_the_event() -> None:
    fields = one("en=purchase&epn.value=1e999&ep.tax=none&epn.shipping=4.9&pr1=idA~prfree~qtmany").fields

    assert fields == {"event": "purchase", "shipping": 4.9, "items": [{"item_id": "A"}]}


def test_the_parameters_name_cannot_begin_another_parameter() -> None:
    line = one("en=x&ep.a%26tid%3DG-EVIL=1&tid=G-ABC123")

    assert params(line.raw) == {"en": "x", "ep.a&tid=G-EVIL": "1", "tid": "G-ABC123"}


@pytest.mark.parametrize(
    ("query", "body", "reason"),
    [
        ("en=x&a=" + "a" * 40_000, b"", Refused.SIZE),
        ("en=x", b"a" * (MAX_BODY_BYTES + 1), Refused.SIZE),
        ("en=x", b"en=a\n" * (MAX_LINES + 1), Refused.SIZE),
        ("en=x&a=" + "a" * 20_000, b"en=a\n" * 60, Refused.SIZE),
        ("en=x", b"\xff\xfe", Refused.BODY),
    ],
)
def test_what_no_tag_sends_is_refused(query: str, body: bytes, reason: Refused) -> None:
    refusal = read(query, body)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


@given(query=st.text(max_size=300), body=st.binary(max_size=300))
def test_nothing_that_is_sent_raises(query: str, body: bytes) -> None:
    lines = read(query, body)

    if not isinstance(lines, Refusal):
        for line in lines:
            line.raw.encode()
            assert not has_email(line.raw)
