from __future__ import annotations

import math
from typing import Any

import pytest

from gateway.core.event import Campaign, Item, Wire
from gateway.core.outcome import Refused
from gateway.core.wires.draft import Draft, Refusal
from gateway.core.wires.fields import id_of, name_of, read
from tests.core.wires.makers import GRANTED, NOW_MS, hit, site, spelled


def draft(fields: dict[str, Any], wire: Wire = Wire.BROWSER, **more: Any) -> Draft:
    result = read(hit({"event": "purchase", **fields}, wire, **more), site())
    assert isinstance(result, Draft), result
    return result


def refusal(fields: dict[str, Any], wire: Wire = Wire.BROWSER, **more: Any) -> Refusal:
    result = read(hit({"event": "purchase", **fields}, wire), site(**more))
    assert isinstance(result, Refusal), result
    return result


@pytest.mark.parametrize("name", ["purchase", "A", "x" * 64, "my_Event.v2-b"])
def test_event_name_of_the_pattern_is_taken(name: str) -> None:
    assert draft({"event": name}).name == name


@pytest.mark.parametrize(
    "name", [None, "", "§$%", "1st", "x" * 65, "with space", "purchase\n", "Ärger", 5, True, [], {}]
)
def test_other_event_names_are_refused(name: Any) -> None:
    assert refusal({"event": name}).reason is Refused.EVENT


@pytest.mark.parametrize("event_id", ["ord-1001", "ORD 1001", "ü🦊", "i" * 256])
def test_event_id_is_kept_to_the_letter(event_id: str) -> None:
    assert draft({"event_id": event_id}).event_id == event_id


@pytest.mark.parametrize("event_id", ["", None])
def test_empty_event_id_counts_as_absent(event_id: Any) -> None:
    assert draft({"event_id": event_id}).event_id is None


@pytest.mark.parametrize("event_id", ["i" * 257, "a\nb", "a\x00", "\ud800", 5, True, ["a"]])
def test_other_event_ids_are_refused(event_id: Any) -> None:
    assert refusal({"event_id": event_id}).reason is Refused.EVENT_ID


@pytest.mark.parametrize(("key", "reason"), [("event_id", Refused.EVENT_ID), ("transaction_id", Refused.FIELD)])
@pytest.mark.parametrize(
    "named", ["jo@shop.example", "order-1001-jo%40shop.example", "jo@shop.example:7", "j\xf6@shop.example"]
)
def test_an_id_that_holds_an_e_mail_address_is_refused(key: str, reason: Refused, named: str) -> None:
    for wire in Wire:
        result = refusal({key: named}, wire)

        assert (result.reason, len(result.errors)) == (reason, 1)
        assert result.errors[0].startswith(f"{key}: holds an e-mail address; send ")


@pytest.mark.parametrize("named", ["@1001", "a@b", "pkg@1.2.3", "100%40", "1001@shop"])
def test_an_at_sign_alone_makes_no_address_of_an_id(named: str) -> None:
    result = draft({"event_id": named, "transaction_id": named})

    assert (result.event_id, result.transaction_id) == (named, named)


def test_an_item_and_an_agent_lose_their_e_mail_addresses() -> None:
    item = {"item_id": "for jo@shop.example", "item_name": "jo%40shop.example", "item_brand": "B"}
    agent = "Bot/1.0 (+mailto:ops@crawler.example)"

    result = draft({"items": [item], "client": {"user_agent": agent}}, Wire.SERVER)

    assert result.items == (Item(item_id="for redacted", item_name="redacted", item_brand="B"),)
    assert result.client_agent == "Bot/1.0 (+mailto:redacted)"
    longest = draft({"items": [{"item_id": "a@b.co " * 36}], "client": {"user_agent": "a@b.co " * 292}}, Wire.SERVER)
    assert (len(longest.items[0].item_id or ""), len(longest.client_agent or "")) == (256, 2048)


@pytest.mark.parametrize(
    ("fields", "at_ms"),
    [
        ({}, NOW_MS),
        ({"timestamp": None}, NOW_MS),
        ({"timestamp": NOW_MS / 1000 - 60}, NOW_MS - 60_000),
        ({"timestamp": NOW_MS - 60_000}, NOW_MS - 60_000),
        ({"timestamp": 1}, 1000),
        ({"timestamp": NOW_MS / 1000 + 60}, NOW_MS),
        # the sender's clock is an hour ahead, then an hour behind
        ({"timestamp": NOW_MS + 3_600_000 - 60_000, "sent_at": NOW_MS + 3_600_000}, NOW_MS - 60_000),
        ({"timestamp": NOW_MS - 3_600_000 - 60_000, "sent_at": NOW_MS - 3_600_000}, NOW_MS - 60_000),
        ({"timestamp": NOW_MS - 60_000, "sent_at": NOW_MS - 120_000}, NOW_MS),
        ({"sent_at": NOW_MS - 60_000}, NOW_MS),
    ],
)
def test_time_is_corrected_and_never_in_the_future(fields: dict[str, Any], at_ms: int) -> None:
    assert draft(fields).at_ms == at_ms


