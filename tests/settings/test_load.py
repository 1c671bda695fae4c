"""From a file to Settings, and from a bad file to every problem in it."""

from __future__ import annotations

import ipaddress
import json
import traceback
from pathlib import Path
from typing import Any

import pytest

from gateway.core.adapter import Secret
from gateway.core.event import Purpose
from gateway.settings import Address, ConfigError, Settings, StoreSettings
from tests.settings.given import ENV, StandIn, load_text, loaded, only, problems, problems_in


def test_a_minimal_file_takes_every_default(tmp_path: Path) -> None:
    settings = loaded(tmp_path)

    site = settings.sites["shop"]
    assert (site.name, site.hosts, site.destinations) == ("shop", ("t.shop.example",), ("main",))
    assert settings.store == StoreSettings()
    assert str(settings.server.admin) == "127.0.0.1:8081"
    assert settings.sandbox is None


def test_the_acceptance_shape_of_a_configuration_is_read(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        ("server", {"listen": "127.0.0.1:18080", "admin": "127.0.0.1:18081", "workers": 1, "drain_s": 1}),
        ("server.trusted_proxies", ["127.0.0.0/8"]),
        ("store", {"redis": "redis://127.0.0.1:16379/0", "data_dir": "/tmp/x/data"}),
        ("sites.shop.api_keys", ["api-key"]),
        ("sites.shop.merge", {"hold_s": 1, "events": ["purchase"]}),
    )

    assert settings.server.listen == Address(host="127.0.0.1", port=18080)
    assert settings.server.trusted_proxies == (ipaddress.ip_network("127.0.0.0/8"),)
    assert settings.store.redis == Secret("redis://127.0.0.1:16379/0")
    assert settings.store.data_dir == Path("/tmp/x/data")
    assert settings.sites["shop"].api_keys == (Secret("api-key"),)
    assert settings.sites["shop"].merge.events == frozenset({"purchase"})


def test_a_destination_is_its_adapter_and_the_options_that_all_have(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        ("destinations.main.login", {"kind": "user", "token": "t"}),
        ("destinations.main.actions", {"purchase": {"kind": "key"}}),
        ("destinations.main.flags", ["LDU"]),
        ("destinations.main.consent", ["ad_storage"]),
        ("destinations.main.events", {"add_to_cart": "AddToCart", "page_view": None}),
        ("destinations.main.batch", {"max_events": 5}),
    )

    found = settings.destinations["main"]
    assert isinstance(found.adapter, StandIn)
    assert found.adapter.access_token == Secret(ENV["TOKEN"])
    assert found.adapter.login is not None
    assert found.adapter.login.token == Secret("t")
    assert found.consent == frozenset({Purpose.AD_STORAGE})
    assert {type(purpose) for purpose in found.consent} == {Purpose}
    assert (found.name, found.max_events, dict(found.events)) == (
        "main",
        5,
        {"add_to_cart": "AddToCart", "page_view": None},
    )


def test_what_comes_from_the_environment_gets_the_type_of_its_key(tmp_path: Path) -> None:
    env = {**ENV, "N": "4", "F": "2.5", "B": "true", "ID": "0123"}
    settings = loaded(
        tmp_path,
        ("server", {"workers": "${N}", "drain_s": "${F}", "debug": "${B}", "watch": "${NONE:-false}"}),
        ("store.keep", {"samples": "${NONE:-}"}),
        ("store.redis", "${NONE:-}"),
        ("destinations.main.account_id", "${ID}"),
        env=env,
    )

    server, adapter = settings.server, settings.destinations["main"].adapter
    assert (server.workers, server.drain_s, server.debug, server.watch) == (4, 2.5, True, False)
    assert settings.store == StoreSettings()
    assert isinstance(adapter, StandIn)
    assert adapter.account_id == "0123"


def test_an_id_without_quotes_stays_text(tmp_path: Path) -> None:
    text = """
sites: {shop: {hosts: [x.example], origins: ["https://x.example"], destinations: [a, b]}}
destinations:
  a: {adapter: stand_in, account_id: 1234567890123456789, access_token: 1}
  b: {adapter: stand_in, account_id: 0012, access_token: t}
"""

    found = load_text(tmp_path, text).destinations

    assert [getattr(found[name].adapter, "account_id", None) for name in "ab"] == ["1234567890123456789", "0012"]


def test_a_key_with_nothing_behind_it_is_absent(tmp_path: Path) -> None:
    settings = loaded(tmp_path, ("sites.shop.cookies", None), ("sites.shop.api_keys", None), ("server", None))

    assert settings == loaded(tmp_path)


# A key of each kind: text, a secret, a number, a switch, a word, a list, a mapping, a path, an address.
EMPTY = (
    *("server.listen", "server.admin_password", "server.workers", "server.watch", "server.trusted_proxies"),
    *("store.redis", "store.data_dir", "store.durability", "store.keep", "sandbox", "demo.site"),
    *("sites.shop.currency", "sites.shop.cookies", "sites.shop.api_keys", "sites.shop.consent.regions"),
    *("destinations.main.endpoint", "destinations.main.version", "destinations.main.login", "destinations.main.batch"),
)


