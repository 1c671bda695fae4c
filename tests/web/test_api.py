from __future__ import annotations

import gzip
from typing import Any

import orjson
import pytest

from gateway.core.adapter import Secret
from gateway.core.event import Event, Wire
from gateway.core.site import Limits
from gateway.web.signature import HEADER, sign
from tests.web.parts import DENIED, NOW_MS, Gate, Open, site

PURCHASE = {"event": "purchase", "event_id": "ord-1", "transaction_id": "ord-1", "value": 52.0, "currency": "EUR",
            "user": {"email": " Jo.Doe+x@Gmail.com ", "phone": "0171 2345678", "country": "DE"}}  # fmt: skip

GZIP = {"Content-Encoding": "gzip"}


def results(body: bytes) -> list[dict[str, Any]]:
    return orjson.loads(body)["results"]  # type: ignore[no-any-return]


async def test_each_event_has_its_result(gate: Gate) -> None:
    await gate.beacon({"event": "purchase", "event_id": "ord-1", "consent": {"ad_storage": "granted"}})

    status, headers, body = await gate.server(
        {"events": [PURCHASE, PURCHASE, {"event": "purchase", "value": "x"}, 5, {"event": "login", "colour": "red"}]}
    )

    merged, again, refused, nothing, made = results(body)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert (merged["event_id"], merged["status"], merged["reason"]) == ("ord-1", "merged", None)
    assert again["status"] == "duplicate"
    assert (refused["status"], refused["reason"], refused["event_id"]) == ("refused", "value", None)
    assert refused["errors"][0].startswith("value:")
    assert (nothing["status"], nothing["reason"]) == ("refused", "body")
    assert made["status"] == "accepted"
    assert len(made["event_id"]) == 22
    assert made["warnings"] == ["colour: unknown key (kept in properties)"]
    assert [door[3] for door in gate.tally.doors[1:]] == [
        "merged",
        "duplicate",
        "refused:value",
        "refused:body",
        "accepted",
    ]


async def test_what_is_dropped_of_a_person_is_told_and_counted_by_field_and_fault(gate: Gate) -> None:
    user = {"email": "null@null.com", "phone": "12", "first_name": "Mary", "city": "undefined"}

    _, _, body = await gate.server({**PURCHASE, "user": user})

    assert [line.partition(":")[0] for line in results(body)[0]["warnings"]] == [
        "user.city",
        "user.email",
        "user.phone",
    ]
    assert gate.tally.drops == [
        ("shop", "city", "placeholder"),
        ("shop", "email", "placeholder"),
        ("shop", "phone", "phone"),
    ]


@pytest.mark.parametrize("body", [PURCHASE, [PURCHASE], {"events": [PURCHASE]}])
async def test_one_event_a_list_and_a_batch_are_all_read(gate: Gate, body: Any) -> None:
    _, _, answer = await gate.server(body)

    assert [result["event_id"] for result in results(answer)] == ["ord-1"]


async def test_nothing_of_the_connection_is_believed(gate: Gate) -> None:
    headers = {
        "X-Forwarded-For": "81.2.69.142",
        "Cookie": "_fbp=fb.1.1795305600000.1",
        "Sec-GPC": "1",
        "User-Agent": "bot",
    }

    _, told, _ = await gate.server({**PURCHASE, "client": {"ip": "5.6.7.8"}}, headers=headers)

    copy = gate.shelf.copies[0]
    assert isinstance(copy, Event)
    assert (copy.wires, copy.browser.ip, copy.browser.user_agent, copy.bot) == ((Wire.SERVER,), "5.6.7.8", None, None)
    assert copy.browser.cookies == {}
    assert copy.consent.by == {}
    assert "Set-Cookie" not in told


async def test_denied_everywhere_is_accepted(gate: Gate) -> None:
    _, _, body = await gate.server({**PURCHASE, "consent": DENIED})

    assert results(body)[0]["status"] == "accepted"


@pytest.mark.parametrize("key", [None, "", "wrong", "api-ke", "api-key2", "caf\udce9"])
async def test_no_key_no_entry(gate: Gate, key: str | None) -> None:
    headers = (
        {} if key is None else {"Authorization": f"Bearer {key}".encode("utf-8", "surrogateescape").decode("latin-1")}
    )

    status, told, body = await gate.server(PURCHASE, None, headers)

    assert (status, told["WWW-Authenticate"]) == (401, "Bearer")
    assert orjson.loads(body)["errors"]
    assert gate.tally.last == ("-", "", Wire.SERVER, "refused:key")


@pytest.mark.parametrize("scheme", ["Basic", "", "Bearerx"])
async def test_other_schemes_are_no_key(gate: Gate, scheme: str) -> None:
    status, _, _ = await gate.server(PURCHASE, None, {"Authorization": f"{scheme} api-key"})

    assert status == 401


