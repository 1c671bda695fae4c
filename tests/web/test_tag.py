"""The tag as it is served."""

from __future__ import annotations

import gzip

import pytest

from gateway.core.site import PathNames
from tests.web import parts
from tests.web.parts import Gate, Open


async def test_the_tag_is_a_script_that_may_be_kept_for_a_while(gate: Gate) -> None:
    status, headers, body = await gate.ask("GET", "/t.js", headers={"Accept-Encoding": "identity"})

    assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age=300" in headers["Cache-Control"]
    assert "Set-Cookie" not in headers
    assert b'"events":"e"' in body
    assert (await gate.ask("GET", "/tag.js"))[2].replace(b"/tag.js", b"/t.js") == body


async def test_a_browser_that_has_the_tag_is_told_so(gate: Gate) -> None:
    _, headers, _ = await gate.ask("GET", "/t.js")

    status, again, body = await gate.ask("GET", "/t.js", headers={"If-None-Match": f'"other", {headers["ETag"]}'})
    other, _, whole = await gate.ask("GET", "/t.js", headers={"If-None-Match": '"other"'})

    assert (status, again["ETag"], body) == (304, headers["ETag"], b"")
    assert (other, len(whole) > 1000) == (200, True)


async def test_a_changed_rule_is_another_tag(gate: Gate, open_gate: Open) -> None:
    renamed = await open_gate(parts.site(paths=PathNames(events="/b")))

    assert (await gate.ask("GET", "/t.js"))[1]["ETag"] != (await renamed.ask("GET", "/t.js"))[1]["ETag"]


async def test_the_tag_travels_packed_to_who_can_unpack_it(gate: Gate) -> None:
    _, headers, plain = await gate.ask("GET", "/t.js", headers={"Accept-Encoding": "identity"})
    async with gate.http.get(gate.url("/t.js"), headers={"Accept-Encoding": "gzip"}) as answer:
        packed_headers, unpacked = answer.headers, await answer.read()

    assert "Content-Encoding" not in headers
    assert packed_headers["Content-Encoding"] == "gzip"
    assert int(packed_headers["Content-Length"]) == len(gzip.compress(plain, mtime=0))
    assert unpacked == plain
    assert headers["Vary"] == packed_headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["/m/c.js", "/m/tag.js"])
async def test_a_renamed_tag_below_a_mount_knows_its_neighbours(open_gate: Open, path: str) -> None:
    names = PathNames(tag="/c.js", events="/x/b", image="/a.gif")
    gate = await open_gate(parts.site(path="/m", paths=names))

    status, _, body = await gate.ask("GET", path, headers={"Accept-Encoding": "identity"})

    assert status == 200
    assert f'"tag":"{path}","events":"x/b","image":"a.gif"'.encode() in body
    assert (await gate.ask("GET", "/c.js"))[0] == 404
    assert (await gate.ask("GET", "/m/t.js"))[0] == 404


async def test_a_script_for_nobody_is_not_found(gate: Gate) -> None:
    assert (await gate.ask("GET", "/t.js", headers={"Host": "nobody.example"}))[0] == 404
    assert (await gate.ask("POST", "/t.js"))[0] == 405
    assert (await gate.ask("HEAD", "/t.js"))[0] == 200
