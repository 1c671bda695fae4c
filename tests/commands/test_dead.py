from __future__ import annotations

import json
from pathlib import Path

from tests.commands.parts import PASSWORD, Gateway, a_letter, config_text, tagway


async def test_the_list_names_each_letter_with_its_reason(gateway: Gateway) -> None:
    gateway.admin.dead = [a_letter("l1"), a_letter("l2", "hook", event_id="\x1b[2Jx")]

    done = await tagway("dead", gateway.config, "list")

    rows = [line.split() for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert rows[1][:7] == ["l1", "echo", "purchase", "e-l1", "dead:rejected", "100/2804003", "3"]
    assert "2026-11-22 00:00:00.250 UTC" in done.stdout
    assert "\x1b" not in done.stdout


async def test_the_list_is_json_where_it_is_asked_for(gateway: Gateway) -> None:
    gateway.admin.dead = [a_letter("l1"), a_letter("l2", "hook")]

    done = await tagway("dead", gateway.config, "list", "--json", "--destination", "hook")

    assert json.loads(done.stdout) == [gateway.admin.dead[1]]


async def test_no_letters_are_good_news(gateway: Gateway) -> None:
    done = await tagway("dead", gateway.config, "list")

    assert (done.exit_code, done.stdout) == (0, "no dead letters\n")


async def test_one_is_shown_by_its_own_id_or_its_events(gateway: Gateway) -> None:
    gateway.admin.dead = [a_letter("l1"), a_letter("l2", request=None)]

    done = await tagway("dead", gateway.config, "show", "l1", "e-l2")
    unknown = await tagway("dead", gateway.config, "show", "l9")

    assert "outcome: dead:rejected (100/2804003)" in done.stdout
    assert '"value": 10' in done.stdout
    assert "sent: no longer kept" in done.stdout
    assert (unknown.exit_code, unknown.stderr) == (1, "no dead letter: l9\n")


async def test_a_letter_is_sent_again_and_only_that(gateway: Gateway) -> None:
    gateway.admin.dead = [a_letter("l1"), a_letter("l2", "hook")]

    done = await tagway("dead", gateway.config, "replay", "e-l2")

    assert (done.exit_code, done.stdout) == (0, "1 dead letter: will be sent again\n")
    assert [letter["id"] for letter in gateway.admin.dead] == ["l1"]


async def test_what_is_not_there_any_more_is_bad(gateway: Gateway) -> None:
    named = await tagway("dead", gateway.config, "replay", "l9", "--destination", "echo")
    unnamed = await tagway("dead", gateway.config, "replay", "l9")

    assert (named.exit_code, named.stdout, named.stderr) == (1, "", "no dead letter of echo: l9\n")
    assert (unnamed.exit_code, unnamed.stdout, unnamed.stderr) == (1, "", "no dead letter: l9\n")


async def test_what_goes_meanwhile_is_told(gateway: Gateway) -> None:
    gateway.admin.dead = [a_letter("l1")]
    gateway.admin.is_hasty = True

    done = await tagway("dead", gateway.config, "replay", "l1")

    assert (done.exit_code, done.stdout) == (1, "1 dead letter: not there any more\n")


async def test_a_list_says_how_to_come_to_the_next(gateway: Gateway) -> None:
    gateway.admin.dead = [a_letter("l1"), a_letter("l2", "hook"), a_letter("l3")]

    first = await tagway("dead", gateway.config, "list", "--limit", "2")
    place = first.stdout.splitlines()[-1].rpartition(" ")[2]
    second = await tagway("dead", gateway.config, "list", "--limit", "2", "--before", place)

    assert first.stdout.splitlines()[-1] == "2 of 3; the next ones: --before 1795305600.25/hook/l2"
    assert [line.split()[0] for line in second.stdout.splitlines()[1:]] == ["l3"]


async def test_all_are_done_however_many_there_are(gateway: Gateway) -> None:
    gateway.admin.dead, gateway.admin.at_once = [a_letter(f"l{number}") for number in range(7)], 3

    done = await tagway("dead", gateway.config, "drop", "--all", "--yes")

    assert (done.exit_code, done.stdout, gateway.admin.dead) == (0, "7 dead letters: dropped\n", [])


async def test_those_of_a_destination_that_left_are_not_said_to_go_again(gateway: Gateway) -> None:
    gateway.admin.dead, gateway.admin.gone = [a_letter("l1"), a_letter("l2", "old")], ["old"]

    done = await tagway("dead", gateway.config, "replay", "--all", "--yes")

    assert (done.exit_code, done.stdout.splitlines()[0]) == (1, "1 dead letter: will be sent again")
    assert "1 dead letter: cannot be sent again before its destination is back in the configuration" in done.stdout
    assert [letter["id"] for letter in gateway.admin.dead] == ["l2"]
    dropped = await tagway("dead", gateway.config, "drop", "--all", "--destination", "old", "--yes")
    assert (dropped.exit_code, dropped.stdout) == (0, "1 dead letter: dropped\n")


async def test_all_are_replayed_in_every_destination_once_it_is_confirmed(gateway: Gateway) -> None:
    gateway.admin.dead = [a_letter("l1"), a_letter("l2", "hook"), a_letter("l3", "hook")]

    unasked = await tagway("dead", gateway.config, "replay", "--all")
    done = await tagway("dead", gateway.config, "replay", "--all", "--yes")

    assert unasked.exit_code == 2
    assert unasked.stderr == "replay 3 dead letters of echo, hook? Say --yes: nobody is there to be asked\n"
    assert done.stdout == "3 dead letters: will be sent again\n"
    assert gateway.admin.dead == []


async def test_nothing_is_dropped_without_a_yes(gateway: Gateway) -> None:
    gateway.admin.dead = [a_letter("l1"), a_letter("l2", "hook")]

    unasked = await tagway("dead", gateway.config, "drop", "l1")
    done = await tagway("dead", gateway.config, "drop", "--all", "--destination", "hook", "--yes", "--json")

    assert unasked.exit_code == 2
    assert json.loads(done.stdout) == [{"id": "l2", "result": "dropped"}]
    assert [letter["id"] for letter in gateway.admin.dead] == ["l1"]


async def test_all_and_some_at_once_and_neither_are_wrong_use(gateway: Gateway) -> None:
    for arguments in (["replay"], ["drop", "l1", "--all"], ["show"], ["bury"]):
        assert (arguments, (await tagway("dead", gateway.config, *arguments)).exit_code) == (arguments, 2)

    done = await tagway("dead", gateway.config, "list", "--destination", "ehco")
    assert (done.exit_code, done.stderr) == (2, "there is no destination ehco; did you mean echo?\n")


async def test_a_wrong_password_is_said_and_not_printed(gateway: Gateway) -> None:
    gateway.config.write_text(config_text(*gateway.ports).replace(PASSWORD, "yesterdays-password"))

    done = await tagway("dead", gateway.config, "list")

    assert done.exit_code == 2
    assert "does not take server.admin_password" in done.stderr
    assert "yesterdays-password" not in done.output


async def test_nobody_there_is_said_in_plain_words(tmp_path: Path, unused_tcp_port: int) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(config_text(1, unused_tcp_port))

    for command, *arguments in (["dead", "list"], ["explain", "e-1"], ["tail"]):
        done = await tagway(command, config, *arguments)

        assert done.exit_code == 2
        assert done.stderr == f"nothing answers on 127.0.0.1:{unused_tcp_port}; is `tagway serve` running?\n"


async def test_somebody_else_on_the_port_is_no_gateway(gateway: Gateway) -> None:
    gateway.config.write_text(config_text(1, gateway.ports[0]))

    done = await tagway("dead", gateway.config, "list")

    assert done.exit_code == 2
    assert "is no Tagway gateway (HTTP 404, and no JSON)" in done.stderr
