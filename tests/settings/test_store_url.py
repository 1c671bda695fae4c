"""Where the store is: every form is read, and a wrong one is told without the password in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.adapter import Secret
from gateway.settings import ConfigError, load
from gateway.settings.store_url import Kind, Login, Tls, store_url

PASSWORD = "hunter2"


def test_one_server_is_read_with_its_user_and_database() -> None:
    told = store_url("redis://tagway:p%40ss%2Fw@cache.shop.example:6380/3")

    assert told.kind is Kind.ONE
    assert told.places == (("cache.shop.example", 6380),)
    assert told.login == Login(user="tagway", password=Secret("p@ss/w"))
    assert (told.db, told.tls) == (3, None)


@pytest.mark.parametrize(
    ("text", "path", "db"),
    [("unix:///run/r.sock?db=2", "/run/r.sock", 2), ("unix:///run/a%20b.sock", "/run/a b.sock", 0)],
)
def test_a_unix_socket_is_read(text: str, path: str, db: int) -> None:
    told = store_url(text)

    assert (told.path, told.db, told.places) == (path, db, ())


def test_a_cluster_is_some_of_its_nodes() -> None:
    told = store_url("redis+cluster://:pw@a:7000,[2001:db8::1]:7001,c")

    assert told.kind is Kind.CLUSTER
    assert told.places == (("a", 7000), ("2001:db8::1", 7001), ("c", 6379))
    assert told.login == Login(password=Secret("pw"))


def test_sentinels_name_a_master_and_may_have_a_password_of_their_own() -> None:
    told = store_url("redis+sentinel://u:pw@a,b:26380/shop/1?sentinel_username=s&sentinel_password=sp")

    assert told.kind is Kind.SENTINEL
    assert told.places == (("a", 26379), ("b", 26380))
    assert (told.master, told.db) == ("shop", 1)
    assert told.login == Login(user="u", password=Secret("pw"))
    assert told.sentinel_login == Login(user="s", password=Secret("sp"))


@pytest.mark.parametrize("form", ["rediss://r", "rediss+cluster://r", "rediss+sentinel://r/m"])
def test_each_form_speaks_tls(form: str) -> None:
    assert store_url(form).tls == Tls()
    assert store_url(f"{form}?ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem").tls == Tls(
        ca_file="/ca.pem", cert_file="/c.pem", key_file="/k.pem"
    )
    assert store_url(f"{form}?ssl_check_hostname=false").tls == Tls(checks_host=False)
    assert store_url(f"{form}?ssl_cert_reqs=none").tls == Tls(is_verified=False, checks_host=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://:hunter2@r", "write redis://"),
        ("redis:hunter2", "write redis://"),
        ("redis://", "write redis://"),
        ("redis://[hunter2", "write redis://"),
        ("redis://:hunter2@r:port", "write redis://"),
        ("redis://u:hunter2/x@r", "the database is a number"),
        ("redis://u:hunter2 x@r", "write redis://"),
        ("redis://u:hunter2#x@r", "write redis://"),
        ("redis://u:x?hunter2=1@r", "unknown option"),
        ("redis://u:hunter2@r:99999/0", "a port is a number up to 65535"),
        ("redis://u:hunter2@r/first", "the database is a number"),
        ("redis://hunter2@r/0", "a user needs a password"),
        ("redis://:hunter2@r?ssl_ca_certs=/x", "write rediss"),
        ("rediss://:hunter2@r?ssl_ca_cert=/x", "did you mean ssl_ca_certs?"),
        ("rediss://:hunter2@r?ssl_certfile=/x", "belong together"),
        ("rediss://:hunter2@r?ssl_cert_reqs=maybe", "required or none"),
        ("rediss://:hunter2@r?ssl_check_hostname=maybe", "true or false"),
        ("redis://:hunter2@a,b/0", "write redis+cluster:// or redis+sentinel://"),
        ("redis+cluster://:hunter2@a/3", "database 0 only"),
        ("redis+sentinel://:hunter2@a:26379", "name the master"),
        ("unix://:hunter2@", "write redis://"),
        ("unix+cluster:///hunter2", "write redis://"),
    ],
)
def test_what_is_wrong_is_told_without_the_password(text: str, said: str) -> None:
    with pytest.raises(ValueError) as told:
        store_url(text)

    assert said in str(told.value)
    assert PASSWORD not in str(told.value)


def test_the_configuration_is_refused_with_a_place_and_without_the_password(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("store: {redis: 'redis+cluster://u:hunter2@a:1/5', shards: 64}\n")

    with pytest.raises(ConfigError) as told:
        load(path, env={})

    said = str(told.value)
    assert "store.redis: a cluster has database 0 only" in said
    assert "store.shards: has to be at most 32" in said
    assert PASSWORD not in said
