"""Where the store is: the forms of `store.redis`, read once.

One server, a cluster, or a master that sentinels name; over TCP, TLS or a unix socket; as a user with a password.
Errors:  every text says what the form looks like and never repeats what was written: it may hold a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, unquote

from gateway.core.adapter import Secret
from gateway.settings.problems import nearest
from gateway.settings.values import host_name

PORT: Final = 6379
SENTINEL_PORT: Final = 26_379

_FORMS: Final = (
    "write redis://host:6379/0, redis+cluster://host:6379,host:6379, redis+sentinel://host:26379,host:26379/master, "
    "each with rediss for TLS, or unix:///path/to/redis.sock; a user stands before the host, as in user:password@host"
)
_TLS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
_SENTINEL: Final = ("sentinel_username", "sentinel_password")
_SWITCH: Final = {"true": True, "false": False, "1": True, "0": False}


class Kind(StrEnum):
    ONE = "one"
    CLUSTER = "cluster"
    SENTINEL = "sentinel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who we are to a server; both None: nobody asks."""

    user: str | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a server proves itself, and we to it. `ca_file` None: the authorities that the system trusts."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    is_verified: bool = True
    checks_host: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUrl:
    """`places`: the server, some nodes of the cluster, or the sentinels. `path` is a unix socket, and then the only
    place. `master` is the name under which sentinels know it."""

    kind: Kind
    places: tuple[tuple[str, int], ...] = ()
    path: str | None = None
    login: Login = Login()
    sentinel_login: Login = Login()
    db: int = 0
    master: str = ""
    tls: Tls | None = None


def store_url(text: str) -> StoreUrl:
    """Read where the store is; raises ValueError."""
    scheme, colon, rest = text.strip().partition("://")
    if not colon or any(char.isspace() for char in text.strip()) or "#" in rest:
        raise ValueError(_FORMS)
    rest, _, query = rest.partition("?")
    base, _, form = scheme.partition("+")
    if base not in ("redis", "rediss", "unix") or form not in ("", "cluster", "sentinel") or (base == "unix" and form):
        raise ValueError(_FORMS)
    options = _options(query, base=base, form=form)
    where, slash, path = rest.partition("/")
    # The last one: a password may hold an @ that nobody encoded.
    credentials, _, hosts = where.rpartition("@")
    login = _login(credentials, options)
    if base == "unix":
        if hosts or not path:
            raise ValueError(_FORMS)
        return StoreUrl(kind=Kind.ONE, path=unquote(slash + path), login=login, db=_number(options.get("db", "0")))
    kind = Kind(form or "one")
    master = ""
    if kind is Kind.SENTINEL:
        master, _, path = path.partition("/")
        if not master:
            raise ValueError("name the master behind the sentinels, as in redis+sentinel://host:26379/mymaster")
    db = _number(path.rstrip("/") or options.get("db", "0"))
    if kind is Kind.CLUSTER and db:
        raise ValueError("a cluster has database 0 only; leave the number out")
    return StoreUrl(
        kind=kind,
        places=_places(hosts, kind),
        login=login,
        sentinel_login=Login(user=options.get("sentinel_username"), password=_secret(options.get("sentinel_password"))),
        db=db,
        master=unquote(master),
        tls=_tls(options) if base == "rediss" else None,
    )


def _options(query: str, *, base: str, form: str) -> dict[str, str]:
    known = [
        "username",
        "password",
        *(() if form == "cluster" else ("db",)),
        *(_SENTINEL if form == "sentinel" else ()),
        *(_TLS if base == "rediss" else ()),
    ]
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in known:
            options[name] = value
        elif name in _TLS:
            raise ValueError(f"{name} is for TLS: write rediss instead of redis")
        else:
            # Only a word that resembles an option is safe to repeat: a password may have been cut by its own ?.
            meant = nearest(name, known)
            raise ValueError(f"unknown option behind the ?; {f'did you mean {meant}?' if meant else _known(known)}")
    return options


def _known(known: list[str]) -> str:
    return f"known here: {', '.join(known)}"


def _login(credentials: str, options: dict[str, str]) -> Login:
    user, _, password = credentials.partition(":")
    login = Login(
        user=unquote(user) or options.get("username") or None,
        password=_secret(unquote(password) or options.get("password")),
    )
    if login.user is not None and login.password is None:
        raise ValueError("a user needs a password, as in redis://user:password@host:6379/0")
    return login


def _secret(text: str | None) -> Secret | None:
    return Secret(text) if text else None


def _places(hosts: str, kind: Kind) -> tuple[tuple[str, int], ...]:
    if not hosts:
        raise ValueError(_FORMS)
    places = [_place(host, SENTINEL_PORT if kind is Kind.SENTINEL else PORT) for host in hosts.split(",")]
    if kind is Kind.ONE and len(places) > 1:
        raise ValueError("several hosts are a cluster or sentinels: write redis+cluster:// or redis+sentinel://")
    return tuple(dict.fromkeys(places))


def _place(text: str, port: int) -> tuple[str, int]:
    host, colon, number = text.rpartition(":") if text.rpartition("]")[2] else (text, "", "")
    if not colon:
        host, number = text, str(port)
    bare = host.removeprefix("[").removesuffix("]")
    is_bare = bare == host and ":" not in bare
    if not (is_bare or host == f"[{bare}]") or not number.isascii() or not number.isdigit():
        raise ValueError(_FORMS)
    if not 0 < int(number) < 65_536:
        raise ValueError("a port is a number up to 65535")
    return host_name(bare), int(number)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise ValueError("the database is a number, as in redis://host:6379/0")
    return int(text)


def _tls(options: dict[str, str]) -> Tls:
    if (options.get("ssl_certfile") is None) != (options.get("ssl_keyfile") is None):
        raise ValueError("ssl_certfile and ssl_keyfile belong together")
    asked = options.get("ssl_cert_reqs", "required")
    if asked not in ("required", "none"):
        raise ValueError("ssl_cert_reqs is required or none")
    checked = _SWITCH.get(options.get("ssl_check_hostname", "true").lower())
    if checked is None:
        raise ValueError("ssl_check_hostname is true or false")
    return Tls(
        ca_file=options.get("ssl_ca_certs"),
        cert_file=options.get("ssl_certfile"),
        key_file=options.get("ssl_keyfile"),
        is_verified=asked == "required",
        checks_host=checked and asked == "required",
    )
