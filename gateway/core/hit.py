"""One HTTP request as it arrived, reduced to what the core may look at; believed by nobody.

The web room fills it (address behind trusted proxies resolved, every string scrubbed), the wires read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.core.event import Wire


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """The connection a browser hit came by: one for all the events of a request.

    `ip`: the visitor's, found through trusted proxies only. `country`: ISO 3166 from a trusted proxy's header, or
    None. `host`: the name that was asked, lower case, without port. `secure`: https at the outermost proxy.
    """

    ip: str | None = None
    user_agent: str | None = None
    language: str | None = None
    referer: str | None = None
    country: str | None = None
    host: str = ""
    secure: bool = True
    gpc: bool = False
    cookies: Mapping[str, str] = {}


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a request, as sent: `fields` is the contract's JSON object (section 3), unchecked.

    `now_ms`: the gateway's clock. `dice`: 32 random bytes, the only chance the core has (ids, cookie values).
    `sent_at`: the sender's clock when it sent, where it stood beside the batch and not in the event.
    `vendor`: whose wire it came by, None for ours; `raw`: how it was spelled there, where somebody wants it so.
    """

    wire: Wire
    fields: Mapping[str, Any]
    visitor: Visitor
    now_ms: int
    dice: bytes
    sent_at: Any = None
    vendor: str | None = None
    raw: str | None = None


class SetCookie(msgspec.Struct, frozen=True, kw_only=True):
    """A cookie decided by the core, written by the web room. `max_age_s` 0 deletes it; `domain` None is host-only."""

    name: str
    value: str
    max_age_s: int
    domain: str | None
    secure: bool
    http_only: bool
