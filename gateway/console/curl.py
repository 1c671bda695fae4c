"""A delivery as a command that a person can paste: the masked request, with a placeholder where the secret goes."""

from __future__ import annotations

import shlex
from typing import Any
from urllib.parse import urlencode

import orjson
import structlog

from gateway.core.adapter import Header, OAuth, OAuth1, Payload, Request, Secret, Signature
from gateway.core.mask import mask
from gateway.core.site import Destination

log = structlog.get_logger()


def as_curl(destination: Destination, body: Any, lane: str = "") -> str | None:
    """Say the call that carried this masked payload; None where the adapter cannot pack it again."""
    if not isinstance(body, dict):
        return None
    try:
        request = destination.adapter.request([Payload(body=body, lane=lane)])
    except Exception:  # anybody's adapter, and a payload it did not write as it stands here
        log.exception("console.curl_failed", destination=destination.name)
        return None
    lines = [f"curl --request {request.method} {shlex.quote(_url(destination, request))}"]
    lines += [f"  --header {shlex.quote(header)}" for header in _headers(destination, request)]
    if request.json is not None:
        lines.append(f"  --data {shlex.quote(orjson.dumps(mask(request.json), option=orjson.OPT_INDENT_2).decode())}")
    elif request.text is not None:
        lines.append(f"  --data {shlex.quote(request.text)}")
    return " \\\n".join(lines)


def _url(destination: Destination, request: Request) -> str:
    told = {name: "<secret>" if isinstance(value, Secret) else value for name, value in request.query.items()}
    return f"{destination.base_url}{request.path}{'?' + urlencode(told, safe='<>') if told else ''}"


def _headers(destination: Destination, request: Request) -> list[str]:
    told = {"Content-Type": "application/json", **request.headers}
    headers = [f"{name}: {value}" for name, value in told.items()]
    match destination.adapter.auth:
        case Header(name=name, prefix=prefix):
            headers.append(f"{name}: {prefix}<secret>")
        case OAuth():
            headers.append("Authorization: Bearer <token>")
        case OAuth1():
            headers.append("Authorization: OAuth <signature>")
        case Signature(name=name):
            headers.append(f"{name}: <signature>")
        case None:
            pass
    return headers