def test_sent_at_beside_the_batch_speaks_for_an_event_without_one() -> None:
    assert draft({"timestamp": NOW_MS}, sent_at=NOW_MS + 5000).at_ms == NOW_MS - 5000
    assert draft({"timestamp": NOW_MS, "sent_at": NOW_MS}, sent_at=NOW_MS + 5000).at_ms == NOW_MS


@pytest.mark.parametrize("sent", ["soon", True, [], {}, math.nan, -5])
def test_unreadable_time_is_refused(sent: Any) -> None:
    assert refusal({"timestamp": sent}).reason is Refused.TIMESTAMP


@pytest.mark.parametrize("sent", ["soon", "", True, [], {}, math.nan, -5])
def test_unreadable_clock_of_the_sender_is_left_out_and_told(sent: Any) -> None:
    for result in (
        draft({"sent_at": sent, "timestamp": NOW_MS - 5000}),
        draft({"timestamp": NOW_MS - 5000}, sent_at=sent),
        draft({"sent_at": sent, "timestamp": NOW_MS}, sent_at=NOW_MS + 5000),
    ):
        assert result.at_ms == NOW_MS - 5000
        assert [warning.partition(":")[0] for warning in result.warnings] == ["sent_at"]
    assert draft({"sent_at": sent}).warnings != ()


@pytest.mark.parametrize("value", ["NaN", "1e999", "1.234,56", True, False, math.nan, math.inf, [], "ten", ""])
def test_value_that_is_no_number_is_refused(value: Any) -> None:
    assert refusal({"value": value}).reason is Refused.VALUE


@pytest.mark.parametrize("key", ["tax", "shipping", "lead_score", "predicted_ltv"])
def test_other_numbers_are_numbers_too(key: str) -> None:
    assert getattr(draft({key: "3.10"}), key) == 3.1
    assert refusal({key: "x"}).reason is Refused.FIELD


def test_decimal_comma_is_the_sites_setting() -> None:
    result = read(hit({"event": "purchase", "value": "1.234,56"}), site(decimal_comma=True))

    assert isinstance(result, Draft)
    assert result.value == 1234.56


def test_currency_defaults_to_the_sites_where_there_is_a_value() -> None:
    def money(**fields: Any) -> str | None:
        result = read(hit({"event": "purchase", **fields}), site(currency="EUR"))
        assert isinstance(result, Draft)
        return result.currency

    assert money(value=5) == "EUR"
    assert money(value=5, currency="usd") == "USD"
    assert money() is None
    assert money(value=5, currency="€uro") is None, "a wrong currency must not become the site's"


@pytest.mark.parametrize(
    ("fields", "is_made"),
    [({"value": 5}, True), ({"value": 5, "currency": ""}, True), ({"value": 5, "currency": "EUR"}, False), ({}, False)],
)
def test_the_sites_currency_is_known_from_one_that_was_named(fields: dict[str, Any], is_made: bool) -> None:
    result = read(hit({"event": "purchase", **fields}), site(currency="EUR"))

    assert isinstance(result, Draft)
    assert result.currency_made is is_made


def test_unreadable_currency_is_told() -> None:
    assert draft({"currency": "EURO"}).warnings == ("currency: not a code of three letters; left out",)
    assert draft({"currency": "xxx"}).warnings == ("currency: XXX is no currency of ISO 4217; left out",)
    assert (draft({"currency": "ZZZ", "value": 5}).currency, draft({"currency": "ZZZ", "value": 5}).value) == (None, 5)
    assert refusal({"currency": 978}).reason is Refused.FIELD


def test_items_are_read() -> None:
    item = {"item_id": 7, "item_name": "Tee", "price": "24.95", "quantity": 2, "discount": 1}

    read_ = draft({"items": [item]})

    assert read_.items == (Item(item_id="7", item_name="Tee", price=24.95, quantity=2.0),)
    assert read_.warnings == ("items[].discount: unknown key (left out)",)


@pytest.mark.parametrize(
    "items",
    [
        "{",
        {},
        5,
        [5],
        [None],
        [{"price": "NaN"}],
        [{"quantity": True}],
        [{"item_id": ["x"]}],
        [{"item_name": 5}],
        [{}] * 201,
    ],
)
def test_unreadable_items_are_refused(items: Any) -> None:
    assert refusal({"items": items}).reason is Refused.ITEMS


def test_two_hundred_items_are_enough() -> None:
    assert len(draft({"items": [{"item_id": "a"}] * 200}).items) == 200


