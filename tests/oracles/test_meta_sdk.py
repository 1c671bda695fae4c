"""The shape of an event and of a request against Meta's own SDK, and the emulator against the SDK's own client."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.content import Content
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.delivery_category import DeliveryCategory
from facebook_business.adobjects.serverside.event import Event as TheirEvent
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.original_event_data import OriginalEventData
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.adobjects.serverside.util import Util
from facebook_business.api import FacebookAdsApi
from facebook_business.apiconfig import ads_api_config
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

from adapters.meta import PARTNER_AGENT, Meta
from adapters.meta.own import PERSONS
from adapters.meta.speak import HASHED
from gateway.core.adapter import Payload, Response, Ruling, Secret
from gateway.core.event import Browser, Consent, Event, Grant, Item, Page, Wire
from gateway.core.person import seal
from gateway.core.site import Destination
from gateway.delivery.sender import Sender
from gateway.sandbox import running
from gateway.sandbox.meta_errors import ERRORS
from gateway.sandbox.meta_event import _SOURCES

CASES: Final = Path(__file__).parents[1] / "adapters" / "cases" / "meta"
NOW_S: Final = 1_795_305_602.0  # just after the golden events
META = Meta(dataset_id="123", access_token=Secret("sandbox-meta-token"), test_event_code="TEST1")
USER = {
    "email": "John_Smith@gmail.com", "phone": "+16505551212", "first_name": "Mary", "last_name": "Smith",
    "city": "Berlin", "region": "ca", "postal_code": "94035", "country": "us", "date_of_birth": "19970216",
    "gender": "f",
}  # fmt: skip
OURS = Event(
    site="shop", name="purchase", event_id="o-1", wires=(Wire.BROWSER,), at_ms=1_795_305_600_000,
    received_ms=1_795_305_600_000, page=Page(location="https://shop.example/t", referrer="https://shop.example/"),
    value=49.9, currency="eur", transaction_id="1001", search_term="cups", predicted_ltv=9.5,
    items=(Item(item_id="A", item_name="Cup", item_brand="Ton", item_category="Kitchen", price=24.95, quantity=2),),
    person=seal(USER, phone_country=None).person,
    browser=Browser(
        ip="203.0.113.7", user_agent="Mozilla/5.0",
        cookies={"fbp": "fb.1.1795305500000.5", "fbc": "fb.1.1795305400000.AbC"},
    ),
    consent=Consent(ad_personalization=Grant.DENIED),
    properties={
        "status": "done", "net_revenue": 40.5, "delivery_category": "in_store", "mine": "else",
        "meta": {
            "lead_id": "7", "subscription_id": "8", "fb_login_id": "9", "anon_id": "10", "madid": "11", "page_id": "12",
            "ctwa_clid": "14", "data_processing_options": ["LDU"], "data_processing_options_country": 1,
            "data_processing_options_state": 1000, "original_event_data": {"event_name": "Lead", "event_time": 5},
        },
    },
)  # fmt: skip
THEIRS = TheirEvent(
    event_name="Purchase", event_time=1_795_305_600, event_id="o-1", action_source=ActionSource.WEBSITE,
    event_source_url="https://shop.example/t", referrer_url="https://shop.example/", opt_out=True,
    data_processing_options=["LDU"], data_processing_options_country=1, data_processing_options_state=1000,
    original_event_data=OriginalEventData(event_name="Lead", event_time=5),
    user_data=UserData(
        email=USER["email"], phone=USER["phone"], first_name="Mary", last_name="Smith", city="Berlin", state="ca",
        zip_code="94035", country_code="us", date_of_birth="19970216",
        client_ip_address="203.0.113.7", client_user_agent="Mozilla/5.0",
        fbp="fb.1.1795305500000.5", fbc="fb.1.1795305400000.AbC", lead_id="7", subscription_id="8", fb_login_id="9",
        anon_id="10", madid="11", page_id="12", ctwa_clid="14",
    ),
    custom_data=CustomData(
        value=49.9, currency="eur", order_id="1001", search_string="cups", predicted_ltv=9.5, content_ids=["A"],
        contents=[
            Content(product_id="A", quantity=2, item_price=24.95, title="Cup", brand="Ton", category="Kitchen")
        ],
        content_name="Cup", content_category="Kitchen", content_type="product", num_items=2, status="done",
        delivery_category=DeliveryCategory.IN_STORE, net_revenue=40.5, custom_properties={"mine": "else"},
    ),
)  # fmt: skip


def said(event: Event = OURS, name: str = "Purchase") -> Payload:
    payload = META.payload(event, name)
    assert isinstance(payload, Payload), payload
    return payload


def single(told: dict[str, Any]) -> dict[str, Any]:
    """Take lists of one for the one: Meta takes either."""
    return {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in told.items()}


def test_a_whole_event_is_the_one_that_the_sdk_would_send() -> None:
    theirs: dict[str, Any] = THEIRS.normalize()
    ours = dict(said().body)

    user, mine = single(theirs.pop("user_data")), ours.pop("user_data")
    assert mine.pop("ge") == hashlib.sha256(b"f").hexdigest()
    assert mine == {key: value for key, value in user.items() if value is not None}
    goods, wares = dict(theirs.pop("custom_data")), ours.pop("custom_data")
    assert wares.pop("currency").lower() == goods.pop("currency")
    assert wares == {key: value for key, value in goods.items() if value not in (None, [], {})}
    assert ours == {key: value for key, value in theirs.items() if value is not None}


def test_every_field_of_a_person_that_the_sdk_knows_is_said_or_named_here() -> None:
    not_sent = {
        # Fragments of a name and of a birthday: weaker than the whole, which we have.
        *("f5first", "f5last", "fi", "dobd", "dobm", "doby"),
    }
    theirs = set(UserData().normalize()) | {"em", "ph", "ge", "db", "fn", "ln", "ct", "st", "zp", "country"}

    unknown = theirs - HASHED - set(PERSONS) - not_sent
    assert unknown == {"client_ip_address", "client_user_agent", "fbc", "fbp"} & theirs


def test_the_closed_lists_are_the_sdks() -> None:
    assert {source.value for source in ActionSource} <= _SOURCES


class _Capture:
    """Stands in for the SDK's network: keeps the request it would make."""

    seen: tuple[str, dict[str, Any]]

    def execute(self, url: str, method: Any, request_options: Any, headers: Any, params: dict[str, Any]) -> None:
        self.seen = (url, params)


