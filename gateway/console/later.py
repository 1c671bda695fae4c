"""What a platform said after it took a request, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.console.shown import count

# Words of a request that say nothing yet.
_OPEN: Final = frozenset({"waiting", "PROCESSING", ""})


def later(told: Mapping[str, Any] | None) -> str:
    """Say what became of a delivery after the platform took it; nothing where the platform says nothing later."""
    if told is None:
        return ""
    status, reason = told["status"], told["reason"]
    if reason:
        return f"Told later of this event: {reason}"
    if status in _OPEN:
        asked = f", asked {count(told['asked'])} times so far" if told["asked"] else ""
        return f"Taken; what became of it is told later{asked}"
    if status == "SUCCESS":
        return "Told later: it was used"
    if told["counts"]:
        return f"Told later of its request: {status} ({listed(told['counts'])})"
    return f"Told later of its request: {status}"


def listed(counts: Mapping[str, int]) -> str:
    """List codes with how many events each is about."""
    return ", ".join(f"{count(often)} {code}" for code, often in counts.items())
