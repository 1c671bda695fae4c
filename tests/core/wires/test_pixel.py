from __future__ import annotations

from urllib.parse import urlencode

from gateway.core.outcome import Refused
from gateway.core.wires.draft import Refusal
from gateway.core.wires.pixel import read, wants_no_image


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
