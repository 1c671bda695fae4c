"""A listener on every address, and the key of one that cannot be opened."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web

from gateway.settings import Address
from gateway.web.listening import listen, told_of


@pytest.mark.parametrize(
    ("err", "said"),
    [
        (PermissionError(13, "error while attempting to bind on address ('::1', 80): permission denied"), "permission"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError(), "OSError"),
    ],
)
def test_what_cannot_be_opened_is_told_with_its_key_its_address_and_the_reason(err: OSError, said: str) -> None:
    match, gone = rf"server\.listen: gone\.example:80 cannot be opened: {said}", Address(host="gone.example", port=80)
    with pytest.raises(OSError, match=match), told_of("server.listen", gone):
        raise err


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_the_address_of_all_addresses_is_open_for_both_families(unused_tcp_port: int) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    try:
        await listen(runner, "server.listen", Address(host="::", port=unused_tcp_port))

        for host in ("127.0.0.1", "::1"):
            _, writer = await asyncio.open_connection(host, unused_tcp_port)
            assert writer.get_extra_info("peername")[0] == host
            writer.close()
    finally:
        await runner.cleanup()


async def test_one_address_is_one_socket() -> None:
    assert Address(host="127.0.0.1", port=80).hosts == ("127.0.0.1",)
    assert Address(host="0.0.0.0", port=80).hosts == ("0.0.0.0",)
    # Two sockets that take any free port would take two.
    assert Address(host="::", port=0).hosts == ("::",)
