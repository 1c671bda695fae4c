from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from tests.commands.parts import COMMAND, KEY, Event, Gateway, beside, config_text, results, rewrite, tagway

REFUSED = ".refused.jsonl"


def lines(count: int, first: int = 0) -> str:
    return "".join(f'{{"event":"lead","value":{number}}}\n' for number in range(first, first + count))


async def test_a_file_goes_in_batches_with_the_sites_key_and_leaves_nothing_behind(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(1_201))

    done = await tagway("send", gateway.config, file)

    assert done.exit_code == 0, done.output
    assert [len(batch) for batch in gateway.api.batches] == [500, 500, 201]
    assert {headers["Authorization"] for headers in gateway.api.headers} == {f"Bearer {KEY}"}
    assert "1,201 rows" in done.stdout
    assert "1,201 accepted" in done.stdout
    assert KEY not in done.output
    assert sorted(path.name for path in gateway.folder.iterdir()) == ["leads.jsonl", "tagway.yaml"]


async def test_sending_a_file_again_sends_nothing_twice(gateway: Gateway) -> None:
    file = gateway.file("leads.csv", "event,user.email\nlead,jo@shop.example\nlead,jo@shop.example\nlead,\n")
    await tagway("send", gateway.config, file)

    again = await tagway("send", gateway.config, file)

    assert "3 rows" in again.stdout
    assert "3 duplicate" in again.stdout
    assert len(gateway.api.known) == 3
    assert again.exit_code == 0


async def test_refused_rows_are_listed_by_line_and_error_and_never_by_value(gateway: Gateway) -> None:
    file = gateway.file(
        "leads.csv", "event,user.email,items\nlead,jo@shop.example,{\n,mia@shop.example,\nlead,x@y.example,\n"
    )

    done = await tagway("send", gateway.config, file)

    listed = [json.loads(line) for line in beside(file, REFUSED) or ()]
    assert done.exit_code == 1
    assert listed == [
        {"line": 2, "reason": "unreadable", "errors": ["items: JSON expected"]},
        {"line": 3, "reason": "event", "errors": ["event: missing"]},
    ]
    assert "1 accepted, 2 refused" in done.stdout
    assert "line 3: event: missing" in done.stderr
    assert "@" not in done.output + str(listed)


async def test_a_repaired_file_sends_only_what_was_refused(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(2) + '{"value":9}\n')
    await tagway("send", gateway.config, file)
    gateway.file("leads.jsonl", lines(2) + '{"event":"lead","value":9}\n')

    done = await tagway("send", gateway.config, file)

    assert "1 accepted, 2 duplicate" in done.stdout
    assert beside(file, REFUSED) is None


