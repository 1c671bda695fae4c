"""How the parts fit together: what cannot work (`misfits`), and what works but is probably not meant (`warnings`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.core import vendor_cookies
from gateway.core.adapter import Secret
from gateway.core.consent import cookiebot, onetrust
from gateway.core.domain import is_address
from gateway.core.manifest import RAW
from gateway.core.site import Site
from gateway.settings import proxied
from gateway.settings.model import Address, Settings
from gateway.settings.problems import Misfit, Place, Problem, nearest, problem_at, spelled

# Paths that every site answers already (contract section 2): a renamed one would take their place.
FIXED_PATHS: Final = frozenset(
    {
        "/pixel.gif", "/events", "/tag.js", "/open.gif", "/go", "/tr", "/g/collect", "/api/events", "/api/v2/pixel",
        "/api/v2/pixel/act", "/api/v2/pixel/perf", "/capi", "/healthz",
    }
)  # fmt: skip
_SYNONYMS: Final = {"image": "/pixel.gif", "events": "/events", "tag": "/tag.js"}

# Names that general rules of public block lists match, whatever the host. A warning, no promise: lists change daily.
KNOWN_TO_BLOCKERS: Final = frozenset(
    {
        "pixel.gif", "pixel.png", "pixel.js", "pixel", "tr", "collect", "track", "track.js", "tracker", "tracker.js",
        "tracking", "tracking.js", "analytics", "analytics.js", "tag.js", "gtag", "gtag.js", "gtm.js", "gtm",
        "fbevents.js", "events.js", "beacon", "beacon.js", "telemetry", "stats.js", "matomo.js", "piwik.js", "ads.js",
    }
)  # fmt: skip
# Cookies that a vendor's script or a consent tool writes, and that we read. Of GA4's and old Analytics' there is one
# for each stream and property.
_FOREIGN: Final = vendor_cookies.RARE | {
    *(vendor_cookies.FBP, vendor_cookies.FBC, vendor_cookies.TTP, vendor_cookies.GCL_AW, vendor_cookies.GCL_AU),
    *(vendor_cookies.GA, cookiebot.COOKIE, onetrust.COOKIE),
}
_FOREIGN_BEGIN: Final = ("_ga_", "_gac_")
# 16 characters of base64 are 96 bits: nobody guesses them over a network.
MIN_KEY_CHARS: Final = 16


def misfits(settings: Settings, doubtful: frozenset[Place]) -> Iterator[Misfit]:
    """Say what cannot work. `doubtful`: keys that stand in the file and could not be read."""
    yield from _listeners(settings, doubtful)
    for name, site in settings.sites.items():
        place: Place = ("sites", name)
        yield from _paths(place, site)
        yield from proxied.misfits(place, site, settings.sites)
        keys_doubtful = {(*place, "api_keys"), (*place, "request_keys")} & doubtful
        if site.merge.confirm and not site.has_backend and not keys_doubtful:
            yield (
                (*place, "merge", "confirm"),
                "these events wait for a server copy, and without api_keys none can come",
                "add api_keys, or take confirm away",
            )
        yield from _cookies((*place, "cookies"), site)
    yield from _taken_twice(settings)
    yield from _addresses(settings, doubtful)
    yield from _demo(settings, doubtful)


def _cookies(place: Place, site: Site) -> Iterator[Misfit]:
    names = site.cookies
    if names.id == names.click:
        yield place, "id and click are the same cookie", "give them two names"
    for key, name in (("id", names.id), ("click", names.click)):
        if name in _FOREIGN or name.startswith(_FOREIGN_BEGIN):
            what = "a vendor's script writes a cookie of this name: each would destroy the other's"
            yield (*place, key), what, "take a name of your own"


def _addresses(settings: Settings, doubtful: frozenset[Place]) -> Iterator[Misfit]:
    """An adapter for receivers of one's own knows no address but this machine's, where somebody may listen or not."""
    for name, destination in settings.destinations.items():
        place: Place = ("destinations", name, "endpoint")
        is_told = destination.endpoint is not None or destination.adapter.manifest.urls or place in doubtful
        if not is_told and _is_loopback(destination.adapter.endpoint):
            hint = "write where to send, as in endpoint: http://127.0.0.1:9000"
            yield place, "is missing: the adapter has no address of its own", hint


def _is_loopback(url: str) -> bool:
    return Address(host=urlsplit(url).hostname or "", port=0).is_loopback


def _demo(settings: Settings, doubtful: frozenset[Place]) -> Iterator[Misfit]:
    name, place = settings.demo.site, ("demo", "site")
    if name is None:
        return
    site = settings.sites.get(name)
    if site is None:
        meant = nearest(name, settings.sites)
        hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(sorted(settings.sites)) or 'none'}"
        yield place, "no site has this name", hint
    elif not site.api_keys and ("sites", name, "api_keys") not in doubtful:
        yield place, "the shop's server confirms orders with an API key, and the site has none", "add api_keys to it"


def _listeners(settings: Settings, doubtful: frozenset[Place]) -> Iterator[Misfit]:
    server = settings.server
    if not server.admin.is_loopback and server.admin_password is None and ("server", "admin_password") not in doubtful:
        hint = "set server.admin_password, for example admin_password: ${TAGWAY_ADMIN_PASSWORD}"
        yield ("server", "admin"), "anybody on the network could read the console without a password", hint
    places: list[tuple[Place, Address]] = [(("server", "listen"), server.listen), (("server", "admin"), server.admin)]
    if settings.sandbox is not None:
        places.append((("sandbox", "listen"), settings.sandbox.listen))
    for at, (place, address) in enumerate(places):
        for other_place, other in places[:at]:
            everywhere = {"0.0.0.0", "::"} & {address.host, other.host}
            if address.port and address.port == other.port and (address.host == other.host or everywhere):
                yield place, f"is the port of {spelled(other_place)}", "give each listener its own"


def strangers(place: Place, names: Sequence[Any], named: frozenset[str]) -> Iterator[Misfit]:
    """Say which of a site's destinations the file does not have."""
    seen: set[str] = set()
    for at, name in enumerate(names):
        where = (*place, at)
        if not isinstance(name, str):
            continue  # its reader says so
        if name not in named:
            meant = nearest(name, named)
            hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(sorted(named)) or 'none'}"
            yield where, "no destination has this name", hint
        elif name in seen:
            yield where, "is named twice", "name a destination once"
        seen.add(name)


