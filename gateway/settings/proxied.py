"""What cannot work of a site's `proxy` routes, beside a path that is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Final
from urllib.parse import urlsplit

from gateway.core.site import ProxyRoute, Site
from gateway.settings.problems import Misfit, Place

# Each is kept in memory by itself, and each costs the vendor a request an hour or so.
MOST_SCRIPTS: Final = 500


def misfits(place: Place, site: Site, sites: Mapping[str, Site]) -> Iterator[Misfit]:
    """Say what stops a route from ever answering, or from answering with something of a bounded size."""
    own = {address for other in sites.values() for route in other.proxy for address in _addresses(other, route)}
    for at, route in enumerate(site.proxy):
        where: Place = (*place, "proxy", at)
        for name, values in route.query.items():
            if not values:
                yield (*where, "query", name), "none of its values may pass", "name them, or take the parameter away"
        if prod(1 + len(values) for values in route.query.values()) > MOST_SCRIPTS:
            hint = "name fewer parameters or values, or make two routes"
            yield (*where, "query"), f"its values make more than {MOST_SCRIPTS} different scripts", hint
        covering = _covering(site, route, sites)
        if covering is not None:
            yield (*where, "path"), f"site {covering} answers everything below its path there", "take another path"
        split = urlsplit(route.upstream)
        if split.scheme == "https" and split.port in (None, 443) and (split.hostname, split.path) in own:
            yield (*where, "upstream"), "is a proxy route of this gateway: it would ask itself", "name the vendor's"


def _addresses(site: Site, route: ProxyRoute) -> Iterator[tuple[str | None, str]]:
    for host in site.hosts:
        yield host, _mounted(site, route.path)


def _covering(site: Site, route: ProxyRoute, sites: Mapping[str, Site]) -> str | None:
    """Name the site whose longer path on the same host has this route's address below it."""
    path = _mounted(site, route.path)
    return next(
        (
            name
            for name, other in sites.items()
            if len(other.path) > len(site.path)
            and set(other.hosts) & set(site.hosts)
            and path.startswith(f"{other.path}/")
        ),
        None,
    )


def _mounted(site: Site, path: str) -> str:
    return path if site.path == "/" else site.path + path
