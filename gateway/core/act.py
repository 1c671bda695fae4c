"""Which act is this? The names a copy carries, and what two copies must share to be one act (contract section 7)."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from gateway.core.event import ORDER_EVENTS, Copy

_SEPARATOR = "\x1f"


class Names(msgspec.Struct, frozen=True):
    """The ids of a copy as digests (32 hex each), so that no id of a shop becomes a key of the store.

    `own` is the act's id when nobody has named this act before. `order` is the digest of the transaction id and
    `event` that of the event id; both are None outside purchases and refunds, where the event id alone decides.
    """

    own: str
    order: str | None
    event: str | None


def names(copy: Copy) -> Names:
    """Name the act that this copy tells of."""
    by_event = own_name(copy)
    if copy.name not in ORDER_EVENTS:
        return Names(by_event, None, None)
    event = None if copy.id_made else by_event
    if not copy.transaction_id:
        return Names(by_event, None, event)
    order = named_by_order(copy.site, copy.name, digest(copy.transaction_id))
    return Names(order, order, event)


def own_name(copy: Copy) -> str:
    """Name the act by the copy's event id: all there is to know of one that is no purchase or refund."""
    return named_by_event(copy.site, copy.name, digest(copy.event_id))


def named_by_event(site: str, name: str, event_id_digest: str) -> str:
    """Name an act by its event id, of which the digest is enough: so a page can link to it without telling the id."""
    return digest(f"{site}{_SEPARATOR}{name}{_SEPARATOR}event{_SEPARATOR}{event_id_digest}")


def named_by_order(site: str, name: str, transaction_id_digest: str) -> str:
    """Name a purchase or refund by its transaction id's digest."""
    return digest(f"{site}{_SEPARATOR}{name}{_SEPARATOR}order{_SEPARATOR}{transaction_id_digest}")


def joins(copy: Copy) -> bool:
    """Say whether a twin could ever find this copy: an id that the gateway made joins nothing."""
    return not copy.id_made or (copy.name in ORDER_EVENTS and copy.transaction_id is not None)


def leaving_id(copies: tuple[Copy, ...]) -> str:
    """Return the event id that every platform is told: the browser's, else the server's, else the order's.

    The browser's comes first because the page's own pixel has used it. `copies` stand browser first.
    """
    for copy in copies:
        if not copy.id_made:
            return copy.event_id
    for copy in copies:
        if copy.name in ORDER_EVENTS and copy.transaction_id:
            return copy.transaction_id
    return copies[0].event_id


def share(act: str, destination: str) -> float:
    """Return this act's fixed place in 0 ≤ x < 1 for a destination's `sample`, so that every copy agrees."""
    return int(digest(f"{act}{_SEPARATOR}{destination}")[:12], 16) / 16**12


def digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def has_order(copy: Copy) -> bool:
    """Say whether the act is remembered as long as orders are."""
    return copy.transaction_id is not None and copy.name in ORDER_EVENTS
