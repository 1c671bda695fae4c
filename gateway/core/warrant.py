"""What the sender may do for one destination: the hosts it may call and the secrets it may open.

Made of the adapter's manifest, of the options that the manifest names, and of the `endpoint` that the operator wrote.
Whatever an adapter asks for beyond it is refused. It binds what an adapter *says*; Python code that opens a socket of
its own is bound by nothing but the review of whoever installs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.core.adapter import Adapter, Auth, Header, OAuth, OAuth1, Request, Secret, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant:
    """`bases`: addresses whose scheme, host and port may be called. `files`: key files that may be read."""

    bases: tuple[str, ...]
    secrets: frozenset[Secret]
    files: frozenset[str]

    def opens(self, auth: Auth | None, request: Request) -> bool:
        """Say whether every secret that this call would open is one of the manifest's."""
        return self.secrets.issuperset(_asked(auth, request)) and (
            not isinstance(auth, OAuth) or auth.file is None or auth.file in self.files
        )


def warrant(adapter: Adapter, endpoint: str | None = None) -> Warrant:
    """Read the manifest against the adapter's options; an option that is not set allows nothing."""
    manifest = adapter.manifest
    urls = [told for told in (option(adapter, name) for name in manifest.urls) if isinstance(told, str)]
    opened = [option(adapter, name) for name in manifest.secrets]
    return Warrant(
        bases=(*manifest.origins, *urls, *([endpoint] if endpoint else [])),
        secrets=frozenset(told for told in opened if isinstance(told, Secret)),
        files=frozenset(told for told in opened if isinstance(told, str)),
    )


def option(adapter: Any, name: str) -> Any:
    """Return an option by its dotted name, or None where it, or what holds it, is not set."""
    told = adapter
    for part in name.split("."):
        told = getattr(told, part, None)
    return told


def _asked(auth: Auth | None, request: Request) -> Iterator[Secret]:
    match auth:
        case Header(secret=secret) | Signature(secret=secret):
            yield secret
        case OAuth(client_secret=client, refresh_token=refresh):
            yield from (secret for secret in (client, refresh) if secret is not None)
        case OAuth1(consumer_secret=consumer, token_secret=token):
            yield from (consumer, token)
        case None:
            pass
    yield from (told for told in request.query.values() if isinstance(told, Secret))
