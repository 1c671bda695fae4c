"""What the pages say: a word, a tone and an icon for every fate, and a sentence for every reason.

The names of `core/outcome.py` stay visible beside the words, because logs, metrics and the API speak in them. A
fate is never told by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from gateway.core.event import Grant, Purpose
from gateway.core.outcome import DELIVERED, Dead, Door, Pending, Refused, Skip


class Sign(NamedTuple):
    """How a fate looks. `tone`: good, calm, wait or bad; `icon`: a symbol of `static/icons.svg`."""

    word: str
    tone: str
    icon: str


_SIGNS: Final[Mapping[str, Sign]] = {
    Door.ACCEPTED: Sign("Accepted", "good", "check"),
    Door.MERGED: Sign("Merged", "good", "merge"),
    Door.DUPLICATE: Sign("Duplicate", "calm", "copies"),
    Door.LATE: Sign("Late", "calm", "clock"),
    DELIVERED: Sign("Delivered", "good", "check"),
    Pending.HELD: Sign("Held", "wait", "clock"),
    Pending.WAITING: Sign("Waiting", "wait", "clock"),
    Pending.RETRYING: Sign("Retrying", "wait", "retry"),
    "refused": Sign("Refused", "bad", "stop"),
    "skipped": Sign("Skipped", "calm", "skip"),
    "dead": Sign("Dead letter", "bad", "cross"),
    # an act as a whole (`explain`)
    "leaving": Sign("Leaving", "wait", "arrow"),
    "settled": Sign("Settled", "good", "check"),
    # consent
    Grant.GRANTED: Sign("Granted", "good", "check"),
    Grant.DENIED: Sign("Denied", "bad", "stop"),
    Grant.UNKNOWN: Sign("Unknown", "calm", "question"),
}
_UNKNOWN: Final = Sign("Unknown", "calm", "question")

_DOOR: Final[Mapping[str, str]] = {
    Door.ACCEPTED: "taken and kept",
    Door.MERGED: "joined with the copy of the other wire",
    Door.DUPLICATE: "the same wire told of this act before",
    Door.LATE: "the other wire's copy came after the event had left",
}
_REFUSED: Final[Mapping[str, str]] = {
    Refused.HOST: "no site has this host",
    Refused.ORIGIN: "the page it came from is not one of the site's origins",
    Refused.EVENT: "it has no event name, or one that is not allowed",
    Refused.EVENT_ID: "its event_id is unusable",
    Refused.TIMESTAMP: "its timestamp cannot be read",
    Refused.VALUE: "an amount in it is not a number",
    Refused.ITEMS: "its items cannot be read",
    Refused.FIELD: "a field in it has the wrong type",
    Refused.SIGNATURE: "its signature is wrong, too old, or was used before",
    Refused.SIZE: "it is too large",
    Refused.BODY: "the body cannot be read",
    Refused.RATE: "this address sends more than the site's limit",
    Refused.KEY: "the API key is missing or wrong",
    Refused.UNAVAILABLE: "it could not be kept just then; the sender was told to try again",
}
_SKIPPED: Final[Mapping[str, str]] = {
    Skip.CONSENT: "the visitor's consent does not allow it",
    Skip.UNCONFIRMED: "no server copy confirmed it",
    Skip.UNMAPPED: "the destination has no name for this event",
    Skip.DENIED: "the configuration says not to send this event there",
    Skip.BOT: "the visitor is a machine",
    Skip.SAMPLE: "it is outside the share that is sent",
    Skip.TEST: "a test event, and the destination has no test code",
    Skip.INCOMPLETE: "the platform demands more of this kind of event than the site told",
    Skip.NO_HIT: "it came by another wire, or for another stream: there is no hit to relay",
    Skip.VENDOR: "it came by another vendor's tag, for that vendor only",
    Skip.NO_IDENTIFIER: "nothing in it tells the platform who it was",
    Skip.NO_VALUE: "the platform wants a value and a currency",
    Skip.NO_PAGE: "the platform wants the address of the page",
    Skip.DISABLED: "the destination is switched off",
}
_DEAD: Final[Mapping[str, str]] = {
    Dead.REJECTED: "the platform refused it",
    Dead.EXPIRED: "it became older than the platform accepts",
    Dead.UNKNOWN_OUTCOME: "the platform may have taken it, and would not notice a repeat any more",
    Dead.POISON: "whoever took it up fell over it, five times",
    Dead.UNREADABLE: "its stored content is damaged",
    Dead.LEAK: "stopped before it left: readable personal data where a digest belongs",
    Dead.REDIRECT: "the platform's address answered with a redirect",
}
_PENDING: Final[Mapping[str, str]] = {
    Pending.HELD: "waits for the copy of the other wire",
    Pending.WAITING: "is in the queue",
    Pending.RETRYING: "will be tried again",
}
# Our own words for what went wrong; what a platform says stays in its words (`core/adapter.py`, `delivery/sender.py`).
_TECHNICAL: Final[Mapping[str, str]] = {
    "dns": "the name of the platform's host was not found",
    "connect": "no connection to the platform",
    "connect_timeout": "the platform's host did not answer in time",
    "timeout": "the platform took too long to answer",
    "disconnected": "the platform hung up before it answered",
    "reset": "the platform broke the connection",
    "tls": "the encrypted connection failed",
    "tls_certificate": "the platform's certificate is not valid",
    "undeclared_host": "its adapter wants to call a host that its manifest does not name",
    "undeclared_secret": "its adapter wants a secret that its manifest does not name",
    "credentials_unsendable": "the token holds a line break or another character that cannot be sent",
    "unconfirmed": "waits for a server copy",
    "replayed": "replayed by hand",
    "on_disk": "waits on this machine's disk",
    "on_another_disk": "waits on the disk of another gateway",
}
_SIGNALS: Final[Mapping[str, str]] = {
    "event": "the event itself says so",
    "gpc": "the browser sends Sec-GPC: 1 (Global Privacy Control)",
    "cookiebot": "the Cookiebot banner says so",
    "onetrust": "the OneTrust banner says so",
    "default": "no signal speaks of it: the site's default for the visitor's region",
    "server_silent": "no signal speaks of it: the site's consent.server_silent",
    "veto": "the other copy was denied everywhere",
    "later_copy": "a copy that came later denied it",
}
PURPOSES: Final[Mapping[str, str]] = {
    Purpose.AD_STORAGE: "advertising cookies and click ids",
    Purpose.AD_USER_DATA: "sending user data to ad platforms",
    Purpose.AD_PERSONALIZATION: "personalised advertising",
    Purpose.ANALYTICS_STORAGE: "analytics cookies",
}
# The choices of the Live page's outcome filter: what one may look for, in the order of an event's life.
OUTCOMES: Final = (*Door, "refused", DELIVERED, "skipped", Pending.RETRYING, "dead")


def sign(outcome: str) -> Sign:
    """Return word, tone and icon of a fate, with or without its reason."""
    return _SIGNS.get(outcome.partition(":")[0], _UNKNOWN)


def because(outcome: str, code: str = "") -> str:
    """Say in words why a fate is as it is; `code` is what stands beside it: the platform's word or ours."""
    kind, _, reason = outcome.partition(":")
    if kind == "refused":
        said = _REFUSED.get(reason, reason)
    elif kind == "skipped":
        said = _SKIPPED.get(reason, reason)
    elif kind == "dead":
        said = _DEAD.get(reason, reason)
    else:
        said = _PENDING.get(kind) or _DOOR.get(kind, "")
    told = cause(code)
    return f"{said}: {told}" if said and told else said or told


def cause(code: str) -> str:
    """Say a reason in words where it is one of ours; the platform's own stay as they are."""
    if code in _TECHNICAL:
        return _TECHNICAL[code]
    name, _, number = code.partition("_")
    return f"it answered with HTTP {number}" if name == "http" and number.isdigit() else code


def signal(name: str | None) -> str:
    """Say what decided a purpose."""
    return "nothing has answered yet" if not name else _SIGNALS.get(name, name)