def _paths(place: Place, site: Site) -> Iterator[Misfit]:
    taken: dict[str, str] = {}
    routes = [((*place, "paths", field), getattr(site.paths, field), _SYNONYMS[field]) for field in _SYNONYMS]
    routes += [((*place, "proxy", at, "path"), route.path, "") for at, route in enumerate(site.proxy)]
    for where, path, own in routes:
        if path in FIXED_PATHS and path != own:
            yield where, "every site answers something else there", "take another path"
        elif path in taken:
            yield where, f"is the path of {taken[path]}", "take another path"
        taken[path] = spelled(where)


def _taken_twice(settings: Settings) -> Iterator[Misfit]:
    """Two sites must not be asked at the same address, nor named by the same key."""
    doors: dict[tuple[str, str], str] = {}
    keys: dict[Secret, str] = {}
    for name, site in settings.sites.items():
        for at, host in enumerate(site.hosts):
            first = doors.setdefault((host, site.path), name)
            if first != name:
                yield ("sites", name, "hosts", at), f"site {first} has this host and path", "give one of them a path"
        for kind, at, key in _keys(site):
            first = keys.setdefault(key, name)
            if first != name:
                hint = "a key names its site: make one for each"
                yield ("sites", name, kind, at), f"is a key of site {first}, too", hint


def _keys(site: Site) -> Iterator[tuple[str, int, Secret]]:
    for kind in ("api_keys", "request_keys"):
        for at, key in enumerate(getattr(site, kind)):
            yield kind, at, key


def warnings(settings: Settings) -> tuple[Problem, ...]:
    """Say what works and is probably not meant, in the order of its lines."""
    found = [*_about_server(settings), *_about_destinations(settings), *_about_secrets(settings)]
    for name, site in settings.sites.items():
        found += _about_site(("sites", name), site)
    problems = [problem_at(str(settings.path), settings.marks, *misfit) for misfit in found]
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.key)))


def _about_server(settings: Settings) -> Iterator[Misfit]:
    server = settings.server
    for at, network in enumerate(server.trusted_proxies):
        if network.prefixlen == 0:
            hint = "name the networks of your proxies alone"
            yield ("server", "trusted_proxies", at), "anybody may claim any address and any host", hint
    if settings.demo.site is not None and not server.listen.is_loopback:
        hint = "listen on 127.0.0.1, or take the demo away"
        yield ("demo", "site"), "anybody on the network could let the demo shop confirm orders", hint
    if server.country_header and not server.trusted_proxies:
        hint = "name the proxy in server.trusted_proxies"
        yield ("server", "country_header"), "is believed from trusted proxies only, and there are none", hint