@pytest.mark.parametrize("place", EMPTY)
def test_a_key_with_empty_text_behind_it_is_absent(tmp_path: Path, place: str) -> None:
    assert loaded(tmp_path, (place, "")) == loaded(tmp_path)


def test_an_option_that_has_a_default_can_be_switched_off_with_empty_text_as_with_null(tmp_path: Path) -> None:
    off = [loaded(tmp_path, ("destinations.main.retries", value)) for value in (None, "")]

    assert [getattr(found.destinations["main"].adapter, "retries", 0) for found in off] == [None, None]


def test_a_secret_from_elsewhere_may_end_in_a_line_break(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("t0ken\n\n")

    settings = loaded(
        tmp_path,
        ("destinations.main.login", {"kind": "user", "token": f"file:{tmp_path}/secret"}),
        env={"TOKEN": "t0ken\r\n"},
    )

    adapter = settings.destinations["main"].adapter
    assert isinstance(adapter, StandIn)
    assert adapter.login is not None
    assert [adapter.access_token, adapter.login.token] == [Secret("t0ken")] * 2


@pytest.mark.parametrize("inside", ["\n", "\r\n", "\x01", "\x7f", "\x85"])
def test_a_secret_that_no_header_can_carry_is_named_and_not_shown(tmp_path: Path, inside: str) -> None:
    found = only(problems(tmp_path, env={"TOKEN": f"hunter{inside}two"}))

    assert (found.key, found.line > 1) == ("destinations.main.access_token", True)
    assert "control character" in found.message
    assert not {"hunter", "two"} & set(str(found).split())


def test_equal_files_are_equal_settings_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    assert loaded(tmp_path) == loaded(tmp_path / "other")
    assert loaded(tmp_path) != loaded(tmp_path, ("sites.shop.currency", "EUR"))


def test_no_secret_is_ever_printed(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        ("server.admin_password", "hunter2-admin"),
        ("store.redis", "redis://:hunter2@127.0.0.1/0"),
        ("sites.shop.api_keys", ["hunter2-key"]),
        ("destinations.main.login", {"kind": "user", "token": "hunter2-token"}),
    )

    said = f"{settings} {settings!r} {settings.marks!r}"
    assert "***" in said
    assert "hunter2" not in said
    assert ENV["TOKEN"] not in said


def test_no_problem_repeats_a_value(tmp_path: Path) -> None:
    changes: list[tuple[str, Any]] = [
        ("server.listen", "hunter2"),
        ("server.workers", "hunter2"),
        ("server.admin_password", ["hunter2"]),
        ("store.redis", "http://:hunter2@x"),
        ("store.durability", "hunter2"),
        ("sites.shop.api_keys", "hunter2"),
        ("sites.shop.signing_keys", [{"hunter2": "hunter2"}]),
        ("sites.shop.destinations", ["hunter2"]),
        ("destinations.main.access_token", {"a": "hunter2"}),
        ("destinations.main.login", {"kind": "user", "token": ["hunter2"]}),
        ("destinations.main.consent", ["hunter2"]),
    ]
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, *changes)

    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert "hunter2" not in said
    assert len({problem.key for problem in caught.value.problems}) == len(changes)


def test_every_problem_is_told_at_once_and_in_the_order_of_lines(tmp_path: Path) -> None:
    text = """
server:
  workers: many
  drain_s: true
  admin: 0.0.0.0:8081
sites:
  shop:
    hosts: [t.shop.example]
    origins: ["https://shop.example/path"]
    curency: EUR
    destinations: [mian]
destinations:
  main:
    adapter: stand_in
    access_token: ${NOT_THERE}
    sample: 2
"""

    found = problems_in(tmp_path, text)

    assert [(problem.line, problem.key) for problem in found] == [
        (3, "server.workers"),
        (4, "server.drain_s"),
        (5, "server.admin"),
        (9, "sites.shop.origins[0]"),
        (10, "sites.shop.curency"),
        (11, "sites.shop.destinations[0]"),
        (13, "destinations.main.account_id"),
        (15, "destinations.main.access_token"),
        (16, "destinations.main.sample"),
    ]


