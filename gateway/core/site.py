"""What one site and one destination want: the policies of the YAML file, as the core reads them.

`settings.py` fills and checks them; nobody changes them afterwards. The field names are the configuration's keys
(contract section 4), so a message about one can name it as the user wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeAlias

from gateway.core.adapter import Adapter, Secret
from gateway.core.event import Purpose
from gateway.core.value import ValueRule

DAY_S = 86_400
EVERY: Final = "*"
"""In a destination's rules: every event that has none of its own."""
EventOrEvery: TypeAlias = Annotated[str, "an event's name, or *"]
# Adapters of one vendor share its wire and its cookies (contract section 2, vendor wires).
_VENDORS: Final = {"google_data_manager": "google", "ga4": "google", "ga4_relay": "google"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPolicy:
    """`regions` maps an ISO 3166 country (or `US-CA`) to the answer where no signal speaks."""

    default: Literal["granted", "denied"] = "denied"
    regions: Mapping[str, Literal["granted", "denied"]] = field(default_factory=dict)
    honour_gpc: bool = True
    cmp: Literal["auto", "none", "cookiebot", "onetrust"] = "auto"
    server_silent: Literal["default", "granted"] = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePolicy:
    """Which events wait for the other wire, how long, and which never leave without a server copy."""

    hold_s: float = 10
    events: frozenset[str] = frozenset({"purchase", "generate_lead", "sign_up"})
    confirm: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupPolicy:
    """How long an act is remembered after it is settled: in hours, and in days where it has a transaction id."""

    window_h: float = 48
    orders_d: float = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieNames:
    id: str = "_tw_id"
    click: str = "_tw_click"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathNames:
    """Where a site answers, below its `path`; the neutral names of the contract unless renamed."""

    image: str = "/i"
    events: str = "/e"
    tag: str = "/t.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`per_address`: hits of one address (IPv6: one /64), as in `50/s` or `600/m`; None for no limit.

    `per_key`: events of a backend under one of its keys, likewise.
    """

    per_address: str | None = None
    per_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRoute:
    """A vendor's script served from the site's own host. `query` lists the parameters and the values that pass."""

    path: str
    upstream: str
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site: who may speak for it, what it remembers of a visitor, and where its events go.

    `origins` are exact (`https://shop.example`); `path` begins with `/` and has no trailing slash unless it is `/`.
    `cookie_domain`: `auto` is the registrable domain of the host that was asked. `request_keys` sign what the site's
    backend sends; `signing_keys` sign the gateway's own links.
    """

    name: str
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    path: str = "/"
    paths: PathNames = PathNames()
    cookie_domain: str = "auto"
    cookies: CookieNames = CookieNames()
    phone_country: str | None = None
    decimal_comma: bool = False
    currency: str | None = None
    api_keys: tuple[Secret, ...] = ()
    request_keys: tuple[Secret, ...] = ()
    signing_keys: tuple[Secret, ...] = ()
    redirect_hosts: tuple[str, ...] = ()
    consent: ConsentPolicy = ConsentPolicy()
    merge: MergePolicy = MergePolicy()
    dedup: DedupPolicy = DedupPolicy()
    bots: Literal["flag", "drop"] = "flag"
    limits: Limits = Limits()
    wires: Mapping[str, Literal["all"]] = field(default_factory=dict)
    rules: tuple[Any, ...] = ()
    proxy: tuple[ProxyRoute, ...] = ()
    destinations: tuple[str, ...] = ()

    @property
    def has_backend(self) -> bool:
        """Say whether server copies can come at all."""
        return bool(self.api_keys or self.request_keys)

    def holds(self, event_name: str) -> bool:
        """Say whether this event waits for its twin."""
        return event_name in self.merge.events or event_name in self.merge.confirm


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How events travel together. None: the adapter's own figure."""

    max_events: int | None = None
    max_wait_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A configured adapter, by its name in YAML, with the options that every destination takes.

    `endpoint` stands for scheme and host. `events` renames an event (text), or denies it (None); `*: None` denies all
    that are not named. `values` says what an event is worth there, `params` renames a parameter or leaves it out
    (None), `static` adds parameters of an event or of all (`*`): see `rules.py`.
    `consent` None: the purposes of the adapter. `sample` is the share of acts that is sent (0 to 1), chosen by
    the act so that every copy agrees. `rate_limit` is `300/m` or `50/s`, in requests.
    """

    name: str
    adapter: Adapter
    endpoint: str | None = None
    events: Mapping[str, str | None] = field(default_factory=dict)
    values: Mapping[EventOrEvery, ValueRule] = field(default_factory=dict)
    params: Mapping[str, str | None] = field(default_factory=dict)
    static: Mapping[EventOrEvery, Mapping[str, str | int | float | bool]] = field(default_factory=dict)
    consent: frozenset[Purpose] | None = None
    batch: Batch = Batch()
    mode: Literal["at_least_once", "at_most_once"] = "at_least_once"
    rate_limit: str | None = None
    sample: float = 1.0
    enabled: bool = True

    @property
    def purposes(self) -> frozenset[Purpose]:
        return self.adapter.purposes if self.consent is None else self.consent

    @property
    def vendor(self) -> str:
        """Whose platform it is (`meta`, `google`, `tiktok`, …), by the name of the adapter's file."""
        file = type(self.adapter).__module__.rpartition(".")[2]
        return _VENDORS.get(file, file)

    @property
    def base_url(self) -> str:
        """Scheme and host, without a trailing slash."""
        return (self.endpoint or self.adapter.endpoint).rstrip("/")

    @property
    def max_events(self) -> int:
        return min(self.batch.max_events or self.adapter.max_batch, self.adapter.max_batch)

    @property
    def max_wait_ms(self) -> int:
        return self.adapter.max_wait_ms if self.batch.max_wait_ms is None else self.batch.max_wait_ms
