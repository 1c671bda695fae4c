"""Events that nobody wrote by hand: whatever the door may let through, in any combination."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gateway.core.event import (
    Browser,
    Campaign,
    Click,
    Consent,
    Event,
    Grant,
    Item,
    Page,
    Person,
    Wire,
)

DIGEST = st.text("0123456789abcdef", min_size=64, max_size=64)
# Inbound text is scrubbed of lone surrogates at the edge, and of addresses, encoded ones too, at the door.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="@%"), max_size=24)
NUMBER = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
MILLIS = st.integers(0, 4_102_444_800_000)

SPELLINGS = {
    "email": ("plain", "google", "folded"),
    "phone": ("digits", "e164"),
    "first_name": ("letters", "google", "unspaced"),
    "last_name": ("letters", "google", "unspaced"),
    "street": ("google",),
    "date_of_birth": ("digits",),
    "gender": ("initial",),
    "external_id": ("lower", "trimmed"),
}
COOKIES = ("fbp", "fbc", "ttp", "gcl_au", "ga_client_id", "ga_session_id")
CLICKS = (
    "gclid",
    "gbraid",
    "wbraid",
    "gad",
    "dclid",
    "fbclid",
    "ttclid",
    "scid",
    "msclkid",
    "li_fat_id",
    "epik",
    "twclid",
    "rdt_cid",
)
NAMES = ("page_view", "view_item", "purchase", "refund", "generate_lead", "sign_up", "search", "add_to_cart", "quiz")
# Words that mean something to a platform: a stranger may send them as properties of his own.
LOADED = ("content_ids", "contents", "value", "currency", "em", "email", "order_id", "status", "num_items", "custom")

digests = st.fixed_dictionaries(
    {},
    optional={
        field: st.fixed_dictionaries({}, optional=dict.fromkeys(names, DIGEST)) for field, names in SPELLINGS.items()
    },
)
persons = st.builds(
    Person,
    digests=digests,
    city=st.none() | TEXT,
    region=st.none() | TEXT | st.sampled_from(("CA", "Bavaria", "California, US")),
    postal_code=st.none() | TEXT | st.sampled_from(("94025-1234", "SW1A 1AA")),
    country=st.none() | st.sampled_from(("US", "DE", "GB", "JP")),
)
browsers = st.builds(
    Browser,
    ip=st.none() | st.ip_addresses().map(str),
    user_agent=st.none() | TEXT,
    language=st.none() | TEXT,
    cookies=st.dictionaries(st.sampled_from(COOKIES), TEXT | st.just("fb.1.1795305600250.AbC"), max_size=4),
)
pages = st.builds(
    Page,
    location=st.none() | st.just("https://shop.example/thanks?a=b") | TEXT,
    referrer=st.none() | TEXT,
    title=st.none() | TEXT,
)
items = st.builds(
    Item,
    item_id=st.none() | TEXT,
    item_name=st.none() | TEXT,
    item_brand=st.none() | TEXT,
    item_category=st.none() | TEXT,
    item_variant=st.none() | TEXT,
    price=st.none() | NUMBER,
    quantity=st.none() | NUMBER,
)
grants = st.sampled_from(Grant)
consents = st.builds(
    Consent, ad_storage=grants, ad_user_data=grants, ad_personalization=grants, analytics_storage=grants
)
leaves: st.SearchStrategy[Any] = st.none() | st.booleans() | NUMBER | TEXT
properties = st.dictionaries(
    TEXT | st.sampled_from(LOADED),
    st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
    ),
    max_size=4,
)

# Hits as the door leaves them: a query string, without addresses.
raws = st.builds("v=2&tid=G-ABC123&cid=1.2&en={}&gcd=13r3r3r2r5l1&gcs=G111&ep.x={}".format, TEXT, TEXT)

events = st.builds(
    Event,
    raw=st.none() | raws | TEXT,
    site=st.just("shop"),
    name=st.sampled_from(NAMES),
    event_id=TEXT.filter(bool),
    wires=st.sampled_from(((Wire.BROWSER,), (Wire.SERVER,), (Wire.BROWSER, Wire.SERVER))),
    at_ms=MILLIS,
    received_ms=MILLIS,
    id_made=st.booleans(),
    action_source=st.sampled_from(("website", "app", "physical_store", "crm", "")),
    test=st.booleans(),
    page=pages,
    value=st.none() | NUMBER,
    currency=st.none() | st.sampled_from(("EUR", "usd", "")),
    transaction_id=st.none() | TEXT,
    coupon=st.none() | TEXT,
    tax=st.none() | NUMBER,
    shipping=st.none() | NUMBER,
    items=st.lists(items, max_size=3).map(tuple),
    search_term=st.none() | TEXT,
    lead_score=st.none() | NUMBER,
    predicted_ltv=st.none() | NUMBER,
    person=persons,
    browser=browsers,
    clicks=st.dictionaries(st.sampled_from(CLICKS), st.builds(Click, id=TEXT, seen_ms=MILLIS), max_size=4),
    campaign=st.builds(Campaign, source=st.none() | TEXT, name=st.none() | TEXT),
    consent=consents,
    properties=properties,
)
