"""Numbers, times and texts as the pages show them. Nothing reaches a page that is not fit to be shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
from markupsafe import Markup

from gateway.core.act import digest
from gateway.core.mask import text
from gateway.core.vocabulary import OTHER

_THIN: Final = "\u202f"  # narrow no-break space: separates thousands and units, breaks no line
# An id that must not be shown as it is (somebody used an e-mail address) is linked to by its digest.
DIGEST_MARK: Final = "~"


def safe(value: Any) -> Any:
    """Mask whatever a template prints; what is markup already was put together from masked parts."""
    return text(value, len(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


def count(number: float) -> str:
    """Write a number with thin separators: `1 204`; at most two decimals."""
    return f"{number:,.2f}".rstrip("0").rstrip(".").replace(",", _THIN)


def sentence(said: str) -> str:
    """Begin with a capital."""
    return said[:1].upper() + said[1:]


def span(seconds: float) -> str:
    """Write a length of time in its largest useful unit: `40 s`, `12 min`, `3 h`, `2 days`."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size * (2 if unit == "days" else 1):
            return f"{seconds / size:.0f}{_THIN}{unit}"
    return f"{seconds:.0f}{_THIN}s"


def iso(seconds: float) -> str:
    """Write a moment (seconds since 1970) as `<time datetime>` wants it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(seconds: float) -> str:
    """Write a moment for readers without JavaScript; with it the page puts it into their own zone."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %H:%M:%S UTC")


def pretty(value: Any) -> str:
    """Write JSON for people."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()


def trace_path(event_id: str, site: str = "", event: str = "") -> str:
    """Return the address of an event's trace; no address holds what may not be shown."""
    # `.` and `..` would be read as steps of a path.
    is_plain = safe(event_id) == event_id and event_id.strip(".")
    name = event_id if is_plain else DIGEST_MARK + digest(event_id)
    # Names beyond the budget are counted together, and no act is called so.
    told = urlencode({key: value for key, value in (("site", site), ("event", event)) if value and value != OTHER})
    return f"/event/{quote(name, safe='')}{'?' + told if told else ''}"
