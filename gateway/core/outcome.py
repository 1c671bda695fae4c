"""The closed lists of fates: at the door, and per destination.

Every hit ends in exactly one door status, every delivery in exactly one outcome; both are counted by these names
and shown to people as they stand here (contract sections 2 and 8).
"""

from __future__ import annotations

from enum import StrEnum


class Door(StrEnum):
    """What became of a copy at the door. The first three are an acknowledgement."""

    ACCEPTED = "accepted"
    MERGED = "merged"
    DUPLICATE = "duplicate"
    LATE = "late"


class Refused(StrEnum):
    """Why a hit was not taken; told as `refused:<reason>`."""

    HOST = "host"
    ORIGIN = "origin"
    EVENT = "event"  # no event name, or one outside the pattern
    EVENT_ID = "event_id"
    TIMESTAMP = "timestamp"
    VALUE = "value"
    ITEMS = "items"
    FIELD = "field"  # a known field of a wrong type
    SIZE = "size"
    BODY = "body"  # not readable as JSON, or not an object
    RATE = "rate"
    KEY = "key"
    SIGNATURE = "signature"  # of a server's request: wrong, too old, or seen before
    UNAVAILABLE = "unavailable"  # neither Redis nor a spool could keep it


class Skip(StrEnum):
    """Why a destination does not get an event: nobody's fault, nothing to repair."""

    CONSENT = "consent"
    UNCONFIRMED = "unconfirmed"
    UNMAPPED = "unmapped"  # the destination has no name for this event
    DENIED = "denied"  # `events: {name: null}` in the configuration
    BOT = "bot"
    SAMPLE = "sample"
    TEST = "test"  # a test event, and the destination has no test code
    VENDOR = "vendor"  # it came by another vendor's wire
    NO_IDENTIFIER = "no_identifier"
    NO_VALUE = "no_value"  # the platform demands a value and a currency
    NO_PAGE = "no_page"
    INCOMPLETE = "incomplete"  # this kind of event needs more than the site told
    NO_HIT = "no_hit"  # there is no hit to relay: it came by another wire, or for another stream
    DISABLED = "disabled"


class Dead(StrEnum):
    """Why a delivery was given up; it stays as a dead letter that a person can replay."""

    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN_OUTCOME = "unknown_outcome"
    POISON = "poison"
    UNREADABLE = "unreadable"  # the stored payload is damaged
    LEAK = "leak"  # readable personal data where a digest belongs: stopped by the outgoing scanner
    REDIRECT = "redirect"


class Pending(StrEnum):
    """Where a delivery stands until it has an outcome."""

    HELD = "held"  # for its twin
    WAITING = "waiting"
    RETRYING = "retrying"


DELIVERED = "delivered"


def skipped(reason: Skip) -> str:
    return f"skipped:{reason.value}"


def dead(reason: Dead) -> str:
    return f"dead:{reason.value}"