async def test_key_names_the_site_and_the_host_does_not_matter(open_gate: Open) -> None:
    gate = await open_gate(site(), site(name="other", path="/m", api_keys=(Secret("old"), Secret("new"))))

    for key, name in (("old", "other"), ("new", "other"), ("api-key", "shop")):
        for path in ("/api/events", "/m/api/events"):
            status, _, _ = await gate.server(PURCHASE, key, {"Host": "nobody.example"}, path)
            assert (status, gate.tally.last[0]) == (200, name)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"", {}, 422, id="nothing"),
        pytest.param(b"{", {}, 422, id="half"),
        pytest.param(b'"x"', {}, 422, id="text"),
        pytest.param(b"[" + b",".join([b"{}"] * 1001) + b"]", {}, 413, id="1001 events"),
        pytest.param(b" " * (16 * 1024 * 1024 + 1), {}, 413, id="16 MiB and a byte"),
        pytest.param(gzip.compress(orjson.dumps(PURCHASE)), GZIP, 200, id="packed"),
        pytest.param(
            gzip.compress(orjson.dumps([{**PURCHASE, "x": n} for n in range(900)])), GZIP, 200, id="packed, more"
        ),
        pytest.param(gzip.compress(b" " * (17 * 1024 * 1024)), GZIP, 413, id="bomb"),
        pytest.param(gzip.compress(b"{}")[:-6], GZIP, 422, id="cut off"),
        pytest.param(b"no gzip", GZIP, 422, id="not packed"),
        pytest.param(b"{}", {"Content-Encoding": "br"}, 422, id="packed otherwise"),
    ],
)
async def test_body_as_a_whole(gate: Gate, body: bytes, headers: dict[str, str], status: int) -> None:
    answer, _, told = await gate.server(body, headers=headers)

    assert answer == status
    if status != 200:
        assert orjson.loads(told)["errors"]
        assert gate.shelf.copies == []


async def test_thousand_events_are_taken_at_once(gate: Gate) -> None:
    _, _, body = await gate.server([{"event": "login", "event_id": str(n)} for n in range(1000)])

    assert [result["event_id"] for result in results(body)] == [str(n) for n in range(1000)]
    assert {result["status"] for result in results(body)} == {"accepted"}


async def test_large_event_is_refused_beside_its_neighbours(gate: Gate) -> None:
    _, _, body = await gate.server([PURCHASE, {**PURCHASE, "x": "y" * 65536}])

    assert [(result["status"], result["reason"]) for result in results(body)] == [
        ("accepted", None),
        ("refused", "size"),
    ]


async def test_503_when_nothing_can_be_kept(gate: Gate) -> None:
    gate.shelf.is_down = True

    status, headers, body = await gate.server([PURCHASE, {"event": "§"}])

    assert (status, int(headers["Retry-After"]) > 0) == (503, True)
    assert [result["reason"] for result in results(body)] == ["unavailable", "event"]


async def test_sent_at_beside_the_batch_corrects_the_clock(gate: Gate) -> None:
    await gate.server({"sent_at": NOW_MS / 1000 + 60, "events": [{**PURCHASE, "timestamp": NOW_MS / 1000 + 30}]})

    copy = gate.shelf.copies[0]
    assert isinstance(copy, Event)
    assert copy.at_ms == NOW_MS - 30_000


async def test_only_post_is_heard(gate: Gate) -> None:
    for method in ("GET", "OPTIONS", "PUT"):
        status, headers, _ = await gate.ask(method, "/api/events", headers={"Origin": "https://shop.example"})
        assert (status, headers["Allow"]) == (405, "POST")
        assert "Access-Control-Allow-Origin" not in headers


async def test_a_key_past_its_rate_is_told_when_to_come_again(open_gate: Open) -> None:
    gate = await open_gate(
        site(api_keys=(Secret("api-key"), Secret("second")), limits=Limits(per_key="10/s")),
        site(name="other", api_keys=()),
    )
    events = [{"event": "login", "event_id": str(n)} for n in range(25)]

    taken, _, _ = await gate.server(events)
    status, headers, body = await gate.server(PURCHASE)
    second, _, _ = await gate.server(PURCHASE, "second")
    gate.clock.now_ms += 2_000
    later, _, _ = await gate.server(PURCHASE)

    # A batch is taken whole: fifteen beyond ten, and one for the next request, are 1.6 s at ten a second.
    assert (taken, status, headers["Retry-After"]) == (200, 429, "2")
    assert orjson.loads(body)["errors"] == ["rate: more than limits.per_key (10/s); send it again in 2 s"]
    assert (second, later) == (200, 200)
    assert ("shop", "", Wire.SERVER, "refused:rate") in gate.tally.doors


async def test_a_signing_key_has_a_bucket_of_its_own(open_gate: Open) -> None:
    gate = await open_gate(site(request_keys=(Secret("request-key"),), limits=Limits(per_key="1/m")))
    body = orjson.dumps(PURCHASE)

    def header(at: float) -> dict[str, str]:
        return {HEADER: sign(Secret("request-key"), at, body, site="shop")}

    answers = [await gate.server(body, None, header(NOW_MS / 1000 + turn)) for turn in range(2)]

    assert [status for status, _, _ in answers] == [200, 429]
    assert answers[1][1]["Retry-After"] == "60"
    assert (await gate.server(body))[0] == 200
    gate.clock.now_ms += 60_000
    assert (await gate.server(body, None, header(NOW_MS / 1000 + 1)))[0] == 200, "it was refused unseen"


async def test_visitors_limits_are_not_the_servers(open_gate: Open) -> None:
    gate = await open_gate(site(limits=Limits(per_address="1/h")))

    assert [(await gate.server(PURCHASE))[0] for _ in range(3)] == [200, 200, 200]
