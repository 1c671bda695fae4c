"""Meta's road from the door to its emulator: real store, real worker, every rule of the platform in force."""

from __future__ import annotations

from typing import Any

from adapters.meta import Meta
from gateway.core.adapter import Secret
from gateway.core.event import Browser, Page
from gateway.core.site import Destination
from gateway.sandbox import Sandbox, running
from gateway.sandbox.terms import Terms
from gateway.store.database import Database
from tests.delivery.test_worker import House, now_event, wall_ms
from tests.fixtures.gateway import wait_until
from tests.fixtures.shop import a_plan

DAY_MS = 86_400_000
WHO: dict[str, Any] = {
    "page": Page(location="https://shop.example/"),
    "browser": Browser(ip="203.0.113.7", user_agent="Mozilla/5.0"),
}


def house(database: Database, sandbox: Sandbox, **options: Any) -> House:
    meta = Meta(dataset_id="1", **{"access_token": Secret("sandbox-meta-token"), **options})
    place = Destination(name="meta", adapter=meta, endpoint=sandbox.endpoint("meta"))
    return House(database, a_plan(place), wall_ms)


async def test_an_allowance_that_is_used_up_rests_the_destination_and_loses_nothing(database: Database) -> None:
    async with running(terms=Terms(meta_hourly_calls=1)) as sandbox:
        shop = house(database, sandbox)
        shop.roster.apply()
        (worker, _) = shop.roster._workers["meta"]
        try:
            await shop.keeper.keep([now_event("first", **WHO)])
            assert await shop.ends_as("first", "delivered")
            await shop.keeper.keep([now_event("second", **WHO)])

            assert worker.gate.most(wall_ms(), 100) == 0
            assert (worker.gate.reason, worker.gate.shut_until_ms > wall_ms()) == ("usage_100", True)
            assert (await shop.outcome("second"))[0] == "waiting"
            assert [call["code"] for call in sandbox.requests("meta")] == ["ok"]
        finally:
            await shop.roster.close()


async def test_only_a_shops_sale_may_be_older_than_a_week(database: Database) -> None:
    old = wall_ms() - 20 * DAY_MS
    async with running() as sandbox:
        shop = house(database, sandbox)
        shop.roster.apply()
        try:
            await shop.keeper.keep(
                [
                    now_event("web", at_ms=old, **WHO),
                    now_event("shop", at_ms=old, action_source="physical_store", **WHO),
                    now_event("today", **WHO),
                ]
            )

            assert await shop.ends_as("web", "dead:expired")
            assert await shop.ends_as("shop", "delivered")
            assert await shop.ends_as("today", "delivered")
            assert {event["event_id"] for event in sandbox.events("meta")} == {"shop", "today"}
        finally:
            await shop.roster.close()


async def test_one_event_that_meta_refuses_is_found_and_the_others_arrive(database: Database) -> None:
    async with running() as sandbox:
        sandbox.script("meta", {"refuse_id": "e-5"})
        shop = house(database, sandbox)
        await shop.keeper.keep([now_event(f"e-{number}", **WHO) for number in range(8)])
        shop.roster.apply()
        try:
            assert await shop.ends_as("e-5", "dead:rejected")
            for number in {*range(8)} - {5}:
                assert await shop.ends_as(f"e-{number}", "delivered")
            assert (await shop.outcome("e-5"))[1] == "100"
            assert len({event["event_id"] for event in sandbox.events("meta")}) == 7
        finally:
            await shop.roster.close()


async def test_a_withdrawn_token_keeps_the_queue_and_calls_a_human(database: Database) -> None:
    async with running() as sandbox:
        sandbox.script("meta", {"error": "190/463"})
        shop = house(database, sandbox)
        shop.roster.apply()
        (worker, _) = shop.roster._workers["meta"]

        async def paused() -> bool:
            return worker.gate.state.value == "paused"

        try:
            await shop.keeper.keep([now_event("kept", **WHO)])

            assert await wait_until(paused, 10)
            assert worker.gate.reason == "190/463"
            assert (await shop.outcome("kept"))[0] == "waiting"
        finally:
            await shop.roster.close()


async def test_a_token_that_no_header_can_carry_costs_no_event(database: Database) -> None:
    async with running() as sandbox:
        shop = house(database, sandbox, access_token=Secret("sandbox-meta\ntoken"))
        shop.roster.apply()
        (worker, _) = shop.roster._workers["meta"]

        async def paused() -> bool:
            return worker.gate.state.value == "paused"

        try:
            await shop.keeper.keep([now_event("kept", **WHO)])

            assert await wait_until(paused, 10)
            assert worker.gate.reason == "credentials_unsendable"
            assert (await shop.outcome("kept"))[0] == "waiting"
            assert sandbox.requests("meta") == []
        finally:
            await shop.roster.close()
