"""What a person reads when the gateway has started: where to look. What programs read is in the log."""

from __future__ import annotations

import sys

from gateway.settings import Address, Settings


def greet(chosen: Settings, role: str) -> None:
    places: list[tuple[str, str]] = []
    if role in ("all", "ingest"):
        what = "public" if chosen.demo.site is None else "demo shop"
        places.append((what, browsable(chosen.server.listen)))
    places.append(("console", browsable(chosen.server.admin)))
    if chosen.sandbox is not None:
        places.append(("sandbox", browsable(chosen.sandbox.listen)))
    lines = [f"  {what:<10} {url}/" for what, url in places]
    sys.stderr.write("\n".join(["", "Tagway is running. Ctrl-C stops it.", *lines, "", ""]))
    sys.stderr.flush()


def browsable(address: Address) -> str:
    """Spell an address so that a browser on this machine can open it."""
    everywhere = address.host in ("0.0.0.0", "::")
    return f"http://{Address(host='localhost', port=address.port) if everywhere else address}"
