"""Thirty pieces of personal data and secrets go in by every door; none of them stands readable anywhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.fixtures.gateway import GRANTED, PAGE, RunningGateway, page_view, purchase, wait_until

PERSON = {
    "email": "canary.one@mailbox.example",
    "phone": "+49 30 901820777",
    "first_name": "Canaryfirst",
    "last_name": "O'Canarylast",
    "street": "Canarystreet 77",
    "date_of_birth": "1977-07-17",
    "gender": "female",
    "external_id": "canary-customer-0815",
}
# What may stand nowhere, in the spellings that a careless layer would leave behind.
READABLE = (
    "canary.one@mailbox.example", "canary.one%40mailbox.example", "canary.one%2540mailbox.example", "mailbox.example",
    "4930901820777", "30 901820777", "901820777", "canaryfirst", "canarylast", "o'canarylast", "canarystreet",
    "1977-07-17", "19770717", "canary-customer-0815",
    "canary.two@post.example", "canary.three@post.example", "canary.four@post.example", "canary.five@post.example",
    "canary.six@post.example", "canary.seven@post.example", "canary.eight@post.example", "canary.nine@post.example",
    "canary.ten@post.example", "post.example",
)  # fmt: skip
SECRETS = (
    "canary-meta-token", "sandbox-meta-token", "sandbox-tiktok-token", "shop-api-key", "-----BEGIN",
    "canary-admin-password",
)  # fmt: skip
# Stored as they are, because platforms take them so; shown by nobody.
UNSHOWN = ("81.2.69.142", "canaryville", "99887", "CanaryBrowser/1.0")


async def test_thirty_canaries_are_found_nowhere(gateway: RunningGateway) -> None:
    assert len(READABLE) + len(SECRETS) >= 30
    gateway.config["destinations"]["late"] = {
        **gateway.config["destinations"]["meta"],
        "access_token": "canary-meta-token",
    }
    gateway.site["destinations"].append("late")
    await gateway.start()
    person = {**PERSON, "city": "Canaryville", "postal_code": "99887", "country": "DE"}

    await gateway.beacon(
        page_view(
            "one",
            page_location=f"https://shop.example/?mail={quote('canary.two@post.example')}&gclid=Cj0KCQtest_gclid-Ab",
            page_referrer="https://shop.example/?m=canary.three%2540post.example",
            page_title="Hello canary.four@post.example",
            user=person,
            properties={"note": "write to canary.five@post.example", "canary.six@post.example": 1},
        ),
        **{"User-Agent": "CanaryBrowser/1.0", "Referer": "https://shop.example/?m=canary.seven@post.example"},
    )
    await gateway.server(
        {**purchase("ord-1"), "user": person, "client": {"ip": "81.2.69.142", "user_agent": "CanaryBrowser/1.0"}},
        {"event": "purchase", "value": "canary.eight@post.example", "event_id": "canary.nine@post.example"},
        {"event": "lead", "user": {"email": {"nested": "canary.ten@post.example"}, "phone": "30 901820777"}},
    )
    async with gateway.http.get(
        gateway.url("/i"),
        params={
            "event": "page_view",
            "page_location": PAGE,
            "user.email": PERSON["email"],
            "user.phone": PERSON["phone"],
            **{f"consent.{purpose}": "granted" for purpose in GRANTED},
        },
    ) as answer:
        assert answer.status == 200
    assert await wait_until(lambda: len(gateway.sandbox.events("meta")) >= 2 and gateway.sandbox.events("google"))

    async def is_paused() -> bool:
        return any(row["state"] == "paused" for row in await gateway.ask("/admin/api/destinations"))

    assert await wait_until(is_paused)  # the second token is refused
    shown = await everything_shown(gateway)

    assert [canary for canary in (*READABLE, *SECRETS, *UNSHOWN) if canary.lower() in shown] == []
    assert gateway.written(*READABLE, *SECRETS) == []
    sent = str([call["body"] for name in ("meta", "google", "tiktok") for call in gateway.sandbox.requests(name)])
    assert [canary for canary in READABLE if canary.lower() in sent.lower()] == []


async def everything_shown(gateway: RunningGateway) -> str:
    """Read every answer of the admin listener, and the log."""
    paths = ("/metrics", "/readyz", "/admin/api/destinations", "/admin/api/totals", "/admin/api/dead")
    told: list[Any] = [await gateway.ask(path) for path in paths]
    told += [await gateway.ask(f"/admin/api/explain/{event_id}") for event_id in ("one", "ord-1", "nobody")]
    async with gateway.http.get(gateway.admin("/admin/api/live?history=100")) as stream:
        told.append(await stream.content.read(65_536))
    return (str(told) + gateway.log()).lower()
