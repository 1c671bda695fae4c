"""Duplicates: one act told very often, over both wires' doors and both gateways at once; one delivery a destination."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from faults.acts import NEEDS, Kind, Wire, mint_as
from faults.chaos import SETTLE_S
from faults.figures import Run
from faults.gateways import API_KEY, ROOT, Gateway
from faults.house import House, built
from faults.ledger import Told

_A_REQUEST: Final = 500
_AT_ONCE: Final = 8
# What a process may grow by, whatever the number of copies: its buffers for requests of this size.
_MEMORY_MB: Final = 40.0
_STORE_MB: Final = 5.0
# Longer than the hold, so that the first acts have left and whatever is sent twice has been.
_REST_S: Final = 3.0


async def run(count: int, *, seed: int, out: Path, tree: Path = ROOT) -> Run:
    """Tell of one act `count` times on the server's wire and a tenth as often on the browser's."""
    async with built(out / "duplicates", seed=seed, straight=True, tree=tree) as house:
        act = mint_as(Kind.TWINS, seed, 1)
        await house.visitors.perform(mint_as(Kind.TWINS, seed, 2))  # everything is warm
        await asyncio.sleep(_REST_S)
        before_mb = [gateway.memory_mb() for gateway in house.gateways]
        store_mb = await house.store.memory_bytes() / 1e6
        server, browser = act.copy(Wire.SERVER), act.copy(Wire.BROWSER)
        assert server is not None
        assert browser is not None
        began_s = time.monotonic()
        said: Counter[str] = Counter()
        left = iter(range(0, count, _A_REQUEST))

        async def tell() -> None:
            for start in left:
                gateway = house.gateways[start // _A_REQUEST % len(house.gateways)]
                body = act.body(server)
                said.update(await _tell(house, gateway, act.id, [body] * min(_A_REQUEST, count - start)))
                for _ in range(_A_REQUEST // 10):
                    said[(await house.visitors.send(act, browser, gateway)).status] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(tell())
        took_s = time.monotonic() - began_s
        await house.settle(SETTLE_S)
        await asyncio.sleep(_REST_S)  # a second delivery would come now
        sends = {place: len(house.ledger.arrived.get((act.id, place), ())) for place in NEEDS}
        grown_mb = [now.memory_mb() - before for now, before in zip(house.gateways, before_mb, strict=True)]
        store_grown_mb = await house.store.memory_bytes() / 1e6 - store_mb
        figures = {
            "copies": sum(said.values()),
            "said": dict(said),
            "sends": sends,
            "took_s": round(took_s, 1),
            "copies_per_s": round(sum(said.values()) / took_s),
            "gateways_grew_mb": [round(grown, 1) for grown in grown_mb],
            "redis_grew_mb": round(store_grown_mb, 2),
        }
        breaches: dict[str, Any] = {}
        if any(often != 1 for often in sends.values()):
            breaches["sends"] = sends
        # More than one `accepted`: what Redis was too slow for lay in the spool, and was known again there.
        if said["refused"] or said["maybe"]:
            breaches["said"] = dict(said)
        if max(grown_mb) > _MEMORY_MB or store_grown_mb > _STORE_MB:
            breaches["memory"] = figures["gateways_grew_mb"]
        return Run(name="duplicates", seed=seed, figures=figures, breaches=breaches)


async def _tell(house: House, gateway: Gateway, act_id: str, events: list[dict[str, Any]]) -> list[str]:
    """Send one request of many copies; returns what each was told."""
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    body = json.dumps({"events": events}).encode()
    begun_s = time.monotonic()
    async with house.http.post(gateway.url("/api/events"), data=body, headers=headers) as answer:
        results = (await answer.json())["results"]
    told = [str(result["status"]) for result in results]
    for status in set(told):
        house.ledger.tell(
            Told(
                act=act_id,
                wire=Wire.SERVER,
                gateway=gateway.name,
                begun_s=begun_s,
                ended_s=time.monotonic(),
                status=status,
            )
        )
    return told
