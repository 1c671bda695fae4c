"""What a landing and the platforms' own cookies told the door, each platform hears in its own field."""

from __future__ import annotations

from typing import Any

from tests.fixtures.gateway import RunningGateway, page_view, wait_until

UUID = "ab26e27a-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
VISITOR = "30dc9760d69811f08bf59b7550261e73"
CLICK = "0123456789abcdef0123456789abcdef"
# In the address of the landing; the other platforms' clicks come in their own cookies.
LANDING = "https://shop.example/?ScCid=Sc-Click-1&rdt_cid=5689100356223&epik=dj0yJnU9&ttclid=E.C.P.x"
COOKIES = {
    "_scid": UUID,
    "_rdt_uuid": f"1795305500000.{UUID}",
    "_uetvid": VISITOR,
    "_uetmsclkid": f"_uet{CLICK}",
    "_ttp": "2Zkqgr7YkYc3sUzU0fL4vWxYz01",
    "li_fat_id": UUID,
    "twclid": "26l6412g5p4iyj65a2oic2ayg2",
}
DESTINATIONS: dict[str, dict[str, Any]] = {
    "snap": {"adapter": "snapchat", "pixel_id": "p-1"},
    "reddit": {"adapter": "reddit", "pixel_id": "a2_abc"},
    "pinterest": {"adapter": "pinterest", "ad_account_id": "549"},
    "microsoft": {"adapter": "microsoft", "tag_id": "97"},
    "linkedin": {"adapter": "linkedin", "conversions": {"page_view": "7"}},
    "x": {"adapter": "x", "pixel_id": "o1", "conversions": {"page_view": "o2"}},
    "tiktok": {"adapter": "tiktok", "pixel_code": "C123"},
}


async def test_clicks_and_browsers_reach_the_platforms_that_named_them(gateway: RunningGateway) -> None:
    for name, options in DESTINATIONS.items():
        token = "pixel_token" if name == "x" else "access_token"
        at = gateway.sandbox.endpoint(name)
        gateway.config["destinations"][name] = {**options, "endpoint": at, token: f"sandbox-{name}-token"}
    gateway.site["destinations"] = list(DESTINATIONS)
    await gateway.start()
    jar = "; ".join(f"{name}={value}" for name, value in COOKIES.items())

    await gateway.beacon(page_view("one", page_location=LANDING), Cookie=jar)

    assert await wait_until(lambda: all(gateway.sandbox.events(name) for name in DESTINATIONS))
    said = {name: gateway.sandbox.events(name)[0]["payload"] for name in DESTINATIONS}
    assert said["snap"]["user_data"]["sc_click_id"] == "Sc-Click-1"
    assert said["snap"]["user_data"]["sc_cookie1"] == UUID
    assert (said["reddit"]["click_id"], said["reddit"]["user"]["uuid"]) == ("5689100356223", UUID)
    assert said["pinterest"]["user_data"]["click_id"] == "dj0yJnU9"
    assert said["microsoft"]["userData"]["msclkid"] == CLICK
    assert said["microsoft"]["userData"]["anonymousId"] == VISITOR
    assert {one["idValue"] for one in said["linkedin"]["user"]["userIds"]} == {UUID}
    assert {"twclid": COOKIES["twclid"]} in said["x"]["identifiers"]
    assert (said["tiktok"]["user"]["ttclid"], said["tiktok"]["user"]["ttp"]) == ("E.C.P.x", COOKIES["_ttp"])
    assert gateway.sandbox.violations() == []
