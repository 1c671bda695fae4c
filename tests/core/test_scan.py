"""The last look before a request leaves: it names the place of readable personal data, and never the data."""

import hashlib
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.redact import redact_deep
from gateway.core.scan import is_clean, leak

DIGEST = hashlib.sha256(b"jo@x.de").hexdigest()
NOTHING = hashlib.sha256(b"").hexdigest()
HASHED = frozenset({"em", "ph"})

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["a@b.de", "x%40y.com", "%2540"])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


def test_a_clean_body_passes() -> None:
    body = {
        "data": [
            {
                "user_data": {"em": [DIGEST, DIGEST.upper()], "ph": DIGEST, "client_user_agent": "Mozilla/5.0"},
                "event_source_url": "https://x.de/maps/@52.5,13.4,15z?mail=redacted",
                "custom_data": {"value": 49.9, "contents": [{"id": "SKU1", "quantity": 2}], "ok": True, "none": None},
            }
        ]
    }

    assert leak(body, HASHED) is None


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"em": "jo@x.de"}, "em"),
        ({"em": "Jo"}, "em"),
        ({"em": ""}, "em"),
        ({"em": NOTHING}, "em"),
        ({"em": NOTHING.upper()}, "em"),
        ({"em": DIGEST + ".AQQCAQMC"}, "em"),
        ({"em": DIGEST[:32]}, "em"),
        ({"em": f" {DIGEST}"}, "em"),
        ({"em": [DIGEST, "Jo"]}, "em[1]"),
        ({"em": {"plain": DIGEST, "google": "Jo"}}, "em.google"),
        ({"em": {"jo@x.de": DIGEST}}, "em.*"),
        ({"ph": 491701234567}, "ph"),
        ({"ph": True}, "ph"),
        ({"data": [{"user_data": {"em": [DIGEST]}}, {"user_data": {"em": ["Jo"]}}]}, "data[1].user_data.em[0]"),
        ({"url": "https://x.de/?m=jo%40x.de"}, "url"),
        ({"a": [{"b": "?u=%3Fm%3Djo%2540x.de"}]}, "a[0].b"),
        ({"a": {"jo@x.de": 1}}, "a.*"),
        ({"jo doe": {"b": "jo@x.de"}}, "*.b"),
        (["x", "jo@x.de"], "[1]"),
        ("jo@x.de", ""),
    ],
)
def test_a_leak_is_named_by_its_path_alone(body: Any, path: str) -> None:
    assert leak(body, HASHED) == path


@pytest.mark.parametrize("body", [{"em": None}, {"em": []}, {"em": [None]}, {"em": {}}, {}, [], None, 5])
def test_what_says_nothing_is_no_leak(body: Any) -> None:
    assert leak(body, HASHED) is None


def test_a_key_is_judged_only_where_it_stands_alone() -> None:
    assert leak({"emblem": "Jo", "x_em": "Jo"}, HASHED) is None
    assert leak({"em": "Jo"}, frozenset()) is None


def test_a_body_too_deep_to_read_is_a_leak_and_no_crash() -> None:
    deep: Any = "clean"
    for _ in range(100_000):
        deep = [deep]

    assert leak(deep, HASHED) == "*"


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_what_the_door_redacted_passes_the_scanner(value: Any) -> None:
    assert leak(redact_deep(value), frozenset()) is None


KEYS = st.sampled_from(["em", "ph", "x_em", 'em"', "plain", "a"]) | st.text(max_size=4)
VALUES = st.none() | st.booleans() | st.integers(0, 2**40) | st.text(max_size=6)
VALUES |= st.sampled_from(
    [DIGEST, DIGEST.upper(), NOTHING, NOTHING.upper(), DIGEST[:63] + " ", ',"em":"jo"', "jo@x.de"]
)
BODIES = st.dictionaries(
    KEYS,
    st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)),
    max_size=4,
)


@settings(max_examples=400, deadline=None)
@given(BODIES)
def test_the_spelled_body_is_judged_as_the_body_is(body: dict[str, Any]) -> None:
    assert leak(body, HASHED, orjson.dumps(body)) == leak(body, HASHED)


@pytest.mark.parametrize(
    "told",
    [
        "Jo",
        "",
        NOTHING,
        NOTHING.upper(),
        DIGEST[:63],
        f"{DIGEST[:63]} ",
        f"{DIGEST}0",
        4917,
        [DIGEST, "Jo"],
        {"a": "Jo"},
    ],
)
@pytest.mark.parametrize("before", [{}, {"value": 49.9}])
def test_a_glance_at_the_spelled_body_overlooks_nothing(before: dict[str, Any], told: Any) -> None:
    body = {"data": [{**before, "em": DIGEST}, {**before, "em": told}]}

    assert (leak(body, HASHED, orjson.dumps(body)) or "").startswith("data[1].em")


@pytest.mark.parametrize(
    "body",
    [
        {"user_data": {"em": DIGEST, "ph": DIGEST.upper(), "ip": "1.2.3.4"}, "url": "https://x.de/?a=%20b"},
        {"user_data": {"em": [DIGEST], "ph": [DIGEST, DIGEST]}, "ids": ["em", "ph"]},
        {"list": [{"em": DIGEST}, {"ph": DIGEST}], "name": 'a {"'},
        {"nobody": 1},
    ],
)
def test_ordinary_bodies_are_clean_at_a_glance(body: dict[str, Any]) -> None:
    assert is_clean(orjson.dumps(body), HASHED)
    assert is_clean(b"\n".join([orjson.dumps(body)] * 3), HASHED)


@pytest.mark.parametrize(
    "told",
    ["Jo", DIGEST + "0", "0" + DIGEST, DIGEST[:63] + "g", [DIGEST, DIGEST[1:]], [DIGEST, DIGEST, "Jo"], 5, {"a": 1}]
    + [[DIGEST + mark] for mark in '"[],{}'],
)
@pytest.mark.parametrize("place", range(3))
def test_one_body_that_leaks_shows_among_others(told: Any, place: int) -> None:
    texts = [orjson.dumps({"em": DIGEST, "ph": DIGEST, "a": 1})] * 3
    texts[place] = orjson.dumps({"a": 1, "em": DIGEST, "ph": told, "b": DIGEST})

    assert not is_clean(b"\n".join(texts), HASHED)


@settings(max_examples=400, deadline=None)
@given(st.lists(BODIES, max_size=4))
def test_bodies_that_are_clean_together_are_clean_each(bodies: list[dict[str, Any]]) -> None:
    if is_clean(b"\n".join(map(orjson.dumps, bodies)), HASHED):
        assert [leak(body, HASHED) for body in bodies] == [None] * len(bodies)


# Marks of JSON among digests: a text or a list that could be taken for another where only bytes are looked at.
TRAPS = st.lists(st.sampled_from([DIGEST, DIGEST[:63], DIGEST[:62], *'"[]{},:\\ ']), max_size=4).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["em", "ph", "a"]), TRAPS | st.lists(TRAPS, max_size=3)), max_size=3))
def test_no_mark_makes_a_text_pass_for_a_digest(bodies: list[dict[str, Any]]) -> None:
    if is_clean(b"\n".join(map(orjson.dumps, bodies)), HASHED):
        assert [leak(body, HASHED) for body in bodies] == [None] * len(bodies)