def _about_destinations(settings: Settings) -> Iterator[Misfit]:
    users: defaultdict[str, list[str]] = defaultdict(list)
    for site in settings.sites.values():
        for name in site.destinations:
            users[name].append(site.name)
    for name, destination in settings.destinations.items():
        place: Place = ("destinations", name)
        if len(users[name]) > 1:
            hint = "give each site a destination of its own, unless their ids can never be equal"
            yield (
                place,
                f"the sites {', '.join(users[name])} share it: equal event ids are one act to the platform",
                hint,
            )
        if not users[name]:
            yield place, "no site sends to it", "name it in a site's destinations, or remove it"
        rules = destination.values or destination.params or destination.static
        if rules and RAW in destination.adapter.manifest.reads:
            yield place, "it passes hits on as they came: values, params and static change nothing", "take them away"
        endpoint = destination.endpoint or ""
        if urlsplit(endpoint).scheme == "http" and not _is_loopback(endpoint):
            yield (*place, "endpoint"), "the token travels unencrypted", "use https"


def _about_site(place: Place, site: Site) -> Iterator[Misfit]:
    if not site.destinations:
        yield (*place, "destinations"), "events are taken and go nowhere", "name a destination"
    if site.consent.server_silent == "granted":
        hint = "send consent with each server event instead"
        yield (*place, "consent", "server_silent"), "a server copy that says nothing counts as a yes", hint
    if site.has_backend and "purchase" not in site.merge.confirm:
        hint = "write confirm: [purchase], if your server sends every purchase"
        yield (*place, "merge", "confirm"), "anybody can send a browser's purchase, and it leaves unconfirmed", hint
    if site.redirect_hosts and not site.signing_keys:
        yield (*place, "redirect_hosts"), "a redirect has to be signed, and there are no signing_keys", "add one"
    for key in ("api_keys", "request_keys", "signing_keys"):
        for at, secret in enumerate(getattr(site, key)):
            if len(secret.reveal()) < MIN_KEY_CHARS:
                hint = "make one with: openssl rand -base64 24"
                yield (*place, key, at), f"is shorter than {MIN_KEY_CHARS} characters", hint
    yield from _about_names(place, site)
    yield from _about_cookie_domain((*place, "cookie_domain"), site)


def _about_names(place: Place, site: Site) -> Iterator[Misfit]:
    named: list[tuple[Place, str]] = [((*place, "path"), site.path)]
    named += [((*place, "paths", field.name), getattr(site.paths, field.name)) for field in fields(site.paths)]
    named += [((*place, "proxy", at, "path"), route.path) for at, route in enumerate(site.proxy)]
    for where, path in named:
        word = next((part for part in path.lower().split("/") if part in KNOWN_TO_BLOCKERS), None)
        if word:
            yield where, f"public block lists know the name {word}", "take a name that says nothing"


def _about_cookie_domain(place: Place, site: Site) -> Iterator[Misfit]:
    domain = site.cookie_domain
    if domain == "auto":
        return
    from publicsuffixlist import PublicSuffixList  # its list takes 40 ms to read: only who names a domain waits

    strangers = [host for host in site.hosts if host != domain and not host.endswith(f".{domain}")]
    if is_address(domain) or PublicSuffixList().is_public(domain):
        yield place, "browsers keep no cookie for it: it is nobody's domain alone", "write auto"
    elif strangers:
        yield place, f"browsers refuse it from {strangers[0]}, which is not below it", "write auto"


def _about_secrets(settings: Settings) -> Iterator[Misfit]:
    for place in _secrets((), settings):
        mark = settings.marks.get(place)
        if mark is not None and mark.literal:
            hint = "write ${NAME} and export it, or file:/run/secrets/… in its place"
            yield place, "a secret stands in the file", hint


def _secrets(place: Place, value: Any) -> Iterator[Place]:
    """Find every Secret of the settings, by its place in the file."""
    if isinstance(value, Secret):
        yield place
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets((*place, key), item)
    elif isinstance(value, tuple):
        for at, item in enumerate(value):
            yield from _secrets((*place, at), item)
    elif is_dataclass(value):
        for field in fields(value):
            # An adapter's options stand beside those that every destination has.
            below = place if field.name == "adapter" else (*place, field.name)
            if field.name != "marks":
                yield from _secrets(below, getattr(value, field.name))