CASES: list[tuple[str, Any, str]] = [
    ("server.workres", 2, "unknown option; did you mean workers? For example workers: 1"),
    ("destinations.main.acces_token", "x", "did you mean access_token? For example access_token: ${ACCESS_TOKEN}"),
    ("destinations.main.dataset", "x", "unknown option; known here: adapter, account_id"),
    ("sites.shop.hold_s", 3, "unknown option; did you mean merge.hold_s?"),
    ("sites.shop.name", "x", "unknown option"),
    ("destination", {}, "unknown option; did you mean destinations?"),
    ("server.workers", 0, "has to be at least 1"),
    ("server.workers", 1.5, "expected a whole number or 'auto', got a number"),
    ("server.workers", True, "expected a whole number or 'auto', got true"),
    ("server.drain_s", 30, "has to be at most 20"),
    ("server.debug", "perhaps", "expected true or false, got text"),
    ("server", [], "expected a mapping (key: value), got a list"),
    ("store.data_dir", "a\0b", "holds a NUL character"),
    ("destinations.main.account_id", "", "expected text, got empty text"),
    ("destinations.main.account_id", "1\0", "holds a NUL character"),
    ("destinations.main.access_token", "t\n", "holds a line break or another control character"),
    ("destinations.main.events", {"purchase": ""}, "expected text, got empty text"),
    ("server.listen", "256.1.1.1:80", "four numbers up to 255"),
    ("sites.shop.phone_country", "XX", "no country with telephone numbers has this code"),
    ("sites.shop.hosts", ["bücher.example"], "as browsers send it"),
    ("sites.shop.origins", ["https://bücher.example"], "bücher.example is xn--bcher-kva.example"),
    ("sites.shop.origins", ["https://*.shop.example"], "write scheme and host alone"),
    ("store.durability", "jurnal", "got text; did you mean journal?"),
    ("sites", {}, "at least one site is needed"),
    ("sites.shop", None, "expected a mapping (key: value), got nothing"),
    ("sites.shop.hosts", "t.shop.example", "expected a list, got text"),
    ("sites.shop.hosts", [], "too few entries; the least is 1"),
    ("sites.shop.hosts", ["https://t.shop.example"], "write the host alone"),
    ("sites.shop.origins", [], "too few entries; the least is 1"),
    ("sites.shop.origins", ["https://shop.example/x"], "no path"),
    ("sites.shop.path", "m", "begins with /"),
    ("sites.shop.paths", {"image": "/"}, "is the site's own path"),
    ("sites.shop.cookies", {"id": "a b"}, "a cookie's name"),
    ("sites.shop.phone_country", "UK", "code is GB"),
    ("sites.shop.consent", {"default": "grant"}, "expected 'granted' or 'denied', got text; did you mean granted?"),
    ("sites.shop.consent", {"regions": {"Norway": "granted"}}, "write a country of ISO 3166"),
    ("sites.shop.merge", {"hold_s": "ten"}, "expected a number, got text"),
    ("sites.shop.merge", {"events": ["1st"]}, "an event's name"),
    ("sites.shop.dedup", {"window_h": 0}, "has to be more than 0"),
    ("sites.shop.limits", {"per_address": "50 per s"}, "as in 50/s"),
    ("sites.shop.wires", {"metta": "all"}, "unknown name; expected 'meta', 'google' or 'tiktok'; did you mean meta?"),
    ("sites.shop.rules", [{"if": "x"}], "is kept for a later release"),
    ("sites.shop.proxy", [{"path": "/a.js", "upstream": "http://x.example/a.js"}], "write an https address"),
    ("server.trusted_proxies", ["10.0.0.1/8"], "write 10.0.0.0/8"),
    ("destinations", [], "expected a mapping of names, got a list"),
    ("destinations.main", "stand_in", "expected a mapping (key: value), got text"),
    ("destinations.main.adapter", "stand-in", "no adapter of this name is installed; did you mean stand_in?"),
    ("destinations.main.adapter", None, "is missing; there are: echo, stand_in, webhook"),
    ("destinations.main.login", {"kind": "user"}, "token: needed for kind user"),
    ("destinations.main.login", {"knd": "user", "kind": "key"}, "did you mean kind?"),
    ("destinations.main.actions", {"purchase": {}}, "is missing; for example kind: key"),
    ("destinations.main.version", "new", "expected a whole number, got text"),
    ("destinations.main.rate_limit", "fast", "as in 50/s"),
    ("destinations.main.endpoint", "graph.example", "write scheme and host"),
    ("destinations.main.batch", {"max_events": 0}, "has to be at least 1"),
]


@pytest.mark.parametrize(("place", "value", "said"), CASES)
def test_a_mistake_is_named_with_the_way_out(tmp_path: Path, place: str, value: Any, said: str) -> None:
    found = [str(problem) for problem in problems(tmp_path, (place, value))]

    assert [line for line in found if said in line and f"{tmp_path}/gateway.yaml:" in line], found


def test_a_problem_points_at_the_line_of_its_key(tmp_path: Path) -> None:
    text = json.dumps(
        {"sites": {"shop": {"hosts": ["x.example"], "origins": ["https://x.example"], "crurency": "E"}}}, indent=1
    )

    found = only(problems_in(tmp_path, text))

    expected = next(at for at, line in enumerate(text.splitlines(), 1) if "crurency" in line)
    assert (found.line, found.column) == (expected, 4)


def test_a_bad_entry_of_a_list_is_not_also_a_list_too_short(tmp_path: Path) -> None:
    assert only(problems(tmp_path, ("sites.shop.hosts", ["a b"]))).key == "sites.shop.hosts[0]"


@pytest.mark.parametrize("text", ["just words", "- a\n- b\n", "12"])
def test_a_file_that_is_no_mapping_is_said_once(tmp_path: Path, text: str) -> None:
    assert "expected a mapping" in only(problems_in(tmp_path, text)).message


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings: Settings = loaded(tmp_path)

    with pytest.raises(AttributeError):
        settings.server.debug = True  # type: ignore[misc]