async def test_a_killed_run_goes_on_where_it_was_acknowledged(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", '{"value":1}\n' + lines(1_400))
    hanging = asyncio.Event()

    async def hang(_: list[Event]) -> web.Response:
        hanging.set()
        await asyncio.sleep(60)
        raise AssertionError

    gateway.api.script = [None, None, hang]
    process = await asyncio.create_subprocess_exec(*COMMAND, "send", gateway.config, file, stderr=subprocess.DEVNULL)
    async with asyncio.timeout(30):
        await hanging.wait()
        process.kill()
        await process.wait()
    assert [len(batch) for batch in gateway.api.batches] == [500, 500]

    done = await tagway("send", gateway.config, file)

    assert [len(batch) for batch in gateway.api.batches] == [500, 500, 401]
    assert len({event.get("event_id") for event in gateway.api.events}) == 1_401
    assert "1,401 rows" in done.stdout
    assert "1,400 accepted, 1 refused" in done.stdout
    assert len(beside(file, REFUSED) or ()) == 1
    assert beside(file, ".tagway") is None


async def test_what_a_broken_run_listed_beyond_its_bookmark_is_not_listed_twice(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", '{"value":0}\n' + lines(499) + '{"value":1}\n')
    gateway.api.script = [None, lambda _: web.Response(status=401)]
    await tagway("send", gateway.config, file)
    kept = beside(file, REFUSED) or []
    gateway.file(f"{file.name}{REFUSED}", "\n".join([*kept, '{"line":501}\n']))

    await tagway("send", gateway.config, file)

    listed = [json.loads(line)["line"] for line in beside(file, REFUSED) or ()]
    assert (len(kept), listed) == (1, [1, 501])


async def test_a_file_that_changed_where_it_was_sent_is_not_guessed_at(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(600))
    gateway.api.script = [None, lambda _: web.Response(status=401)]
    broken = await tagway("send", gateway.config, file)
    gateway.file("leads.jsonl", lines(1, first=9_999) + lines(600))

    refused = await tagway("send", gateway.config, file)
    anew = await tagway("send", gateway.config, file, "--restart")

    assert (broken.exit_code, "500 rows went before that" in broken.stderr) == (2, True)
    assert refused.exit_code == 2
    assert "the file was changed where it was sent already (500 rows)" in refused.stderr
    assert "101 accepted, 500 duplicate" in anew.stdout


async def test_rows_that_were_appended_are_sent_after_a_broken_run(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(600))
    gateway.api.script = [None, lambda _: web.Response(status=401)]
    await tagway("send", gateway.config, file)
    gateway.file("leads.jsonl", lines(700))

    done = await tagway("send", gateway.config, file)

    assert "700 accepted" in done.stdout
    assert [len(batch) for batch in gateway.api.batches] == [500, 200]


async def test_a_bookmark_of_another_gateway_is_not_used(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(600))
    gateway.api.script = [None, lambda _: web.Response(status=401)]
    await tagway("send", gateway.config, file)

    other = await tagway("send", gateway.config, file, "--url", f"http://localhost:{gateway.ports[0]}")

    assert other.exit_code == 2
    assert "was sent to site shop at http://127.0.0.1:" in other.stderr


async def test_a_busy_gateway_is_asked_again(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(3))
    gateway.api.script = [
        lambda _: web.Response(status=503, headers={"Retry-After": "0"}),
        lambda _: web.Response(status=429, headers={"Retry-After": "0"}),
        lambda _: web.Response(status=502, text="<html>"),
    ]

    done = await tagway("send", gateway.config, file)

    assert "3 accepted" in done.stdout
    assert "the gateway is busy (HTTP 429); trying again in 0 s" in done.stderr


async def test_only_what_could_not_be_kept_is_sent_again(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(3))
    unkept = {"status": "refused", "reason": "unavailable", "errors": ["event: could not be kept just now"]}
    gateway.api.script = [
        lambda _: results([{"status": "accepted"}, unkept, {"status": "accepted"}], 503, **{"Retry-After": "0"})
    ]

    done = await tagway("send", gateway.config, file)

    assert [[event["value"] for event in batch] for batch in gateway.api.batches] == [[1]]
    assert (done.exit_code, "3 accepted" in done.stdout) == (0, True)


async def test_a_connection_that_breaks_is_taken_up_again(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(501))

    async def hang_up(_: list[Event]) -> web.Response:
        raise ConnectionResetError

    gateway.api.script = [None, hang_up]

    done = await tagway("send", gateway.config, file)

    assert "501 accepted" in done.stdout


async def test_what_somebody_on_the_way_finds_too_large_goes_in_halves(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(5))
    gateway.api.script = [lambda _: web.Response(status=413)] * 2

    done = await tagway("send", gateway.config, file)

    assert [event["value"] for event in gateway.api.events] == [0, 1, 2, 3, 4]
    assert len(gateway.api.batches) == 3
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (web.Response, "is no Tagway gateway (HTTP 200)"),
        (lambda: web.Response(status=404), "is no Tagway gateway (HTTP 404)"),
        (lambda: web.Response(status=401), "does not take the site's API key"),
        (lambda: web.Response(status=302, headers={"Location": "/"}), "does not take the request (HTTP 302)"),
        (lambda: results([]), "is no Tagway gateway (HTTP 200)"),
    ],
)
async def test_an_answer_that_waiting_does_not_help_ends_it(gateway: Gateway, answer: object, why: str) -> None:
    file = gateway.file("leads.jsonl", lines(1))
    gateway.api.script = [lambda _: answer()]  # type: ignore[operator]

    done = await tagway("send", gateway.config, file)

    assert done.exit_code == 2
    assert why in done.stderr
    assert KEY not in done.output
    assert beside(file, ".tagway") is None


async def test_stdin_is_a_file_without_a_bookmark(gateway: Gateway) -> None:
    done = await tagway("send", gateway.config, "-", stdin=b'[{"event":"lead"},{"event":7}]')

    assert done.exit_code == 1
    assert "event 2: event: missing" in done.stderr
    assert sorted(path.name for path in gateway.folder.iterdir()) == ["tagway.yaml"]


async def test_a_gateway_elsewhere_is_named_by_its_address(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(1))

    done = await tagway("send", gateway.config, file, "--url", f"http://127.0.0.1:{gateway.ports[0]}/m/")

    assert done.exit_code == 0
    assert len(gateway.api.events) == 1


async def test_a_file_that_breaks_in_the_middle_says_how_much_went(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(500).encode() + b'{"event":"caf\xe9"}\n')

    done = await tagway("send", gateway.config, file)

    assert done.exit_code == 2
    assert "line 501 is not UTF-8" in done.stderr
    assert "500 rows went before that" in done.stderr


