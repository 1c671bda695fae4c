"""OAuth 1.0a: the signature of one call, as a value of the `Authorization` header.

Never enters: the body. RFC 5849 signs form fields only (3.4.1.3.1) and we send JSON.

Source: RFC 5849, sections 3.1 to 3.6.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from gateway.core.adapter import OAuth1

_PORTS: Final = {"http": 80, "https": 443}


def authorization(auth: OAuth1, method: str, url: str, query: Mapping[str, str], *, at_s: int, nonce: str) -> str:
    """Sign a call; `nonce` must not come twice within one second.

    Units:  `at_s` in seconds since 1970.
    """
    told = {
        "oauth_consumer_key": auth.consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(at_s),
        "oauth_token": auth.token,
        "oauth_version": "1.0",
    }
    text = base_string(method, url, [*query.items(), *told.items()])
    told["oauth_signature"] = signature(text, auth.consumer_secret.reveal(), auth.token_secret.reveal())
    return "OAuth " + ", ".join(f'{_encoded(name)}="{_encoded(value)}"' for name, value in sorted(told.items()))


def base_string(method: str, url: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Write down what is signed: the method, the address and every parameter, sorted as they are encoded (3.4.1)."""
    seen = urlsplit(url)
    host = (seen.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if seen.port is not None and seen.port != _PORTS.get(seen.scheme):
        host = f"{host}:{seen.port}"
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in parameters)
    told = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((method.upper(), _encoded(f"{seen.scheme}://{host}{seen.path or '/'}"), _encoded(told)))


def signature(text: str, consumer_secret: str, token_secret: str) -> str:
    """Return HMAC-SHA1 of a base string under both secrets, in base64 (3.4.2)."""
    key = f"{_encoded(consumer_secret)}&{_encoded(token_secret)}"
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha1")).decode()


def _encoded(text: str) -> str:
    """Percent-encode as 3.6 says: only letters, digits and `-._~` stay."""
    return quote(text, safe="-._~")
