"""Readable personal data in, digests out: the only room that sees an e-mail address, a phone number or a name.

`seal` is the door; the spelling functions are for adapters, which spell the clear fields themselves.
"""

from gateway.core.person.seal import Sealed, seal
from gateway.core.person.spell import (
    city_letters,
    country_code,
    country_digest,
    digest_of,
    letters,
    lowered,
    place_digests,
    postal,
    postal_unspaced,
    region_code,
    unspaced,
    unspaced_postal_digest,
    words,
)
from gateway.core.person.wanted import Wanted

__all__ = [
    "Sealed",
    "Wanted",
    "city_letters",
    "country_code",
    "country_digest",
    "digest_of",
    "letters",
    "lowered",
    "place_digests",
    "postal",
    "postal_unspaced",
    "region_code",
    "seal",
    "unspaced",
    "unspaced_postal_digest",
    "words",
]
