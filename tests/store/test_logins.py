"""Over TLS and as a user with few rights: the same store, and no password anywhere."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.core.outcome import Door
from gateway.store import keys
from gateway.store.database import SCRIPTS, Database
from gateway.store.durability import Safety
from gateway.store.errors import Unavailable
from gateway.store.keeper import Keeper
from gateway.store.queues import Queues
from gateway.store.scripts import source
from tests.fixtures.gateway import RunningGateway, page_view, purchase, wait_until
from tests.fixtures.redis_large import Certificates, Nodes, ask, tls_line
from tests.fixtures.server import Server
from tests.fixtures.shop import NOW_MS, a_plan, an_event

USERS = Path(__file__).parent.parent.parent / "deploy/redis-users.acl"
PASSWORD = "correct-horse"
LEASE = ([keys.base(0)], ["hold", 1, 1_000, "t", "", 0, 0])


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def the_users(folder: Path) -> Path:
    """Put the sample where a server reads it, with a password of its own."""
    path = folder / "users.acl"
    path.write_text(USERS.read_text().replace("CHANGE-ME", PASSWORD))
    return path


async def works(database: Database) -> None:
    await database.open()
    assert await database.script("lease", *LEASE) == [-1]
    await database.answer(database.redis.set(keys.name("x"), b"\x00", px=60_000))
    assert await database.answer(database.redis.get(keys.name("x"))) == b"\x00"
    await database.close()


async def fails(url: str) -> str:
    """Return why a store cannot be opened; neither that nor what was logged may hold the password."""
    database = Database(url)
    with capture_logs() as logs, pytest.raises(Unavailable) as told:
        await database.open()
    await database.close()
    assert PASSWORD not in f"{told.value!r} {told.value.__cause__!r} {logs} {database.redis!r}"
    return str(told.value)


# ---- TLS


async def test_a_server_behind_tls_is_the_same_store(server: Server, certificates: Certificates) -> None:
    await server.started()
    async with tls_line(server.port, certificates) as port:
        await works(Database(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificates.ca_file}"))


async def test_a_server_that_cannot_prove_itself_is_not_believed(
    server: Server, certificates: Certificates, tmp_path: Path
) -> None:
    await server.started()
    (tmp_path / "other").mkdir()
    other = Certificates(tmp_path / "other")
    elsewhere = Certificates(tmp_path / "other", host="127.0.0.2")
    login = f"rediss://:{PASSWORD}@127.0.0.1"
    async with tls_line(server.port, certificates) as port, tls_line(server.port, elsewhere) as misnamed:
        told = [
            await fails(f"{login}:{port}"),
            await fails(f"{login}:{port}?ssl_ca_certs={other.ca_file}"),
            await fails(f"{login}:{port}?ssl_ca_certs={tmp_path}/nothing.pem"),
            await fails(f"{login}:{misnamed}?ssl_ca_certs={elsewhere.ca_file}"),
            await fails(f"{login}:{server.port}?ssl_ca_certs={certificates.ca_file}"),
        ]
        await works(Database(f"rediss://127.0.0.1:{port}?ssl_cert_reqs=none"))
        await works(
            Database(f"rediss://127.0.0.1:{misnamed}?ssl_ca_certs={elsewhere.ca_file}&ssl_check_hostname=false")
        )

    assert all(why.startswith("TLS: ") for why in (*told[:2], told[3]))
    assert "not valid for '127.0.0.1'" in told[3]
    assert told[2] == "No such file or directory"


async def test_a_cluster_speaks_tls_to_every_node(tmp_path: Path, certificates: Certificates) -> None:
    nodes = Nodes(tmp_path, 3)
    async with AsyncExitStack() as stack:
        stack.callback(nodes.kill)
        for server in nodes.masters:  # each is told to the others, and to us, by the port of its line
            port = await stack.enter_async_context(tls_line(server.port, certificates))
            server.options["cluster-announce-port"] = str(port)
        await nodes.start()
        first = nodes.masters[0].options["cluster-announce-port"]
        database = Database(f"rediss+cluster://127.0.0.1:{first}?ssl_ca_certs={certificates.ca_file}")
        await database.open()
        pipeline = database.pipeline()
        for number in range(30):
            pipeline.set(keys.name(str(number)), number, px=60_000)
        assert await database.answer(pipeline.execute()) == [True] * 30
        assert all([await ask(server.port, "DBSIZE") > 0 for server in nodes.masters])
        await works(database)


@asynccontextmanager
async def a_sentinel_that_says(port: int) -> AsyncIterator[int]:
    """A sentinel of few words: whatever it is asked, the master is on this port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1_000):
            if b"GET-MASTER-ADDR-BY-NAME" in data:
                writer.write(b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(port)), port))
            else:
                writer.write(b"+OK\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        yield listener.sockets[0].getsockname()[1]


async def test_sentinels_and_their_master_are_spoken_to_over_tls(server: Server, certificates: Certificates) -> None:
    await server.started()
    async with (
        tls_line(server.port, certificates) as port,
        a_sentinel_that_says(port) as sentinel,
        tls_line(sentinel, certificates) as sentinel_port,
    ):
        await works(Database(f"rediss+sentinel://127.0.0.1:{sentinel_port}/shop?ssl_ca_certs={certificates.ca_file}"))


# ---- users


async def test_the_whole_story_needs_no_right_beyond_the_sample(
    server: Server, gateway: RunningGateway, tmp_path: Path
) -> None:
    server.options["aclfile"] = str(the_users(tmp_path))
    await server.started()
    gateway.config["store"]["redis"] = f"redis://tagway:{PASSWORD}@127.0.0.1:{server.port}/0"
    await gateway.start()

    assert (await gateway.beacon(purchase("order-1"))).status in (200, 204)
    await gateway.server(purchase("order-1", value=59.9))
    assert (await gateway.beacon(page_view("view-1"))).status in (200, 204)
    assert (await gateway.beacon(page_view("view-1"))).status in (200, 204)

    async def all_delivered() -> bool:
        told = [await gateway.outcomes(name) for name in ("order-1", "view-1")]
        return all(said and not {"waiting", "held", "retrying"} & set(said.values()) for said in told)

    assert await wait_until(all_delivered, 30)
    for page in ("destinations", "dead", "totals?since=0", "explain/order-1"):
        assert await gateway.ask(f"/admin/api/{page}") is not None
    ready = await gateway.ask("/readyz")
    assert (ready["ready"], ready["fsync"]) == (True, "always")
    assert await gateway.stop() == 0
    assert "NOPERM" not in gateway.log()
    assert gateway.written(PASSWORD) == []


def test_the_sample_allows_every_command_that_a_script_uses() -> None:
    allowed = set(re.findall(r"\+(\S+)", USERS.read_text()))

    used = {word.lower() for name in SCRIPTS for word in re.findall(r"\bp?call\('(\w+)'", source(name))}

    assert used - allowed == set()


@pytest.mark.parametrize("is_older", [False, True])
async def test_copies_that_come_together_are_written_by_one_command_where_the_user_may(
    server: Server, tmp_path: Path, is_older: bool
) -> None:
    """A list of rights from before that command does as well, with one command a copy."""
    users = the_users(tmp_path)
    if is_older:
        users.write_text(users.read_text().replace(" +mset", ""))
    server.options["aclfile"] = str(users)
    await server.started()
    database = Database(f"redis://tagway:{PASSWORD}@127.0.0.1:{server.port}/0")
    await database.open()
    told: dict[str, Any] = {"now_ms": lambda: NOW_MS, "nudge": lambda: None, "counted_as": lambda _, event: event}
    plan = a_plan()
    keeper = Keeper(database, lambda: plan, copy_id=lambda: secrets.token_hex(16), **told)
    queues = Queues(database, lambda: plan, token=lambda: secrets.token_hex(8), **told)
    events = [an_event(event_id=f"e-{number}", value=float(number)) for number in range(20)]

    assert set(await keeper.keep([*events, events[7]])) == {Door.ACCEPTED, Door.DUPLICATE}

    said = await database.answer(database.redis.info("commandstats"))
    assert ("cmdstat_mset" in said, "cmdstat_set" in said) == (not is_older, is_older)
    legs = (await queues.lease("parrot", 100)).legs
    assert sorted([leg.event for leg in legs if leg.event], key=lambda event: event.value or 0) == events
    await database.close()


async def test_the_sample_keeps_the_user_to_our_keys(server: Server, tmp_path: Path) -> None:
    server.options["aclfile"] = str(the_users(tmp_path))
    await server.started()
    database = Database(f"redis://tagway:{PASSWORD}@127.0.0.1:{server.port}/0")

    for call, said in (
        (database.redis.get("another"), "NOPERM"),
        (database.redis.flushall(), "NOPERM flushall"),
        (database.redis.config_set("maxmemory", 1), "NOPERM config|set"),
    ):
        with pytest.raises(Unavailable, match=re.escape(said)):
            await database.answer(call)
    await database.close()


async def test_a_wrong_password_is_told_and_never_written(server: Server, tmp_path: Path) -> None:
    server.options["aclfile"] = str(the_users(tmp_path))
    await server.started()
    wrong = f"redis://tagway:{PASSWORD}-not@127.0.0.1:{server.port}/0"

    assert await fails(wrong) == "WRONGPASS"
    assert await fails(f"redis://127.0.0.1:{server.port}/0") == "NOAUTH"
    with capture_logs() as logs:
        safety = Safety(Database(wrong), tmp_path, "redis")
        await safety.pulse._look()
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("store.away", "WRONGPASS")]
    await safety.close()
    await safety._database.close()
