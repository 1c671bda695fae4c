"""Requests that are signed instead of keyed: what is believed, what is not, and what a sender is told to do."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import random
import shutil
import subprocess
from typing import Any

import orjson
import pytest
import structlog

from gateway.core.adapter import Secret
from gateway.core.event import Wire
from gateway.delivery import sender
from gateway.web.signature import HEADER, Claim, Flaw, Proof, Seen, dice_of, read, sign, verify
from tests.web.parts import NOW_MS, Gate, Open, site

NEW, OLD, STRANGE = Secret("the-new-request-key"), Secret("the-old-request-key"), Secret("of-somebody-else")
NOW_S = NOW_MS // 1000
EVENT = orjson.dumps({"event": "purchase", "event_id": "ord-1", "value": 52.0, "currency": "EUR"})
NAMELESS = orjson.dumps([{"event": "purchase", "value": 1}, {"event": "purchase", "value": 2}])
ZIPPED = {"Content-Encoding": "gzip"}


def signed_by(*keys: Secret, body: bytes = EVENT, at: str = str(NOW_S), named: str = "site=shop") -> str:
    """Sign as a sender would who has read no code of ours."""
    macs = [hmac.new(key.reveal().encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest() for key in keys]
    return ",".join([f"t={at}", *([named] if named else []), *(f"v1={mac}" for mac in macs)])


@pytest.fixture
async def shop(open_gate: Open) -> Gate:
    """A gateway whose shop signs and has an API key beside; the blog has an API key alone."""
    blog = site(name="blog", hosts=("t.blog.example",), api_keys=(Secret("blog-key"),))
    return await open_gate(site(request_keys=(NEW, OLD)), blog)


async def post(gate: Gate, header: str, body: bytes = EVENT, **more: Any) -> tuple[int, dict[str, Any]]:
    headers = {HEADER: header, **more.pop("headers", {})}
    status, _, told = await gate.server(body, more.pop("key", None), headers, **more)
    return status, orjson.loads(told)


@pytest.mark.parametrize("keys", [(NEW,), (OLD,), (STRANGE, NEW), (STRANGE, OLD), (OLD, NEW)])
async def test_either_key_opens_and_one_right_signature_is_enough(shop: Gate, keys: tuple[Secret, ...]) -> None:
    status, told = await post(shop, signed_by(*keys))

    assert (status, told["results"][0]["status"]) == (200, "accepted")
    assert shop.tally.last == ("shop", "purchase", Wire.SERVER, "accepted")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        pytest.param(signed_by(STRANGE), "of another key, or of other bytes", id="another key"),
        pytest.param(signed_by(NEW, body=EVENT[:-1]), "of another key, or of other bytes", id="another body"),
        pytest.param(signed_by(NEW, body=b""), "sign the body exactly as it is sent", id="no body"),
        pytest.param(signed_by(NEW)[:-1], "v1: 64 hex digits", id="cut off"),
        pytest.param(signed_by(NEW)[:-2] + "zz", "v1: 64 hex digits", id="no hex"),
        pytest.param(signed_by(NEW) + "\u0661", "v1: 64 hex digits", id="another script's digit"),
        pytest.param(signed_by(NEW, at=str(NOW_S - 301)), "t is 301 s old (300 s are allowed)", id="old"),
        pytest.param(signed_by(NEW, at=str(NOW_S + 301)), "t is 301 s ahead of ours", id="of the future"),
        pytest.param(signed_by(NEW, at=str(NOW_S - 301)) + f",t={NOW_S}", "no time in it, or two", id="two times"),
        pytest.param(signed_by(NEW, at="-5"), "no time in it", id="negative"),
        pytest.param(signed_by(NEW, at="1e9"), "no time in it", id="a float's spelling"),
        pytest.param(signed_by(NEW, at="nan"), "no time in it", id="nan"),
        pytest.param(signed_by(NEW, at="9" * 400), "no time in it", id="a long number"),
        pytest.param(f"t={NOW_S}", "one to 4 v1=", id="no signature"),
        pytest.param(f"t={NOW_S},v0=" + "a" * 64, "one to 4 v1=", id="another scheme alone"),
        pytest.param(signed_by(*[STRANGE] * 4, NEW), "one to 4 v1=", id="five"),
        pytest.param(signed_by(NEW, named="x=" + "y" * 1024), "longer than 1024", id="long"),
        pytest.param("", "no time in it", id="empty"),
        pytest.param("=,=,==", "no time in it", id="signs alone"),
        pytest.param(signed_by(NEW, named="site=nobody"), "of no known site", id="no such site"),
        pytest.param(signed_by(NEW, named="site=blog"), "the site has no request_keys", id="a site without"),
        pytest.param(signed_by(NEW, named="site=shop,site=blog"), "at most one site=", id="two sites"),
    ],
)  # fmt: skip
async def test_what_is_not_right_is_refused_with_the_next_step(shop: Gate, header: str, said: str) -> None:
    with structlog.testing.capture_logs() as lines:
        status, told = await post(shop, header)

    assert status == 401
    assert told["errors"][0].startswith(f"{HEADER}: ")
    assert said in told["errors"][0]
    assert shop.shelf.copies == []
    assert shop.tally.last[3] == "refused:signature"
    assert NEW.reveal() not in f"{told}{lines}"


@pytest.mark.parametrize("skew_s", [-300, -299.999999, 299, 300])
async def test_five_minutes_either_way_are_forgiven(shop: Gate, skew_s: float) -> None:
    status, _ = await post(shop, signed_by(NEW, at=f"{NOW_S + skew_s:.6f}"))

    assert status == 200


async def test_played_again_it_is_refused_whichever_key_signed(shop: Gate) -> None:
    both = signed_by(NEW, OLD)
    await post(shop, both)

    for again in (both, signed_by(OLD), signed_by(NEW), signed_by(STRANGE, NEW)):
        status, told = await post(shop, again)

        assert (status, len(shop.shelf.copies)) == (403, 1)
        assert "sign every request anew" in told["errors"][0]
    assert (await post(shop, signed_by(NEW, at=f"{NOW_S}.25")))[0] == 200


async def test_played_to_a_process_that_does_not_know_it_nothing_is_counted_twice(shop: Gate) -> None:
    header = signed_by(NEW, body=NAMELESS)
    _, first = await post(shop, header, NAMELESS)
    shop.front.seen = Seen()

    _, second = await post(shop, header, NAMELESS)

    ids = [[result["event_id"] for result in told["results"]] for told in (first, second)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2
    assert [result["status"] for result in second["results"]] == ["duplicate", "duplicate"]


async def test_what_could_not_be_kept_may_come_again_as_it_is(shop: Gate) -> None:
    shop.shelf.is_down = True
    refused, _ = await post(shop, signed_by(NEW))
    shop.shelf.is_down = False

    accepted, _ = await post(shop, signed_by(NEW))

    assert (refused, accepted) == (503, 200)


async def test_without_a_name_the_host_is_the_site(shop: Gate) -> None:
    header = signed_by(NEW, named="")

    here, _ = await post(shop, header, headers={"Host": "t.shop.example"})
    blog, _ = await post(shop, header, headers={"Host": "t.blog.example"})
    nowhere, told = await post(shop, header, headers={"Host": "nobody.example"})

    assert (here, blog, nowhere) == (200, 401, 401)
    assert "name the site" in told["errors"][0]


async def test_beside_an_api_key_the_signature_has_to_be_right_too(shop: Gate) -> None:
    assert (await post(shop, signed_by(NEW, named=""), key="api-key"))[0] == 200
    assert (await post(shop, signed_by(STRANGE), key="api-key"))[0] == 401
    assert (await post(shop, signed_by(NEW, at=f"{NOW_S}.5"), key="wrong"))[0] == 401
    status, told = await post(shop, signed_by(NEW), key="blog-key")
    assert (status, told["errors"][0]) == (401, f"{HEADER}: of another site than the API key's")


async def test_the_bytes_that_travel_are_the_ones_that_are_signed(shop: Gate) -> None:
    packed = gzip.compress(EVENT)

    as_packed, _ = await post(shop, signed_by(NEW, body=packed), packed, headers=ZIPPED)
    as_said, _ = await post(shop, signed_by(NEW), packed, headers=ZIPPED)

    assert (as_packed, as_said) == (200, 401)


async def test_nobody_fills_the_memory_with_what_is_not_proven(shop: Gate) -> None:
    events = [{"event": "login", "event_id": str(n), "note": "x" * 5000} for n in range(400)]
    large = orjson.dumps(events)
    packed = gzip.compress(large)

    status, told = await post(shop, signed_by(NEW, body=large), large)
    keyed, _ = await post(shop, signed_by(NEW, body=large), large, key="api-key")
    zipped, _ = await post(shop, signed_by(NEW, body=packed), packed, headers=ZIPPED)

    assert (status, keyed, zipped) == (413, 200, 200)
    assert "gzip it, or send the API key" in told["errors"][0]


async def test_a_bomb_under_a_right_signature_is_a_bomb(shop: Gate) -> None:
    bomb = gzip.compress(b" " * (17 * 1024 * 1024))

    status, _ = await post(shop, signed_by(NEW, body=bomb), bomb, headers=ZIPPED)

    assert status == 413


async def test_a_site_that_has_request_keys_alone_is_closed_to_others(open_gate: Open) -> None:
    gate = await open_gate(site(api_keys=(), request_keys=(NEW,)))

    assert (await post(gate, signed_by(NEW)))[0] == 200
    assert (await gate.server(EVENT, "api-key"))[0] == 401
    assert (await gate.server(EVENT, None))[0] == 401


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
async def test_openssl_signs_as_the_page_about_it_says(shop: Gate) -> None:
    done = subprocess.run(  # noqa: ASYNC221 - a few milliseconds, and nobody waits
        ["openssl", "dgst", "-sha256", "-hmac", NEW.reveal(), "-r"],
        input=f"{NOW_S}.".encode() + EVENT,
        capture_output=True,
        check=True,
    )

    status, _ = await post(shop, f"t={NOW_S},site=shop,v1={done.stdout.decode().split()[0]}")

    assert status == 200


async def test_our_own_signer_and_the_webhooks_make_what_is_read_here() -> None:
    for header in (sign(NEW, NOW_S, EVENT), sender.sign(EVENT, NEW.reveal(), NOW_S)):
        claim = read([header], NOW_MS)
        assert isinstance(claim, Claim)
        assert isinstance(await verify(claim, EVENT, [OLD, NEW]), Proof)
    assert sign(NEW, NOW_S + 0.25, EVENT, site="shop") == signed_by(NEW, at=f"{NOW_S}.25")


async def test_a_flipped_bit_anywhere_is_another_request() -> None:
    dice = random.Random(7)
    header = signed_by(NEW)
    claim = read([header], NOW_MS)
    assert isinstance(claim, Claim)

    for _ in range(200):
        place, bit = dice.randrange(len(EVENT)), 1 << dice.randrange(8)
        changed = EVENT[:place] + bytes([EVENT[place] ^ bit]) + EVENT[place + 1 :]
        assert isinstance(await verify(claim, changed, [NEW, OLD]), Flaw)


def test_memory_of_what_was_seen_is_bounded_and_forgets_what_is_too_old_anyway() -> None:
    seen = Seen(max_marks=2)

    assert [seen.is_new("shop", mark, NOW_MS, NOW_MS) for mark in (b"a", b"a", b"b", b"c")] == [True, False, True, True]
    assert seen.is_new("shop", b"a", NOW_MS, NOW_MS), "the third one pushed it out"
    assert seen.is_new("blog", b"c", NOW_MS, NOW_MS), "another site's"
    seen = Seen()
    seen.is_new("shop", b"a", NOW_MS, NOW_MS)
    assert not seen.is_new("shop", b"a", NOW_MS, NOW_MS + 300_000)
    assert seen.is_new("shop", b"a", NOW_MS, NOW_MS + 300_001)


def test_dice_of_a_request_fall_alike_each_time_and_never_twice() -> None:
    first, again, other = (dice_of(mark) for mark in (b"a", b"a", b"b"))

    thrown = [first() for _ in range(5)]
    assert thrown == [again() for _ in range(5)]
    assert len({*thrown, other()}) == 6
    assert {len(throw) for throw in thrown} == {32}