def test_a_request_has_the_sdks_path_version_and_top_level() -> None:
    capture = _Capture()
    EventRequest(
        pixel_id="123", events=[THEIRS], partner_agent=PARTNER_AGENT, test_event_code="TEST1", http_client=capture,
        access_token="tok", appsecret="sec",
    ).execute()  # fmt: skip
    url, params = capture.seen

    request = META.request([said(msgspec.structs.replace(OURS, test=True))])

    assert url.endswith(request.path)
    assert {key: params[key] for key in ("partner_agent", "test_event_code")} == {
        key: value for key, value in request.json.items() if key != "data"
    }
    assert params["appsecret_proof"] == Util.appsecret_proof("sec", "tok")
    assert Meta.endpoint == "https://graph.facebook.com"
    assert request.path.split("/")[1] == ads_api_config["API_VERSION"]


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_an_error_is_read_as_the_sdk_reads_it(code: str) -> None:
    number, _, subcode = code.partition("/")
    row = ERRORS[code]
    error = {"message": row.message, "code": int(number), "is_transient": row.is_transient}
    body = {"error": error | ({"error_subcode": int(subcode)} if subcode else {})}
    theirs = FacebookRequestError("m", {}, row.status, {}, json.dumps(body))

    (verdict,) = META.verdicts(Response(status=row.status, headers={}, body=json.dumps(body).encode()), 1)

    told = [str(part) for part in (theirs.api_error_code(), theirs.api_error_subcode()) if part]
    assert verdict.reason == "/".join(told)
    # What Meta calls transient is repeated here, never given up.
    assert not theirs.api_transient_error() or verdict.ruling in (Ruling.RETRY, Ruling.THROTTLED)


# --- the emulator, asked by both -------------------------------------------------------------------------


def _post_as_the_sdk_does(endpoint: str) -> Any:
    FacebookSession.GRAPH = endpoint
    FacebookAdsApi.init(access_token="sandbox-meta-token")
    return EventRequest(pixel_id="123", events=[THEIRS], access_token="sandbox-meta-token").execute()


async def test_the_emulator_takes_what_metas_own_client_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FacebookSession, "GRAPH", FacebookSession.GRAPH)  # put back afterwards

    async with running(clock=lambda: NOW_S) as sandbox:
        answer = await asyncio.to_thread(_post_as_the_sdk_does, sandbox.endpoint("meta"))
        (taken,) = sandbox.events("meta")

    assert answer.events_received == 1
    assert (taken["name"], taken["event_id"]) == ("Purchase", "o-1")


def _golden() -> list[tuple[str, Meta, Payload]]:
    told = []
    for path in sorted(CASES.glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        options = {"dataset_id": "123", **case.get("options", {}), "access_token": Secret("sandbox-meta-token")}
        if "data_processing_options" in options:
            options["data_processing_options"] = tuple(options["data_processing_options"])
        meta = Meta(**options)
        payload = meta.payload(msgspec.convert(case["event"], Event), case["name"]) if case["name"] else None
        if isinstance(payload, Payload):
            told.append((path.stem, meta, payload))
    return told


async def test_the_emulator_takes_every_golden_event_of_ours() -> None:
    refused, calls = [], 0

    async with running(clock=lambda: NOW_S) as sandbox:
        for stem, meta, payload in _golden():
            destination = Destination(name="meta", adapter=meta, endpoint=sandbox.endpoint("meta"))
            async with Sender(destination, now_ms=lambda: int(NOW_S * 1000)) as sender:
                answer = await sender.send(meta.request([payload]))
            assert isinstance(answer, Response), answer
            calls += 1
            if meta.verdicts(answer, 1)[0].ruling is not Ruling.ACCEPTED:
                refused.append((stem, sandbox.requests("meta")[-1]["reasons"]))
        violations = sandbox.violations()

    assert (refused, violations) == ([], [])
    assert calls >= 30


async def test_what_the_emulator_refuses_for_any_code_is_ruled_and_the_token_is_never_in_it() -> None:
    meta, payload = META, said()
    ruled = {}

    async with running(clock=lambda: NOW_S) as sandbox:
        destination = Destination(name="meta", adapter=meta, endpoint=sandbox.endpoint("meta"))
        async with Sender(destination, now_ms=lambda: int(NOW_S * 1000)) as sender:
            for code in ERRORS:
                sandbox.script("meta", {"error": code})
                answer = await sender.send(meta.request([payload]))
                assert isinstance(answer, Response), answer
                assert b"sandbox-meta-token" not in answer.body
                ruled[code] = meta.verdicts(answer, 1)[0].ruling

    assert Ruling.ACCEPTED not in ruled.values()
    assert {code for code, ruling in ruled.items() if ruling is Ruling.SPLIT} == {
        code for code in ERRORS if code.startswith("100") and code != "100/33"
    }
