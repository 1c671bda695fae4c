"""Whatever is killed, an acknowledged act arrives once at every platform."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.fixtures.gateway import RunningGateway, page_view, purchase, wait_until


async def test_acts_survive_the_death_of_gateway_and_store_between_accept_and_delivery(
    gateway: RunningGateway,
) -> None:
    gateway.site["merge"]["hold_s"] = 2
    await gateway.start()
    orders = [f"ord-{number}" for number in range(20)]
    await asyncio.gather(*(gateway.beacon(purchase(order)) for order in orders))
    results = await gateway.server(*(purchase(order, value=60.0) for order in orders[:10]))
    assert {result["status"] for result in results} == {"merged"}
    views = [f"view-{number}" for number in range(20)]
    answers = await asyncio.gather(*(gateway.beacon(page_view(view)) for view in views))
    assert {answer.headers["X-Tagway"] for answer in answers} == {"accepted"}

    gateway.kill()
    gateway.kill_store()
    await gateway.start()

    def arrived() -> bool:
        names = Counter(event["name"] for event in gateway.sandbox.events("meta"))
        return (names["Purchase"], names["PageView"]) == (20, 20) and len(gateway.sandbox.events("google")) == 20

    assert await wait_until(arrived, 40), gateway.log()[-2_000:]
    bought = [event for event in gateway.sandbox.events("meta") if event["name"] == "Purchase"]
    values = Counter(event["payload"]["custom_data"]["value"] for event in bought)
    assert values == {60.0: 10, 49.9: 10}


async def test_a_gateway_killed_while_a_platform_hangs_delivers_everything_once(gateway: RunningGateway) -> None:
    await gateway.start()
    gateway.sandbox.script("meta", {"delay_s": 3, "times": 3})
    views = [f"view-{number}" for number in range(30)]
    await gateway.beacon(*(page_view(view) for view in views))
    assert await wait_until(lambda: gateway.sandbox.requests("meta") or gateway.sandbox.faults("meta"))

    gateway.kill()
    await gateway.start()

    assert await wait_until(lambda: len(gateway.sandbox.events("meta")) == 30, 40), gateway.log()[-2_000:]
    assert sorted(event["event_id"] for event in gateway.sandbox.events("meta")) == sorted(views)


async def test_two_hundred_simultaneous_copies_are_one_delivery(gateway: RunningGateway) -> None:
    await gateway.start()

    answers = await asyncio.gather(*(gateway.beacon(page_view("same")) for _ in range(200)))

    said = Counter(answer.headers["X-Tagway"] for answer in answers)
    assert said == {"accepted": 1, "duplicate": 199}
    assert await wait_until(lambda: gateway.sandbox.events("meta"))
    assert [event["repeats"] for event in gateway.sandbox.events("meta")] == [0]


async def test_sigterm_ends_within_its_time_and_loses_nothing(gateway: RunningGateway) -> None:
    await gateway.start()
    gateway.sandbox.script("meta", {"status": 503, "times": 2})
    await gateway.beacon(*(page_view(f"view-{number}") for number in range(10)))

    assert await gateway.stop() == 0
    await gateway.start()

    assert await wait_until(lambda: len(gateway.sandbox.events("meta")) == 10, 40), gateway.log()[-2_000:]
