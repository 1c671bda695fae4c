"""Which site is meant: the settings turned into tables, made once per reload and looked up once per request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple, Self

from gateway.core.adapter import Secret
from gateway.core.client import Proxies
from gateway.core.manifest import RAW
from gateway.core.site import Destination, PathNames, ProxyRoute, Site
from gateway.settings import Server, rate_per_s

_BEARER: Final = "bearer "


class Rate(NamedTuple):
    """`burst`: so many hits may come at once; then `per_s`."""

    per_s: float
    burst: int

    @classmethod
    def read(cls, text: str | None) -> Rate | None:
        """Read a rate as the configuration spells it (`50/s`); None stays no limit."""
        return None if text is None else cls(rate_per_s(text), int(text.partition("/")[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One site as the door needs it. `vendors`: whose cookies it may write. `keys`: digests of its API keys.

    `relays`: whose hits are also wanted as they came. `signers`: the keys that its backend signs with. `rate`: of one
    address, `key_rate`: of one key. `scripts`: the vendor scripts it serves, by their path below its `path`.
    """

    site: Site
    origins: frozenset[str]
    vendors: frozenset[str]
    keys: frozenset[bytes]
    rate: Rate | None
    relays: frozenset[str] = frozenset()
    signers: tuple[Secret, ...] = ()
    key_rate: Rate | None = None
    scripts: Mapping[str, ProxyRoute] = field(default_factory=dict)

    @classmethod
    def of(cls, site: Site, destinations: Mapping[str, Destination]) -> Self:
        bound = [destinations[name] for name in site.destinations if name in destinations]
        return cls(
            site=site,
            origins=frozenset(site.origins),
            vendors=frozenset(destination.vendor for destination in bound if destination.enabled),
            keys=frozenset(_digest(key.reveal()) for key in site.api_keys),
            rate=Rate.read(site.limits.per_address),
            relays=frozenset(one.vendor for one in bound if one.enabled and RAW in one.adapter.manifest.reads),
            signers=site.request_keys,
            key_rate=Rate.read(site.limits.per_key),
            scripts={route.path: route for route in site.proxy},
        )

    def is_keyed(self, authorization: str | None) -> bool:
        """Say whether the caller shows one of this site's API keys."""
        key = _key_in(authorization)
        return key is not None and key in self.keys

    def below(self, path: str) -> str | None:
        """Return the path as this site counts it, or None where it does not stand below its `path`."""
        if self.site.path == "/":
            return path
        mounted = path.removeprefix(self.site.path)
        return mounted if mounted != path and mounted.startswith("/") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """All of it, frozen: a reload makes another one and puts it into the Front.

    `hits`: the paths of the image (GET) and of beacons (POST), as `(method, host, path)`: what the front lane answers.
    `country_header` in lower case.
    """

    hosts: Mapping[str, tuple[Place, ...]]
    hits: Mapping[tuple[str, str, str], Place]
    keys: Mapping[bytes, Place]
    sites: Mapping[str, Place]
    api_paths: frozenset[str]
    proxies: Proxies
    country_header: str | None
    debug: bool

    @classmethod
    def of(cls, server: Server, sites: Iterable[Site], destinations: Mapping[str, Destination]) -> Self:
        """Compile the settings: `destinations` by name, as in the file."""
        places = [Place.of(site, destinations) for site in sites]
        hosts: dict[str, list[Place]] = {}
        # The longest path first, so that a mount wins over the site at the root of the same host.
        for place in sorted(places, key=lambda place: -len(place.site.path)):
            for host in place.site.hosts:
                hosts.setdefault(host, []).append(place)
        mounts = {"" if place.site.path == "/" else place.site.path for place in places}
        return cls(
            hosts={host: tuple(sharing) for host, sharing in hosts.items()},
            hits={hit: place for host, sharing in hosts.items() for hit, place in _hits(host, sharing)},
            keys={key: place for place in places for key in place.keys},
            sites={place.site.name: place for place in places},
            # The key names the site, so the path may be anybody's.
            api_paths=frozenset(f"{mount}/api/events" for mount in {"", *mounts}),
            proxies=Proxies(tuple(server.trusted_proxies)),
            country_header=None if server.country_header is None else server.country_header.lower(),
            debug=server.debug,
        )

    def by_key(self, authorization: str | None) -> Place | None:
        """Return the site that this `Authorization` header's API key belongs to.

        The key is looked up by its digest: how long that takes tells nothing of any key.
        """
        key = _key_in(authorization)
        return None if key is None else self.keys.get(key)


def image_paths(names: PathNames) -> tuple[str, ...]:
    return (names.image, "/pixel.gif")


def event_paths(names: PathNames) -> tuple[str, ...]:
    return (names.events, "/events")


def fingerprint(key: Secret) -> str:
    """Return what tells a key from others without being it."""
    return _digest(key.reveal()).hex()


def shown(authorization: str | None) -> str | None:
    """Return the fingerprint of the key that an `Authorization` header shows, whosever it is."""
    key = _key_in(authorization)
    return None if key is None else key.hex()


def _hits(host: str, sharing: Sequence[Place]) -> Iterator[tuple[tuple[str, str, str], Place]]:
    """List a host's paths of hits; where a longer mount covers one, its own site decides what stands there."""
    for place in sharing:
        mount, paths = "" if place.site.path == "/" else place.site.path, place.site.paths
        for method, names in (("GET", image_paths(paths)), ("POST", event_paths(paths))):
            for path in (mount + name for name in names):
                if place is next(one for one in sharing if one.below(path) is not None):
                    yield (method, host, path), place


def _key_in(authorization: str | None) -> bytes | None:
    said = (authorization or "").strip()
    if said[: len(_BEARER)].lower() != _BEARER:
        return None
    key = said[len(_BEARER) :].strip()
    return _digest(key) if key else None


def _digest(key: str) -> bytes:
    return sha256(key.encode(errors="surrogateescape")).digest()
