"""Routes of vendor scripts that could never answer, or not within bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.settings import warnings
from tests.settings.given import GOOD, loaded, only, problems

UPSTREAM = "https://vendor.example/lib.js"
OTHER: dict[str, Any] = {**GOOD["sites"]["shop"], "hosts": ["t.other.example"]}


def route(path: str = "/lib/a.js", upstream: str = UPSTREAM, **query: list[str]) -> dict[str, Any]:
    return {"path": path, "upstream": upstream, "query": query}


MISFITS: list[tuple[list[tuple[str, Any]], str, str]] = [
    ([("sites.shop.proxy", [route(), route()])], "sites.shop.proxy[1].path", "is the path of sites.shop.proxy[0].path"),
    ([("sites.shop.proxy", [route("/i")])], "sites.shop.proxy[0].path", "is the path of sites.shop.paths.image"),
    ([("sites.shop.proxy", [route("/g/collect")])], "sites.shop.proxy[0].path", "answers something else there"),
    ([("sites.shop.proxy", [route("/")])], "sites.shop.proxy[0].path", "is the site's own path"),
    ([("sites.shop.proxy", [route("/a/../b")])], "sites.shop.proxy[0].path", "write a path"),
    ([("sites.shop.proxy", [route(id=[])])], "sites.shop.proxy[0].query.id", "none of its values may pass"),
    (
        [("sites.shop.proxy", [route(id=[str(n) for n in range(22)], l=[str(n) for n in range(22)])])],
        "sites.shop.proxy[0].query",
        "more than 500 different scripts",
    ),
    (
        [("sites.shop.proxy", [route("/m/a.js")]), ("sites.other", {**GOOD["sites"]["shop"], "path": "/m"})],
        "sites.shop.proxy[0].path",
        "site other answers everything below its path there",
    ),
    (
        [
            ("sites.shop.proxy", [route(upstream="https://t.other.example/m/b.js")]),
            ("sites.other", {**OTHER, "path": "/m", "proxy": [route("/b.js")]}),
        ],
        "sites.shop.proxy[0].upstream",
        "it would ask itself",
    ),
]


@pytest.mark.parametrize(("changes", "key", "said"), MISFITS)
def test_a_route_that_cannot_work_is_refused(
    tmp_path: Path, changes: list[tuple[str, Any]], key: str, said: str
) -> None:
    found = only(problems(tmp_path, *changes))

    assert found.key == key
    assert said in str(found)


@pytest.mark.parametrize(
    "upstream",
    [
        "http://vendor.example/lib.js",
        "http://10.0.0.1/lib.js",
        "ftp://vendor.example/lib.js",
        "https://vendor.example",
        "https://vendor.example/lib.js?",
        "https://vendor.example/lib.js?id=1",
        "https://vendor.example/lib.js#x",
        "https://user:word@vendor.example/lib.js",
        "https://vendor.example\\@evil.example/lib.js",
        "//vendor.example/lib.js",
        "/lib.js",
    ],
)
def test_an_upstream_is_one_plain_address(tmp_path: Path, upstream: str) -> None:
    found = only(problems(tmp_path, ("sites.shop.proxy", [route(upstream=upstream)])))

    assert found.key == "sites.shop.proxy[0].upstream"
    assert upstream not in str(found)


def test_several_routes_on_several_sites_are_fine(tmp_path: Path) -> None:
    routes = [route(id=["A", "B"]), route("/lib/b.js", "http://127.0.0.1:9/b.js")]
    other = {**GOOD["sites"]["shop"], "path": "/m", "proxy": routes}

    settings = loaded(tmp_path, ("sites.shop.proxy", routes), ("sites.other", other))

    assert settings.sites["shop"].proxy == settings.sites["other"].proxy
    assert settings.sites["shop"].proxy[0].query == {"id": ("A", "B")}


def test_a_name_that_blockers_know_is_worth_a_warning(tmp_path: Path) -> None:
    settings = loaded(tmp_path, ("sites.shop.proxy", [route("/gtag/js"), route("/lib/a.js")]))

    assert "sites.shop.proxy[0].path" in {problem.key for problem in warnings(settings)}
    assert "sites.shop.proxy[1].path" not in {problem.key for problem in warnings(settings)}
