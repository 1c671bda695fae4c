"""Two copies, three platforms, one act: the stories of contract sections 6 and 7."""

from __future__ import annotations

from typing import Any

from tests.fixtures.gateway import GRANTED, RunningGateway, page_view, purchase, wait_until


def at_google(gateway: RunningGateway) -> list[dict[str, Any]]:
    return [event["payload"] for event in gateway.sandbox.events("google")]


async def test_a_silent_server_twin_takes_its_twins_answer(gateway: RunningGateway) -> None:
    await gateway.start()
    silent = purchase("ord-1", value=52.0)
    del silent["consent"]

    await gateway.beacon(purchase("ord-1"))
    (result,) = await gateway.server(silent)

    assert result["status"] == "merged"
    assert await wait_until(lambda: at_google(gateway))
    assert [event["conversionValue"] for event in at_google(gateway)] == [52.0]


async def test_a_silent_server_copy_alone_is_skipped_for_consent(gateway: RunningGateway) -> None:
    await gateway.start()
    silent = purchase("ord-2")
    del silent["consent"]

    await gateway.server(silent)

    async def skipped_everywhere() -> bool:
        return set((await gateway.outcomes("ord-2")).values()) == {"skipped:consent"}

    assert await wait_until(skipped_everywhere)
    assert gateway.sandbox.events("meta") == []


async def test_a_made_browser_id_and_an_order_number_meet_the_servers_order_number(gateway: RunningGateway) -> None:
    await gateway.start()
    browser, server = purchase("77", value=1.0), purchase("77", value=9.5)
    del browser["event_id"], server["event_id"]

    await gateway.beacon(browser)
    (result,) = await gateway.server(server)

    assert result["status"] == "merged"
    assert await wait_until(lambda: at_google(gateway) and gateway.sandbox.events("meta"))
    assert [(event["transactionId"], event["conversionValue"]) for event in at_google(gateway)] == [("77", 9.5)]
    bought = [event for event in gateway.sandbox.events("meta") if event["name"] == "Purchase"]
    assert [event["payload"]["custom_data"]["value"] for event in bought] == [9.5]


async def test_a_forged_browser_copy_never_beats_the_confirmed_value(gateway: RunningGateway) -> None:
    gateway.site["merge"]["confirm"] = ["purchase"]
    await gateway.start()

    await gateway.beacon(purchase("ord-3", value=0.01))
    assert set((await gateway.outcomes("ord-3")).values()) == {"waiting"}
    await gateway.server(purchase("ord-3", value=52.0))

    assert await wait_until(lambda: at_google(gateway))
    assert [event["conversionValue"] for event in at_google(gateway)] == [52.0]


async def test_a_hit_from_a_foreign_page_leaves_no_trace(gateway: RunningGateway) -> None:
    await gateway.start()

    answer = await gateway.beacon(page_view("evil"), Origin="https://evil.example")

    assert (answer.status, answer.headers["X-Tagway"]) == (403, "refused:origin")
    assert "Set-Cookie" not in answer.headers
    await gateway.beacon(page_view("good"))
    assert await wait_until(lambda: gateway.sandbox.events("meta"))
    assert [event["event_id"] for event in gateway.sandbox.events("meta")] == ["good"]


async def test_a_denied_twin_stops_the_act_whichever_comes_first(gateway: RunningGateway) -> None:
    await gateway.start()
    denied = dict.fromkeys(GRANTED, "denied")

    await gateway.beacon(purchase("first", consent=denied))
    await gateway.server(purchase("first"))
    await gateway.server(purchase("second"))
    await gateway.beacon(purchase("second", consent=denied))

    async def skipped_everywhere() -> bool:
        told = [await gateway.outcomes(order) for order in ("first", "second")]
        return all(set(outcomes.values()) == {"skipped:consent"} for outcomes in told)

    assert await wait_until(skipped_everywhere)
    assert gateway.sandbox.events("meta") == []


async def test_global_privacy_control_stops_the_ad_platforms(gateway: RunningGateway) -> None:
    await gateway.start()

    await gateway.beacon(page_view("gpc"), **{"Sec-GPC": "1"})

    async def skipped_everywhere() -> bool:
        return set((await gateway.outcomes("gpc")).values()) == {"skipped:consent"}

    assert await wait_until(skipped_everywhere)


async def test_a_late_server_copy_restates_at_google_alone(gateway: RunningGateway) -> None:
    gateway.site["merge"]["hold_s"] = 0
    await gateway.start()
    await gateway.beacon(purchase("ord-4", value=10.0))
    assert await wait_until(lambda: at_google(gateway) and gateway.sandbox.events("meta"))

    (result,) = await gateway.server(purchase("ord-4", value=12.0))

    assert result["status"] == "late"

    def restated() -> bool:
        sent = [call["body"] for call in gateway.sandbox.requests("google") if call["path"].endswith("events:ingest")]
        return [event["conversionValue"] for body in sent for event in body["events"]] == [10.0, 12.0]

    assert await wait_until(restated)
    assert [event["repeats"] for event in gateway.sandbox.events("meta")] == [0]
    told = await gateway.ask("/admin/api/explain/ord-4")
    late = [row for row in told["deliveries"] if row.get("late")]
    assert [row["destination"] for row in late] == ["google"]


async def test_the_browsers_currency_stands_where_the_server_names_none_of_the_same_amount(
    gateway: RunningGateway,
) -> None:
    await gateway.start()
    silent = {key: told for key, told in purchase("usd", value=10.0).items() if key != "currency"}

    await gateway.beacon(
        purchase("usd", value=10.0, currency="USD"), {**silent, "event_id": "eur", "transaction_id": "eur"}
    )
    await gateway.server(silent, {**silent, "event_id": "eur", "transaction_id": "eur"})

    assert await wait_until(lambda: len(at_google(gateway)) == 2)
    told = {event["transactionId"]: (event["conversionValue"], event["currency"]) for event in at_google(gateway)}
    assert told == {"usd": (10.0, "USD"), "eur": (10.0, "EUR")}


async def test_two_orders_never_leave_under_one_event_id_and_what_named_both_is_counted(
    gateway: RunningGateway,
) -> None:
    await gateway.start()

    await gateway.server(purchase("a", transaction_id="t1"), purchase("b", transaction_id="t2"))
    await gateway.beacon(purchase("a", transaction_id="t1"))
    await gateway.beacon(purchase("a", transaction_id="t2"))

    def bought() -> list[tuple[str, str]]:
        sent = [event for event in gateway.sandbox.events("meta") if event["name"] == "Purchase"]
        return sorted((event["event_id"], event["payload"]["custom_data"]["order_id"]) for event in sent)

    assert await wait_until(lambda: len(bought()) == 2)
    assert bought() == [("a", "t1"), ("b", "t2")]
    assert 'tagway_conflicts_total{event="purchase",site="shop",wire="browser"} 1.0' in await gateway.ask("/metrics")

    async def counted() -> bool:
        rows = await gateway.ask("/admin/api/totals?since=0")
        return ("browser", "conflict", 1) in [(row["source"], row["outcome"], row["count"]) for row in rows]

    assert await wait_until(counted)