@pytest.mark.parametrize(
    "key", ["page_location", "page_referrer", "page_title", "coupon", "search_term", "action_source"]
)
@pytest.mark.parametrize("sent", [5, True, [], {"a": 1}])
def test_known_text_of_another_type_is_refused(key: str, sent: Any) -> None:
    assert refusal({key: sent}).reason is Refused.FIELD


@pytest.mark.parametrize("key", ["user", "ids", "campaign", "consent", "properties"])
@pytest.mark.parametrize("sent", ["granted", 5, True, [1], [[]]])
def test_known_object_of_another_type_is_refused(key: str, sent: Any) -> None:
    assert refusal({key: sent}).reason is Refused.FIELD


@pytest.mark.parametrize("key", ["user", "ids", "client", "campaign", "consent", "properties"])
def test_an_empty_list_is_an_empty_object_as_php_spells_it(key: str) -> None:
    for wire in Wire:
        assert spelled(draft({key: []}, wire)) == spelled(draft({key: {}}, wire))
    assert draft({key: []}, Wire.SERVER).warnings == ()
    assert draft({"items": [[]]}).items == (Item(),)


def test_a_word_on_consent_that_cannot_be_read_is_told_with_those_that_can() -> None:
    for wire in Wire:
        result = draft({"consent": {**GRANTED, "ad_storage": "yes", "ad_user_data": ["denied"], "tcf": "CP"}}, wire)

        assert [warning.partition(":")[0] for warning in result.warnings] == [
            "consent.ad_storage",
            "consent.ad_user_data",
        ]
        for word in ("counts as denied", "granted", "denied", "true", "false", "no", "opt-out"):
            assert word in result.warnings[0]
    assert draft({"consent": {"ad_storage": "no", "ad_user_data": "", "analytics_storage": None}}).warnings == ()


def test_every_flaw_is_told_and_the_first_names_the_reason() -> None:
    result = refusal({"value": "x", "items": 5, "tax": []})

    assert result.reason is Refused.VALUE
    assert [error.partition(":")[0] for error in result.errors] == ["value", "tax", "items"]


def test_errors_never_repeat_what_was_sent() -> None:
    result = refusal({"value": "jo@shop.example", "event_id": "secret\n", "page_title": ["secret"]})

    assert "secret" not in str(result)
    assert "jo@" not in str(result)


def test_transaction_id_may_be_a_number_and_is_never_cut() -> None:
    assert draft({"transaction_id": 1001}).transaction_id == "1001"
    assert draft({"transaction_id": ""}).transaction_id is None
    wrong: Any
    for wrong in ("t" * 257, "a\tb", True, 1.5, [], 10**30):
        result = read(hit({"event": "purchase", "transaction_id": wrong}), site())
        assert isinstance(result, Refusal) or result.transaction_id is None


def test_url_beyond_its_limit_is_refused() -> None:
    longest = "https://shop.example/?" + "x" * (32 * 1024 - 22)

    assert draft({"page_location": longest}).page.location == longest
    assert refusal({"page_location": longest + "x"}).reason is Refused.SIZE
    assert refusal({"page_referrer": "ü" * 20_000}).reason is Refused.SIZE


def test_nesting_beyond_eight_levels_is_refused() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: Any = {}
        for _ in range(levels - 2):
            value = {"a": value}
        return {"event": "purchase", "deep": value}

    assert isinstance(read(hit(nested(8)), site()), Draft)
    assert isinstance(read(hit(nested(9)), site()), Refusal)
    assert isinstance(read(hit(nested(900)), site()), Refusal)


def test_unknown_keys_become_properties_and_are_named_with_the_nearest_word() -> None:
    read_ = draft({"currencey": "EUR", "colour": "red", "properties": {"plan": "pro"}})

    assert read_.properties == {"currencey": "EUR", "colour": "red", "plan": "pro"}
    assert read_.warnings[0] == "currencey: unknown key, did you mean currency? (kept in properties)"
    assert read_.warnings[1] == "colour: unknown key (kept in properties)"


def test_warnings_are_few_however_many_keys_are_unknown() -> None:
    assert len(draft({f"key{number}": 1 for number in range(5000)}).warnings) == 20


@pytest.mark.parametrize("value", [math.nan, [1, {"x": math.inf}], {"x": [math.nan]}, 10**400])
def test_number_without_end_in_properties_is_refused(value: Any) -> None:
    assert refusal({"properties": {"x": value}}).reason is Refused.FIELD
    assert refusal({"colour": value}).reason is Refused.FIELD


