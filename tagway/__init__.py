"""What an adapter outside this project imports: the contract, the event it is handed, and nothing else."""

from gateway.core.adapter import (
    Adapter,
    Auth,
    Header,
    OAuth,
    Payload,
    Request,
    Response,
    Ruling,
    Secret,
    Signature,
    Verdict,
    by_status,
    compact,
)
from gateway.core.event import Browser, Campaign, Click, Consent, Event, Grant, Item, Page, Person, Purpose, Wire
from gateway.core.outcome import Skip

__all__ = [
    "Adapter",
    "Auth",
    "Browser",
    "Campaign",
    "Click",
    "Consent",
    "Event",
    "Grant",
    "Header",
    "Item",
    "OAuth",
    "Page",
    "Payload",
    "Person",
    "Purpose",
    "Request",
    "Response",
    "Ruling",
    "Secret",
    "Signature",
    "Skip",
    "Verdict",
    "Wire",
    "by_status",
    "compact",
]
