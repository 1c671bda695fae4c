"""The words and the limits of an event on the wire (contract section 3)."""

from __future__ import annotations

import re
from typing import Final

from gateway.core.event import Campaign, Item

EVENT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)

MAX_ITEMS: Final = 200
MAX_LEVELS: Final = 8
MAX_URL_BYTES: Final = 32 * 1024
MAX_ID_CHARS: Final = 256
# Meta cuts custom texts at about 1,000 characters and Google at 500: no platform reads further.
MAX_TITLE_CHARS: Final = 1024
MAX_TEXT_CHARS: Final = 500
# The longest real agents (in-app browsers) have about 800 characters.
MAX_AGENT_CHARS: Final = 2048

KNOWN: Final = frozenset(
    {
        *("event", "event_id", "timestamp", "sent_at", "page_location", "page_referrer", "page_title"),
        *("value", "currency", "transaction_id", "coupon", "tax", "shipping", "items"),
        *("search_term", "lead_score", "predicted_ltv", "user", "client", "ids", "campaign", "consent"),
        *("action_source", "test", "properties"),
    }
)
"""The top-level keys of an event; everything else is the site's own and goes to `properties`."""

NESTED: Final = frozenset({"user", "client", "ids", "campaign", "consent", "properties"})
"""The keys that hold an object; a flat wire writes what is inside them with a dot."""

# Meta's list, which the other platforms map from (Conversions API, Server Event Parameters, read 2026-11-22).
ACTION_SOURCES: Final = frozenset(
    {
        *("email", "website", "app", "phone_call", "chat", "physical_store", "system_generated"),
        *("business_messaging", "other"),
    }
)
ITEM_KEYS: Final = frozenset(Item.__struct_fields__)
CLIENT: Final = {"ip": "client_ip", "user_agent": "client_agent"}
"""What a server tells of its visitor's connection, and the draft's name for it."""
CAMPAIGN_KEYS: Final = ("source", "medium", "name", "term", "content", "id")
NO_CAMPAIGN: Final = Campaign()