async def test_nobody_there_is_said_in_plain_words_and_at_once(tmp_path: Path, unused_tcp_port: int) -> None:
    config, file = tmp_path / "c.yaml", tmp_path / "x.jsonl"
    config.write_text(config_text(unused_tcp_port, 1))
    file.write_text(lines(1))

    done = await tagway("send", config, file)

    assert done.exit_code == 2
    assert done.stderr.endswith(f"nothing answers on 127.0.0.1:{unused_tcp_port}; is `tagway serve` running?\n")
    assert beside(file, ".tagway") is None


async def test_whose_events_they_are_has_to_be_said_where_it_is_open(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(1))
    blog = "  blog: {hosts: [b.example], origins: ['https://b.example'], api_keys: [another-key-of-blog]}"
    rewrite(gateway.config, lambda text: text.replace("sites:", f"sites:\n{blog}"))

    unsaid = await tagway("send", gateway.config, file)
    wrong = await tagway("send", gateway.config, file, "--site", "shpo")
    right = await tagway("send", gateway.config, file, "--site", "blog")

    assert (unsaid.exit_code, unsaid.stderr) == (2, "say whose events they are with --site: blog, shop\n")
    assert (wrong.exit_code, wrong.stderr) == (2, "there is no site shpo; did you mean shop?\n")
    assert right.exit_code == 0
    assert gateway.api.headers[0]["Authorization"] == "Bearer another-key-of-blog"


async def test_a_site_that_signs_signs_each_batch_and_sends_no_key_it_does_not_have(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(501))
    rewrite(gateway.config, lambda text: text.replace(f"api_keys: [{KEY}]", f"request_keys: [{KEY}, the-old-key]"))

    done = await tagway("send", gateway.config, file)

    assert done.exit_code == 0, done.output
    assert KEY not in done.output
    assert not [headers for headers in gateway.api.headers if "Authorization" in headers]
    shown = [headers["X-Tagway-Signature"] for headers in gateway.api.headers]
    assert all(re.fullmatch(r"t=[0-9]+(\.[0-9]+)?,site=shop,v1=[0-9a-f]{64}", header) for header in shown)
    assert len(set(shown)) == 2


async def test_a_signature_that_is_not_taken_is_told_in_the_gateways_words(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(1))
    rewrite(gateway.config, lambda text: text.replace(f"api_keys: [{KEY}]", f"request_keys: [{KEY}]"))
    told = {"errors": ["X-Tagway-Signature: t is 400 s old"]}
    gateway.api.script = [lambda _: web.json_response(told, status=401)]

    done = await tagway("send", gateway.config, file)

    assert done.exit_code == 2
    assert "does not take the site's signature; X-Tagway-Signature: t is 400 s old" in done.stderr


async def test_a_file_that_is_not_there_is_wrong_use(gateway: Gateway) -> None:
    done = await tagway("send", gateway.config, gateway.folder / "none.csv")

    assert done.exit_code == 2
    assert "none.csv: cannot be read: No such file or directory" in done.stderr


async def test_a_folder_that_takes_no_bookmark_is_told_before_anything_goes(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(1))
    (gateway.folder / "leads.jsonl.tagway.new").mkdir()

    done = await tagway("send", gateway.config, file)

    assert done.exit_code == 2
    assert "cannot be written: Is a directory; copy the file to a folder of your own, or pipe it" in done.stderr
    assert gateway.api.events == []


async def test_warnings_are_summed_up(gateway: Gateway) -> None:
    file = gateway.file("leads.jsonl", lines(2))
    warning = {"status": "accepted", "warnings": ["valeu: unknown; did you mean value?"]}
    gateway.api.script = [lambda _: results([warning, warning])]

    done = await tagway("send", gateway.config, file)

    assert "warning (2 rows): valeu: unknown; did you mean value?" in done.stderr


def test_the_bookmark_holds_no_value_of_the_file(tmp_path: Path) -> None:
    from gateway.commands.bookmark import Bookmark

    mark = Bookmark(path=tmp_path / "x.tagway", site="shop", target="http://127.0.0.1:1/api/events", rows=3)
    mark.counts["accepted"] = 3
    mark.write()

    same = Bookmark(path=mark.path, site=mark.site, target=mark.target)
    same.restore()

    assert same == mark
    assert orjson.loads((tmp_path / "x.tagway").read_bytes()).keys() == {
        *("version", "site", "target", "rows", "digest", "refused_bytes", "counts", "reasons", "warnings"),
    }


@pytest.mark.parametrize("file", [".", "/", "..", ""])
async def test_a_folder_is_no_file_of_events(gateway: Gateway, file: str) -> None:
    done = await tagway("send", gateway.config, file)

    assert (done.exit_code, gateway.api.batches) == (2, [])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert done.stderr.count("\n") == 1
