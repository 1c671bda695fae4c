"""Who may talk to the admin listener: known Host names only, JSON of its own origin only, and a password off loopback.

A page on the internet can make a browser send requests to a loopback address; these locks are what keeps it from
replaying dead letters (DNS rebinding, cross-site forms).
"""

from __future__ import annotations

import hmac
import ipaddress
from base64 import b64decode
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.core.adapter import Secret

# A load balancer asks these; they tell nothing but a status.
OPEN_PATHS = frozenset({"/healthz", "/readyz"})


def locks(hosts: frozenset[str], password: Secret | None) -> Middleware:
    """Return the middleware that guards the admin listener. `hosts`: names beyond localhost and loopback."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN_PATHS:
            return await handler(request)
        if not _is_known(request.host, hosts):
            return _no(403, "host", "this Host is not in server.admin_hosts")
        if password is not None and not _has_password(request, password):
            answer = _no(401, "password", "user admin, and server.admin_password")
            answer.headers["WWW-Authenticate"] = 'Basic realm="tagway", charset="UTF-8"'
            return answer
        if request.method not in ("GET", "HEAD"):
            # Of a path or a method that is not there nothing happens, whatever is sent: it is told as that.
            if request.match_info.http_exception is None and request.content_type != "application/json":
                return _no(415, "content_type", "send application/json")
            origin = request.headers.get("Origin")
            if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
                return _no(403, "origin", "another page may not send this")
        return await handler(request)

    return guard


def _is_known(host: str, hosts: frozenset[str]) -> bool:
    name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    if name == "localhost" or name in hosts:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _has_password(request: web.Request, password: Secret) -> bool:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, given = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return False
    right = hmac.compare_digest(given.encode(), password.reveal().encode())
    return scheme.lower() == "basic" and user == "admin" and right


def _no(status: int, error: str, repair: str) -> web.Response:
    return web.json_response({"error": error, "repair": repair}, status=status)
