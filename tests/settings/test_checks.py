"""How parts fit together: what stops a start, and what only `check` mentions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.settings import warnings
from tests.settings.given import ENV, GOOD, changed, loaded, only, problems

KEY = "0123456789abcdef"
OTHER: dict[str, Any] = {**GOOD["sites"]["shop"], "hosts": ["t.other.example"]}
MISFITS: list[tuple[list[tuple[str, Any]], str, str]] = [
    ([("sites.shop.destinations", ["mian"])], "sites.shop.destinations[0]", "did you mean main?"),
    ([("sites.shop.destinations", ["main", "main"])], "sites.shop.destinations[1]", "is named twice"),
    ([("sites.other", GOOD["sites"]["shop"])], "sites.other.hosts[0]", "site shop has this host and path"),
    (
        [("sites.shop.api_keys", [KEY]), ("sites.other", {**OTHER, "api_keys": [KEY]})],
        "sites.other.api_keys[0]",
        "is a key of site shop",
    ),
    (
        [("sites.shop.api_keys", [KEY]), ("sites.other", {**OTHER, "request_keys": [KEY]})],
        "sites.other.request_keys[0]",
        "is a key of site shop",
    ),
    ([("sites.shop.request_keys", [KEY, "a", "b"])], "sites.shop.request_keys", "2"),
    ([("server.admin", "0.0.0.0:8081")], "server.admin", "set server.admin_password"),
    ([("server.admin", "127.0.0.1:8080")], "server.admin", "is the port of server.listen"),
    ([("sandbox", {"listen": "127.0.0.1:8081"})], "sandbox.listen", "is the port of server.admin"),
    ([("sites.shop.merge", {"confirm": ["purchase"]})], "sites.shop.merge.confirm", "without api_keys none can come"),
    ([("sites.shop.paths", {"image": "/tr"})], "sites.shop.paths.image", "answers something else there"),
    ([("sites.shop.paths", {"image": "/x", "events": "/x"})], "sites.shop.paths.events", "sites.shop.paths.image"),
    (
        [("sites.shop.proxy", [{"path": "/t.js", "upstream": "https://x.example/a.js"}])],
        "sites.shop.proxy[0].path",
        "is the path of sites.shop.paths.tag",
    ),
    ([("sites.shop.cookies", {"id": "x", "click": "x"})], "sites.shop.cookies", "are the same cookie"),
    ([("sites.shop.cookies", {"id": "_tw_click"})], "sites.shop.cookies", "are the same cookie"),
    ([("sites.shop.cookies", {"id": "_fbp"})], "sites.shop.cookies.id", "a vendor's script writes"),
    ([("sites.shop.cookies", {"click": "_gcl_aw"})], "sites.shop.cookies.click", "a vendor's script writes"),
    ([("sites.shop.cookies", {"click": "_ga_ABC123"})], "sites.shop.cookies.click", "a vendor's script writes"),
    ([("sites.shop.cookies", {"id": "CookieConsent"})], "sites.shop.cookies.id", "a vendor's script writes"),
    ([("destinations.main", {"adapter": "echo"})], "destinations.main.endpoint", "write where to send"),
    ([("destinations.main", {"adapter": "echo", "endpoint": "nowhere"})], "destinations.main.endpoint", "write scheme"),
    ([("demo", {"site": "shpo"})], "demo.site", "did you mean shop?"),
    ([("demo", {"site": "shop"})], "demo.site", "add api_keys"),
]


@pytest.mark.parametrize(("changes", "key", "said"), MISFITS)
def test_what_cannot_work_is_refused(tmp_path: Path, changes: list[tuple[str, Any]], key: str, said: str) -> None:
    found = only(problems(tmp_path, *changes))

    assert found.key == key
    assert said in str(found)


def test_an_address_of_the_users_own_may_be_on_this_machine(tmp_path: Path) -> None:
    here = "http://127.0.0.1:9"
    hook = {"adapter": "webhook", "url": f"{here}/x", "secret": "${TOKEN}"}
    settings = loaded(
        tmp_path, ("destinations.main", {"adapter": "echo", "endpoint": here}), ("destinations.hook", hook)
    )

    assert [one.base_url for one in settings.destinations.values()] == [here, here]


def test_the_same_host_under_two_paths_is_two_sites(tmp_path: Path) -> None:
    settings = loaded(tmp_path, ("sites.other", {**GOOD["sites"]["shop"], "path": "/m"}))

    assert settings.sites["other"].path == "/m"


def test_an_admin_listener_with_a_password_may_be_anywhere(tmp_path: Path) -> None:
    settings = loaded(tmp_path, ("server", {"admin": "0.0.0.0:8081", "admin_password": "${TOKEN}"}))

    assert not settings.server.admin.is_loopback


def test_an_empty_password_is_none(tmp_path: Path) -> None:
    found = problems(tmp_path, ("server", {"admin": "0.0.0.0:8081", "admin_password": "${NONE:-}"}))

    assert only(found).key == "server.admin"


def test_a_password_that_could_not_be_read_is_not_also_missing(tmp_path: Path) -> None:
    found = problems(tmp_path, ("server", {"admin": "0.0.0.0:8081", "admin_password": "${NONE}"}))

    assert only(found).key == "server.admin_password"


def test_a_password_of_a_wrong_kind_is_not_also_missing(tmp_path: Path) -> None:
    found = problems(tmp_path, ("server", {"admin": "0.0.0.0:8081", "admin_password": ["x"]}))

    assert only(found).key == "server.admin_password"


def test_a_destination_that_could_not_be_read_is_still_known_by_its_name(tmp_path: Path) -> None:
    assert only(problems(tmp_path, ("destinations.main.sample", 2))).key == "destinations.main.sample"


def test_a_good_configuration_gets_no_warning(tmp_path: Path) -> None:
    assert warnings(loaded(tmp_path)) == ()


WARNINGS: list[tuple[list[tuple[str, Any]], str, str]] = [
    ([("sites.other", OTHER)], "destinations.main", "the sites shop, other share it"),
    ([("destinations.spare", GOOD["destinations"]["main"])], "destinations.spare", "no site sends to it"),
    ([("sites.other", {**OTHER, "destinations": []})], "sites.other.destinations", "go nowhere"),
    ([("sites.shop.consent", {"server_silent": "granted"})], "sites.shop.consent.server_silent", "counts as a yes"),
    ([("sites.shop.paths", {"image": "/pixel.gif"})], "sites.shop.paths.image", "know the name pixel.gif"),
    ([("sites.shop.path", "/x/Collect")], "sites.shop.path", "know the name collect"),
    ([("sites.shop.api_keys", ["${KEY}"])], "sites.shop.merge.confirm", "write confirm: [purchase]"),
    ([("sites.shop.request_keys", ["${KEY}"])], "sites.shop.merge.confirm", "write confirm: [purchase]"),
    (
        [("sites.shop.request_keys", ["${SHORT}"]), ("sites.shop.merge", {"confirm": ["purchase"]})],
        "sites.shop.request_keys[0]",
        "is shorter than 16",
    ),
    (
        [("sites.shop.api_keys", ["${SHORT}"]), ("sites.shop.merge", {"confirm": ["purchase"]})],
        "sites.shop.api_keys[0]",
        "is shorter than 16",
    ),
    ([("destinations.main.access_token", "literal")], "destinations.main.access_token", "a secret stands in the file"),
    ([("sites.shop.redirect_hosts", ["shop.example"])], "sites.shop.redirect_hosts", "there are no signing_keys"),
    ([("sites.shop.cookie_domain", "co.uk")], "sites.shop.cookie_domain", "keep no cookie"),
    ([("sites.shop.cookie_domain", "127.0.0.1")], "sites.shop.cookie_domain", "keep no cookie"),
    ([("sites.shop.cookie_domain", "other.example")], "sites.shop.cookie_domain", "refuse it from t.shop.example"),
    ([("server.trusted_proxies", ["0.0.0.0/0"])], "server.trusted_proxies[0]", "anybody may claim"),
    ([("server.country_header", "CF-IPCountry")], "server.country_header", "there are none"),
    ([("destinations.main.endpoint", "http://far.example")], "destinations.main.endpoint", "unencrypted"),
    (
        [
            ("sites.shop.api_keys", ["${KEY}"]),
            ("sites.shop.merge", {"confirm": ["purchase"]}),
            ("demo", {"site": "shop"}),
        ],
        "demo.site",
        "listen on 127.0.0.1",
    ),
]


@pytest.mark.parametrize(("changes", "key", "said"), WARNINGS)
def test_what_is_probably_not_meant_is_mentioned(
    tmp_path: Path, changes: list[tuple[str, Any]], key: str, said: str
) -> None:
    settings = loaded(tmp_path, *changes, env={**ENV, "KEY": KEY, "SHORT": "short"})

    found = only(warnings(settings))

    assert found.key == key
    assert said in str(found)
    assert found.line > 1


def test_a_parent_domain_of_every_host_is_no_oddity(tmp_path: Path) -> None:
    assert warnings(loaded(tmp_path, ("sites.shop.cookie_domain", "shop.example"))) == ()


def test_a_warning_never_shows_the_secret_it_warns_of(tmp_path: Path) -> None:
    settings = loaded(tmp_path, ("sites.shop.api_keys", ["hunter2"]), ("store.redis", "redis://:hunter2@r/0"))

    found = warnings(settings)

    assert {problem.key for problem in found} >= {"store.redis", "sites.shop.api_keys[0]"}
    assert "hunter2" not in repr(found)


def test_the_sample_that_tests_spoil_is_good() -> None:
    assert changed() == GOOD