@pytest.mark.parametrize("address", ["jo.doe@gmail.com", "jo.doe%40gmail.com", "jo.doe%2540gmail.com"])
def test_addresses_are_out_of_urls_titles_and_properties(address: str) -> None:
    read_ = draft(
        {
            "page_location": f"https://shop.example/?mail={address}&a=1",
            "page_referrer": f"https://shop.example/?mail={address}",
            "page_title": f"Thanks, {address}",
            "search_term": address,
            "coupon": address,
            "campaign": {"term": address},
            "items": [{"item_name": f"Card for {address}"}],
            "properties": {"note": [address], address: 1},
            "own": address,
        }
    )

    assert "gmail" not in str(read_)
    assert read_.page.location == "https://shop.example/?mail=redacted&a=1"


def test_surrogates_and_controls_are_out_of_every_text() -> None:
    read_ = draft(
        {
            "page_title": "cut \ud83d\x00",
            "properties": {"k\ud83d": ["v\udce9"]},
            "user": {"city": "K\udcf6ln"},
            "consent": {"tcf": "\ud800"},
            "campaign": {"source": "\ud800"},
        }
    )

    str(read_.user).encode()
    str(read_).encode()
    assert read_.page.title == "cut \ufffd"


def test_action_source_is_of_the_closed_list() -> None:
    assert draft({"action_source": "physical_store"}).action_source == "physical_store"
    dropped = draft({"action_source": "pigeon"})
    assert dropped.action_source is None
    assert dropped.warnings[0].startswith("action_source:")


def test_test_is_heard_on_the_servers_wire_only() -> None:
    assert draft({"test": True}, Wire.SERVER).test is True
    assert draft({"test": False}, Wire.SERVER).test is False
    assert draft({"test": True}).test is False
    assert draft({"test": True}).warnings != ()
    assert refusal({"test": "true"}, Wire.SERVER).reason is Refused.FIELD


def test_client_is_heard_on_the_servers_wire_only() -> None:
    client = {"ip": "81.2.69.142", "user_agent": "Mozilla/5.0"}

    server, browser = draft({"client": client}, Wire.SERVER), draft({"client": client})

    assert (server.client_ip, server.client_agent) == ("81.2.69.142", "Mozilla/5.0")
    assert (browser.client_ip, browser.client_agent) == (None, None)
    assert browser.warnings[0].startswith("client:")


def test_unreadable_field_of_client_is_left_out_with_a_warning() -> None:
    read_ = draft({"client": {"ip": 5, "user_agnt": "x", "user_agent": "Mozilla"}}, Wire.SERVER)

    assert (read_.client_ip, read_.client_agent) == (None, "Mozilla")
    assert read_.warnings == (
        "client.user_agnt: unknown key, did you mean user_agent? (left out)",
        "client.ip: text expected, not a number; left out",
    )


def test_ids_are_sorted_into_clicks_and_cookies() -> None:
    fbc = "fb.1.1795305600000.IwAR0AbC"
    read_ = draft({"ids": {"gclid": "Cj0", "fbc": fbc, "ga_session_id": 1795305600, "ttp": ""}})

    assert read_.clicks == {"gclid": "Cj0"}
    assert read_.cookies == {"fbc": fbc, "ga_session_id": "1795305600"}
    assert read_.warnings == ()


@pytest.mark.parametrize(
    ("ids", "warning"),
    [
        ({"gclid": "a b"}, "ids.gclid: malformed; left out"),
        ({"gclid": 5}, "ids.gclid: text expected, not a number; left out"),
        ({"fbc": "fb.1.x.y"}, "ids.fbc: malformed; left out"),
        ({"fbp": "%66b.1.1795305600000.123"}, "ids.fbp: malformed; left out"),
        ({"ttp": "\ud800"}, "ids.ttp: malformed; left out"),
        ({"fbclic": "x"}, "ids.fbclic: unknown key, did you mean fbclid? (left out)"),
    ],
)
def test_unreadable_id_is_left_out_with_a_warning(ids: dict[str, Any], warning: str) -> None:
    read_ = draft({"ids": ids})

    assert (read_.clicks, read_.cookies) == ({}, {})
    assert read_.warnings == (warning,)


def test_campaign_is_read() -> None:
    read_ = draft({"campaign": {"source": "news", "medium": 5, "sauce": "x"}})

    assert read_.campaign == Campaign(source="news")
    assert len(read_.warnings) == 2


def test_user_and_consent_pass_as_they_are() -> None:
    user = {"email": "jo@shop.example", "postal_code": 10115}
    read_ = draft({"user": user, "consent": GRANTED})

    assert (read_.user, read_.said) == (user, GRANTED)
    assert "jo@" not in repr(read_), "a draft in a log shows nobody"


def test_name_and_id_for_the_counters_are_believed_only_when_well_formed() -> None:
    assert (name_of({"event": "purchase"}), name_of({"event": "§"}), name_of({"event": 5}), name_of({})) == (
        "purchase", "", "", "",
    )  # fmt: skip
    assert (id_of({"event_id": "a"}), id_of({"event_id": ""}), id_of({"event_id": "\ud800"})) == ("a", None, None)
