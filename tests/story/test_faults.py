"""What a platform does to us, and what becomes of the events."""

from __future__ import annotations

from typing import Any

from tests.fixtures.gateway import RunningGateway, page_view, wait_until


async def state(gateway: RunningGateway, name: str) -> dict[str, Any]:
    return next(row for row in await gateway.ask("/admin/api/destinations") if row["destination"] == name)


async def test_a_failing_platform_gets_the_same_event_later(gateway: RunningGateway) -> None:
    await gateway.start()
    gateway.sandbox.script("meta", {"status": 503, "times": 3})

    await gateway.beacon(page_view("patient"))

    assert await wait_until(lambda: gateway.sandbox.events("meta"), 30)
    assert [event["repeats"] for event in gateway.sandbox.events("meta")] == [0]


async def test_one_poisoned_event_does_not_take_its_batch_along(gateway: RunningGateway) -> None:
    await gateway.start()
    gateway.sandbox.script("meta", {"refuse_id": "bad"})

    await gateway.beacon(*(page_view(event_id) for event_id in ("a", "b", "c", "bad", "d", "e", "f", "g")))

    assert await wait_until(lambda: len(gateway.sandbox.events("meta")) == 7)

    async def is_dead() -> bool:
        return (await gateway.outcomes("bad")).get("meta") == "dead:rejected"

    assert await wait_until(is_dead)
    # 2·log2(8)+2 requests at most for one culprit among eight
    assert len(gateway.sandbox.requests("meta")) <= 8
    (letter,) = await gateway.ask("/admin/api/dead?destination=meta")
    assert (letter["event_id"], letter["outcome"]) == ("bad", "dead:rejected")


async def test_a_dead_letter_is_delivered_when_it_is_replayed(gateway: RunningGateway) -> None:
    await gateway.start()
    gateway.sandbox.script("meta", {"refuse_id": "bad"})
    await gateway.beacon(page_view("bad"))

    async def letters() -> Any:
        return await gateway.ask("/admin/api/dead?destination=meta")

    assert await wait_until(letters)
    await gateway.http.delete(f"{gateway.sandbox.url}/_sandbox/meta/faults")
    wish = {"destination": "meta", "all": True}

    async with gateway.http.post(gateway.admin("/admin/api/dead/replay"), json=wish) as answer:
        assert (await answer.json())["revived"] == 1

    assert await wait_until(lambda: gateway.sandbox.events("meta"))
    assert await letters() == []


async def test_a_refused_token_pauses_the_destination_and_keeps_the_queue(gateway: RunningGateway) -> None:
    gateway.config["destinations"]["meta"]["access_token"] = "an-old-token"
    await gateway.start()

    await gateway.beacon(*(page_view(f"view-{number}") for number in range(5)))

    async def is_paused() -> bool:
        told: str = (await state(gateway, "meta"))["state"]
        return told == "paused"

    assert await wait_until(is_paused)
    assert (await state(gateway, "meta"))["waiting"] == 5
    assert (await state(gateway, "meta"))["dead"] == 0
    assert await wait_until(lambda: len(gateway.sandbox.events("tiktok")) == 5)


async def test_a_new_token_is_tried_at_once_after_a_reload(gateway: RunningGateway) -> None:
    import json
    import signal

    gateway.config["destinations"]["meta"]["access_token"] = "an-old-token"
    await gateway.start()
    await gateway.beacon(page_view("kept"))

    async def is_paused() -> bool:
        told: str = (await state(gateway, "meta"))["state"]
        return told == "paused"

    assert await wait_until(is_paused)
    gateway.config["destinations"]["meta"]["access_token"] = "sandbox-meta-token"
    (gateway.folder / "gateway.yaml").write_text(json.dumps(gateway.config))
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGHUP)

    assert await wait_until(lambda: gateway.sandbox.events("meta"), 25)


async def test_a_bad_file_on_reload_changes_nothing(gateway: RunningGateway) -> None:
    import signal

    await gateway.start()
    (gateway.folder / "gateway.yaml").write_text("sites: {shop: {hots: [x]}}")
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGHUP)

    assert await wait_until(lambda: "config.refused" in gateway.log())
    await gateway.beacon(page_view("still-there"))
    assert await wait_until(lambda: gateway.sandbox.events("meta"))


async def test_a_hanging_platform_slows_nobody_else(gateway: RunningGateway) -> None:
    await gateway.start()
    gateway.sandbox.script("meta", {"delay_s": 8, "times": 4})

    await gateway.beacon(*(page_view(f"view-{number}") for number in range(5)))

    assert await wait_until(lambda: len(gateway.sandbox.events("tiktok")) == 5, 5)
    assert gateway.sandbox.events("meta") == []


async def test_an_answer_without_the_platforms_confirmation_is_no_success(gateway: RunningGateway) -> None:
    await gateway.start()
    gateway.sandbox.script("meta", {"garbage": True})

    await gateway.beacon(page_view("unsure"))

    assert await wait_until(lambda: gateway.sandbox.events("meta"), 30)
    assert len(gateway.sandbox.requests("meta")) >= 2


async def test_throttling_rests_the_whole_destination_and_loses_nothing(gateway: RunningGateway) -> None:
    await gateway.start()
    gateway.sandbox.script("meta", {"throttle": True})

    await gateway.beacon(*(page_view(f"view-{number}") for number in range(5)))

    assert await wait_until(lambda: len(gateway.sandbox.events("meta")) == 5, 30)


async def test_an_expired_google_token_is_fetched_anew(gateway: RunningGateway) -> None:
    from tests.fixtures.gateway import purchase

    await gateway.start()
    await gateway.beacon(purchase("one"))
    assert await wait_until(lambda: len(gateway.sandbox.events("google")) == 1)
    gateway.sandbox.script("google", {"token": "expired"})

    await gateway.beacon(purchase("two"))

    assert await wait_until(lambda: len(gateway.sandbox.events("google")) == 2, 40), gateway.log()[-1_500:]


async def test_a_redirect_is_never_followed(gateway: RunningGateway) -> None:
    await gateway.start()
    gateway.sandbox.script("meta", {"redirect": True})

    await gateway.beacon(page_view("moved"))

    async def is_dead() -> bool:
        return (await gateway.outcomes("moved")).get("meta") == "dead:redirect"

    assert await wait_until(is_dead)
