from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.outcome import Refused
from gateway.core.wires.draft import Refusal
from gateway.core.wires.pixel import read, read_at_once, read_in_pieces, wants_no_image
from gateway.core.wires.sent import Look, Sent

NAMES = st.sampled_from(
    [
        "event",
        "items",
        "user",
        "user.email",
        "consent.ad_storage",
        "ids.gclid",
        "properties.a.b",
        "my.own",
        "a",
        "r",
        "",
        "consent%2Ead_storage",
        "%65vent",
        "%01",
        "%22",
        ".",
    ]
)
VALUES = st.lists(
    st.sampled_from(
        [
            "",
            "a",
            "+",
            "%2B",
            "%C3%BC",
            "%c3%bc",
            "%E4",
            "%ED%A0%80",
            "%",
            "%4",
            "%zz",
            "%00",
            "%01",
            "%02",
            "%0A",
            "%1F",
            "%7F",
            "%22",
            "%5C",
            "%26",
            "%3D",
            "%2540",
            "=",
            '"',
            "\\",
            "\x01",
            "\x02",
            "\n",
            "\r",
            "\x03",
            "{",
            "\u00fc",
            "\udce9",
        ]
    ),
    max_size=3,
).map("".join)
PAIRS = st.tuples(NAMES, st.sampled_from(["=", "=", "=", "", "=="]), VALUES).map("".join)


def test_dotted_names_nest_and_items_are_json() -> None:
    query = urlencode({"event": "purchase", "user.email": "jo@x.example", "consent.ad_storage": "granted",
                       "items": '[{"item_id":"A"}]', "properties.a.b": "1", "my.own": "2", "r": "204"})  # fmt: skip

    assert read(query, None) == {
        "event": "purchase",
        "user": {"email": "jo@x.example"},
        "consent": {"ad_storage": "granted"},
        "items": [{"item_id": "A"}],
        "properties": {"a.b": "1"},
        "my.own": "2",
    }


def test_empty_parameters_are_absent_and_of_two_the_first_counts() -> None:
    assert read("event=a&value=&event=b&coupon", None) == {"event": "a"}


def test_items_that_are_no_json_stay_text_for_the_rules_to_refuse() -> None:
    assert read("items=%7B", None) == {"items": "{"}


def test_page_is_the_referer_where_the_query_names_none() -> None:
    assert read("event=a", "https://shop.example/") == {"event": "a", "page_location": "https://shop.example/"}
    assert read("page_location=x", "https://shop.example/") == {"page_location": "x"}


def test_text_is_decoded_once_and_never_fails() -> None:
    assert read("a=%C3%BC+b%2B&b=%ff&c=%00&d=%zz&e=%2540", None) == {
        "a": "ü b+",
        "b": "\ufffd",
        "c": "\x00",
        "d": "%zz",
        "e": "%40",
    }


def test_plain_word_beside_dotted_ones_never_fails() -> None:
    assert read("user=x&user.email=y", None) == {"user": "x"}
    assert read("user.email=y&user=x", None) == {"user": {"email": "y"}}


def test_too_much_is_refused() -> None:
    for query in ("a=" + "x" * 32 * 1024, "&".join(f"a{n}=1" for n in range(501))):
        result = read(query, None)
        assert isinstance(result, Refusal)
        assert result.reason is Refused.SIZE


def test_204_is_wished_by_its_own_parameter() -> None:
    assert wants_no_image("event=a&r=204")
    assert not wants_no_image("event=a&r=2040")
    assert not wants_no_image("event=r=204")


@given(st.lists(PAIRS, max_size=6).map("&".join))
def test_what_is_read_at_once_is_what_is_read_in_pieces(query: str) -> None:
    at_once = read_at_once(query)

    assert at_once in (None, read_in_pieces(query))


@pytest.mark.parametrize(
    "query",
    [
        "a=1%01b%022",
        "a=1\x01b=2",
        "a=1&b\x022",
        "a=1&a=2",
        "a=&a=2",
        "a=1&user=x&user.email=y",
        "a=1&b",
        "a=b=c",
        "a=1&&b=2",
        "a=100%",
        "a=%\nb",
        "a=%\r",
        "a=%zz",
        "a=%E4",
        "a=%1F",
        "&".join(f"{'x' * 30}{n}=1" for n in range(100)),
    ],
)
def test_an_extraordinary_query_is_left_to_be_read_in_pieces(query: str) -> None:
    assert read_at_once(query) is None
    assert read(query, None) == read_in_pieces(query)


@given(
    st.dictionaries(st.sampled_from("event user.email consent.tcf my.own a b".split()), st.text(min_size=1), max_size=6)
)
def test_an_encoded_query_comes_out_as_it_went_in(sent: dict[str, str]) -> None:
    told = read(urlencode(sent, errors="replace"), None)

    assert isinstance(told, dict)
    flat: dict[str, Any] = {}
    for name, value in told.items():
        flat |= {f"{name}.{inner}": text for inner, text in value.items()} if isinstance(value, dict) else {name: value}
    assert flat == {name: value.encode(errors="replace").decode() for name, value in sent.items()}


@pytest.mark.parametrize(
    ("query", "look"),
    [
        ("event=a&page_location=https%3A%2F%2Fshop.example%2F%3Fa%3Db&consent.ad_storage=granted", Look(False, False)),
        ("event=a&items=%5B%7B%22item_id%22%3A%22A%22%7D%5D&page_title=Sch%C3%B6n+%22da%22&value=", Look(False, False)),
        ("event=search&search_term=jo%40shop.example", Look(False, True)),
        ("event=search&search_term=100%25", Look(False, True)),
        ("event=search&search_term=a%7F", Look(True, False)),
        ("event=search&search_term=a%5Cu0040", Look(True, True)),
    ],
)
def test_ordinary_queries_are_read_at_once(query: str, look: Look) -> None:
    told, at_once = read(query, None), read_at_once(query)

    assert isinstance(told, Sent)
    assert told.look == look
    assert at_once == read_in_pieces(query)


def test_a_page_that_was_never_looked_at_is_not_taken_for_one_that_was() -> None:
    assert not isinstance(read("event=a", "https://shop.example/?m=jo@shop.example"), Sent)
