"""Calls to the platforms' judges, and small edits of a good event, for this room's tests."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping

from gateway.sandbox.call import Asked, Object

NOW_S = 1_795_305_600.0
MISSING = object()


def asked(
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    unreadable: str | None = None,
    at_s: float = NOW_S,
    **parts: str,
) -> Asked:
    """Build a call as the door would have read it."""
    return Asked(
        method="POST",
        path="/",
        url="http://127.0.0.1:1/google/token",
        parts=parts,
        query=query or {},
        headers=headers or {},
        raw=json.dumps(body).encode(),
        body=body,
        unreadable=unreadable,
        at_s=at_s,
    )


def changed(event: Object, path: str, value: object) -> Object:
    """Copy an event with one place set, or taken away with MISSING; the path is dotted, digits index lists."""
    copied = copy.deepcopy(event)
    *way, last = path.split(".")
    at: object = copied
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {}) if isinstance(at, dict) else None
    if isinstance(at, list):
        at[int(last)] = value
    elif isinstance(at, dict) and value is MISSING:
        at.pop(last, None)
    elif isinstance(at, dict):
        at[last] = value
    return copied
