"""What a gateway parked on its disk is delivered by whoever runs there next."""

from __future__ import annotations

import json

from gateway import settings
from gateway.core.plan import Plan
from gateway.store.database import Database
from tests.fixtures.console import a_visit
from tests.fixtures.gateway import RunningGateway, wait_until
from tests.fixtures.server import Server
from tests.store.test_park import Room


async def test_what_a_dead_gateway_had_parked_is_delivered_by_the_next(gateway: RunningGateway, server: Server) -> None:
    await server.started()
    gateway.config["store"]["redis"] = server.url
    path = gateway.folder / "gateway.yaml"
    path.write_text(json.dumps(gateway.config))
    chosen = settings.load(path, env={})
    database = Database(server.url)
    await database.identity()
    await database.open()
    room = Room(
        database, gateway.folder / "data" / "backlog", Plan(sites=chosen.sites, destinations=chosen.destinations)
    )
    visits = [f"view-{number}" for number in range(12)]
    await room.keeper.keep([a_visit(event_id=visit) for visit in visits])
    dead = room.backlog(budget_bytes=0)
    batch = await dead.pick("meta")
    assert await dead.park(batch, await dead.shelf.put(batch, await dead.epoch())) == 12
    await room.close()
    await database.close()

    await gateway.start()

    assert await wait_until(lambda: len(gateway.sandbox.events("meta")) == 12, 30), gateway.log()[-2_000:]
    assert sorted(event["event_id"] for event in gateway.sandbox.events("meta")) == sorted(visits)
    assert [event["repeats"] for event in gateway.sandbox.events("meta")] == [0] * 12
    assert {row["parked"] for row in await gateway.ask("/admin/api/destinations")} == {0}
    assert (await gateway.ask("/readyz"))["backlog"]["acts"] == 0
    assert "backlog.adopted" in gateway.log()
    assert 'tagway_parked{destination="meta"} 0.0' in await gateway.ask("/metrics")
    assert (await gateway.http.get(gateway.admin("/destinations"))).status == 200
