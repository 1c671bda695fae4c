"""Value rules in a running gateway: one order, two platforms, two numbers; and a table that changes meanwhile."""

from __future__ import annotations

import signal
from typing import Any

from tests.fixtures.gateway import RunningGateway, purchase, wait_until

ITEMS = [{"item_id": "SKU1", "price": 24.95, "quantity": 2}]


def _ruled(gateway: RunningGateway) -> None:
    (gateway.folder / "margins.csv").write_text("item_id,margin\nSKU1,0.35\n")
    gateway.config["destinations"]["meta"] |= {
        "values": {"purchase": {"margin": "margins.csv", "otherwise": "keep"}},
        "params": {"coupon": None, "plan": "tier"},
        "static": {"*": {"channel": "web"}},
        "events": {"*": None, "purchase": "Purchase"},
    }
    gateway.site["destinations"] = ["meta", "tiktok"]


def _values(gateway: RunningGateway, platform: str) -> list[Any]:
    inside = {"meta": "custom_data", "tiktok": "properties"}[platform]
    return [event["payload"][inside]["value"] for event in gateway.sandbox.events(platform)]


def _reload(gateway: RunningGateway) -> None:
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGHUP)


async def test_one_order_is_worth_what_each_platform_is_told(gateway: RunningGateway) -> None:
    _ruled(gateway)
    await gateway.start()

    order = purchase("ord-1", items=ITEMS, coupon="TEA", properties={"plan": "pro"})
    await gateway.beacon({**order, "value": 1.0})
    await gateway.server(order)
    await gateway.beacon({**order, "event": "view_cart", "event_id": "v-1"})

    assert await wait_until(lambda: _values(gateway, "meta") and _values(gateway, "tiktok"))
    assert (_values(gateway, "meta"), _values(gateway, "tiktok")[0]) == ([17.47], 49.9)
    (sent,) = gateway.sandbox.events("meta")
    told = sent["payload"]["custom_data"]
    assert {key: told.get(key) for key in ("tier", "channel", "coupon", "plan")} == {
        "tier": "pro", "channel": "web", "coupon": None, "plan": None,
    }  # fmt: skip
    rows = (await gateway.ask("/admin/api/explain/ord-1"))["deliveries"]
    assert {row["destination"]: row.get("valued") for row in rows} == {"meta": "49.9 EUR -> 17.47 EUR", "tiktok": None}
    assert "value by rule" in await gateway.ask("/event/ord-1")
    assert (await gateway.outcomes("v-1"))["meta"] == "skipped:denied"


async def test_a_table_that_changed_counts_after_a_reload_and_a_bad_one_never(gateway: RunningGateway) -> None:
    _ruled(gateway)
    await gateway.start()
    table = gateway.folder / "margins.csv"

    table.write_text("item_id,margin\nSKU1,0.5\n")
    _reload(gateway)
    assert await wait_until(lambda: "config.loaded" in gateway.log())
    await gateway.server(purchase("ord-1", items=ITEMS))
    assert await wait_until(lambda: _values(gateway, "meta") == [24.95])

    table.write_text("item_id,margin\nSKU1,0.9\nSKU2,lots\n")
    _reload(gateway)
    assert await wait_until(lambda: "margins.csv:3: margin is not a number" in gateway.log())
    await gateway.server(purchase("ord-2", items=ITEMS))
    assert await wait_until(lambda: _values(gateway, "meta") == [24.95, 24.95])
