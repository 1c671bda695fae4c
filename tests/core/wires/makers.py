"""Hits and sites for the tests of the wires and the intake."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.core.event import Wire
from gateway.core.hit import Hit, Visitor
from gateway.core.site import Site
from gateway.core.wires.draft import Draft, Refusal

NOW_MS = 1_795_305_600_000
DICE = bytes(range(32))
GRANTED = dict.fromkeys(("ad_storage", "ad_user_data", "ad_personalization", "analytics_storage"), "granted")
DENIED = dict.fromkeys(GRANTED, "denied")


def site(**more: Any) -> Site:
    return Site(**{"name": "shop", "hosts": ("t.shop.example",), "origins": ("https://shop.example",), **more})


def hit(fields: dict[str, Any], wire: Wire = Wire.BROWSER, **more: Any) -> Hit:
    visitor = Visitor(ip="81.2.69.142", user_agent="Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0 Safari/537.36",
                      language="de-DE", host="t.shop.example")  # fmt: skip
    return Hit(**{"wire": wire, "fields": fields, "visitor": visitor, "now_ms": NOW_MS, "dice": DICE, **more})


def spelled(result: Draft | Refusal) -> str:
    """Show every field with its type: `1`, `1.0` and `True` are equal."""
    return repr(msgspec.structs.asdict(result))
