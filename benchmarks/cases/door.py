"""What a hit costs by each lane and each wire, beside others and under other loads."""

from __future__ import annotations

from urllib.parse import quote

from benchmarks import contenders, machine
from benchmarks.cases import hits
from benchmarks.contenders import Contender, Setup
from benchmarks.exact import Inexact
from benchmarks.figures import Case
from benchmarks.requests import MARK, ORIGIN, Mix, beacon, browser_purchase, pixel, server_purchase
from benchmarks.ring import Ring

_OURS = ("tagway", "ordinary")


def of_pixel(ring: Ring) -> None:
    """Both lanes beside servers that do less; then 1,000 connections beside 64."""
    mix = Mix(templates=(pixel(),))
    case = _beside(
        ring, "pixel", mix, [ring.gateway, ring.ordinary, ring.bare, ring.fastify, ring.walkeros, ring.nginx]
    )
    row = case.rows()["tagway"]
    ring.report.ratios["pixel/redis_us"] = round(row["store_us"], 1)
    ring.report.ratios["pixel/redis_calls_a_hit"] = round(row["store_calls"], 3)
    ring.report.footprint["memory_loaded_mb"] = round(machine.memory_mb(ring.gateway.pid), 1)
    if ring.fastify is not None:
        ring.report.footprint["memory_loaded_fastify_mb"] = round(machine.memory_mb(ring.fastify.pid), 1)
    many = Case("1000_connections")
    for _ in range(ring.pace.few):
        for connections in (64, 1_000):
            hits.warm(ring.gateway, mix, ring.load, connections)
            many.add(str(connections), hits.measure(ring.gateway, mix, ring.load, ring.pace.seconds, connections))
    ring.report.cases.append(many)
    ring.report.ratios["pixel/1000_connections_to_64"] = many.ratio("1000", "64")
    ring.report.footprint["memory_1000_connections_mb"] = round(machine.memory_mb(ring.gateway.pid), 1)


def of_beacon(ring: Ring) -> None:
    """A fifth of the ids repeated."""
    mix = Mix(templates=(beacon(),), repeat_every=5)
    _beside(ring, "beacon", mix, [ring.gateway, ring.ordinary, ring.bare, ring.fastify, ring.walkeros])


def of_ga4(ring: Ring) -> None:
    """What Google's own tag sends; the ordinary lane reads it, whatever the switch says."""
    mix = Mix(templates=(ga4(),))
    case = hits.run("ga4", mix, [ring.gateway, ring.bare], ring.load, rounds=ring.pace.few, seconds=ring.pace.seconds)
    ring.report.add(case)


def of_twins(ring: Ring) -> None:
    """The browser's and the server's copy of one purchase, each after the other; a hit is one copy."""
    mix = Mix(templates=(browser_purchase(), server_purchase()))
    case = hits.run("twins", mix, [ring.gateway], ring.load, rounds=ring.pace.few, seconds=ring.pace.seconds)
    ring.report.add(case)
    counted = ring.everysec.counted()
    # The load may stop between the two copies of an act, once a connection.
    if not 0 <= counted["accepted"] - counted["merged"] <= 64:
        raise Inexact(f"twins: {dict(counted)}")


def of_paced(ring: Ring) -> None:
    """Latency below saturation; at 1,000 a second also with a Redis that syncs every write."""
    mix = Mix(templates=(pixel(),))
    with contenders.tagway("always", ring.always, ring.folder, Setup()) as synced:
        for per_s in (1_000, 5_000):
            who = [ring.gateway, *([synced] if per_s == 1_000 else []), *([ring.fastify] if ring.fastify else [])]
            case = hits.run(
                f"paced_{per_s}", mix, who, ring.load, rounds=ring.pace.few, seconds=ring.pace.seconds, per_s=per_s
            )
            ring.report.cases.append(case)
            for share in ("p50_ms", "p99_ms"):
                ring.report.ratios[f"paced_{per_s}/{share}"] = case.rows()["tagway"][share]
                if ring.fastify is not None:
                    ring.report.ratios[f"paced_{per_s}/{share}/fastify"] = case.ratio("tagway", "fastify", share)
            if synced in who:
                ring.report.ratios[f"paced_{per_s}/p99_ms/always_to_everysec"] = case.ratio(
                    "always", "tagway", "p99_ms"
                )


def of_always(ring: Ring) -> None:
    """A Redis that syncs every write before it answers, beside one that does so every second."""
    mix = Mix(templates=(pixel(),))
    with contenders.tagway("always", ring.always, ring.folder, Setup()) as synced:
        case = hits.run(
            "always", mix, [ring.gateway, synced], ring.load, rounds=ring.pace.rounds, seconds=ring.pace.seconds
        )
    ring.report.cases.append(case)
    ring.report.ratios["always/everysec"] = case.ratio("always", "tagway")


def ga4() -> str:
    """Return a page view of Google's tag, from the browser that sends `pixel()`."""
    page = f"{ORIGIN}/c/shoes?utm_source=google&utm_medium=cpc&gclid=Cj0KCQ{MARK}EXAMPLE_of_a_click_id"
    query = {
        "v": "2", "tid": "G-ABC123DEF4", "gtm": "45je4bf0v9100000000za200", "_p": "1795305600250", "gcs": "G111",
        "gcd": "13r3r3r2r5l1", "npa": "0", "cid": "1234567890.1790000000", "ul": "de-de", "sr": "1920x1080",
        "_s": "1", "sid": "1795300000", "sct": "7", "seg": "1", "dl": page, "dr": "https://www.google.com/",
        "dt": "Running shoes for autumn & winter", "en": "page_view", "ep.event_id": f"e-{MARK}", "ep.plan": "plus",
        "_et": "1200",
    }  # fmt: skip
    spelled = "&".join(f"{name}={quote(value, safe='{}')}" for name, value in query.items())
    _, headers = pixel().split("\r\n", 1)
    return f"POST /g/collect?{spelled} HTTP/1.1\r\nContent-Length: 0\r\nOrigin: {ORIGIN}\r\n{headers}"


def _beside(ring: Ring, name: str, mix: Mix, who: list[Contender | None]) -> Case:
    """Run a case, and tell its ratios for either lane."""
    here = [each for each in who if each is not None]
    case = hits.run(name, mix, here, ring.load, rounds=ring.pace.rounds, seconds=ring.pace.seconds)
    ring.report.cases.append(case)
    others = [each.name for each in here if each.name not in _OURS]
    ring.report.ratios |= {f"{name}/{other}": case.ratio("tagway", other) for other in others}
    ring.report.ratios |= {f"ordinary/{name}/{other}": case.ratio("ordinary", other) for other in others}
    ring.report.ratios[f"{name}/ordinary"] = case.ratio("tagway", "ordinary")
    return case
