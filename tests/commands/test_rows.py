from __future__ import annotations

import io
from typing import Any

import pytest

from gateway.commands.rows import Row, Rows, UnreadableError


def read(text: str | bytes, name: str = "-") -> list[Row]:
    return list(Rows(io.BytesIO(text.encode() if isinstance(text, str) else text), name))


def events(text: str | bytes, name: str = "-") -> list[dict[str, Any]]:
    rows = read(text, name)
    assert [row.error for row in rows if row.error] == []
    return [row.event for row in rows if row.event is not None]


def names(text: str) -> list[str]:
    return [event["event_id"] for event in events(text)]


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"lead","event_id":"1"}',
        '[{"event":"lead","event_id":"1"}]',
        '{\n "events": [\n  {"event": "lead", "event_id": "1"}\n ]\n}',
        '{"events":[{"event":"lead","event_id":"1"}]}',
        '\n\n{"event":"lead","event_id":"1"}\n\n',
        "\ufeffevent,event_id\nlead,1\n",
        "event;event_id\r\nlead;1\r\n;\r\n",
        "event\tevent_id\nlead\t1",
    ],
)
def test_every_form_of_one_event_is_read(text: str) -> None:
    assert events(text) == [{"event": "lead", "event_id": "1"}]


def test_a_consent_beside_the_events_speaks_for_those_that_have_none() -> None:
    silent, heard = '{"event":"a","event_id":"1"}', '{"event":"b","event_id":"2","consent":{}}'

    text = '{"consent":{"ad_storage":"granted"},"events":[' + f"{silent},{heard}]}}"

    assert [event["consent"] for event in events(text)] == [{"ad_storage": "granted"}, {}]


def test_dotted_columns_nest_and_items_are_json_and_empty_cells_say_nothing() -> None:
    text = (
        "event,event_id,user.email,user.city,value,items,test,properties.plan\n"
        'purchase,1,jo@shop.example,,49.90,"[{""item_id"":""A""}]",TRUE,gold\n'
    )

    assert events(text) == [
        {
            "event": "purchase",
            "event_id": "1",
            "user": {"email": "jo@shop.example"},
            "value": "49.90",
            "items": [{"item_id": "A"}],
            "test": True,
            "properties": {"plan": "gold"},
        }
    ]


def test_a_quoted_cell_may_hold_delimiters_quotes_and_line_ends() -> None:
    rows = read('event,event_id,page_title\nlead,1,"a, ""b""\nc"\nlead,2,d\n')

    assert [(row.number, row.event and row.event["page_title"]) for row in rows] == [(2, 'a, "b"\nc'), (4, "d")]


def test_a_bad_row_is_told_by_its_line_and_the_others_go_on() -> None:
    text = (
        'event,event_id,items,test\nlead,1,{,\nlead,2,,perhaps\nlead,3,,,secret@shop.example\nlead,"4"x,,\nlead,5,,\n'
    )

    rows = read(text)

    assert [(row.at, row.error) for row in rows if row.error] == [
        ("line 2", "items: JSON expected"),
        ("line 3", "test: true or false expected"),
        ("line 4", "more cells than the header has columns"),
        ("line 5", "not CSV: a quote that does not fit"),
    ]
    assert [row.event for row in rows if row.event] == [{"event": "lead", "event_id": "5"}]


def test_a_broken_json_line_costs_itself_alone() -> None:
    rows = read('{"event":"a","event_id":"1"}\n{"event":\n[]\n\n{"event":"b","event_id":"2"}', "x.jsonl")

    assert [(row.at, row.error) for row in rows] == [
        ("line 1", ""),
        ("line 2", "not JSON"),
        ("line 3", "an object expected"),
        ("line 5", ""),
    ]


def test_lines_by_name_are_lines_even_when_the_first_is_broken() -> None:
    assert [row.error for row in read('{"event":\n{"event":"b"}\n', "leads.jsonl")] == ["not JSON", ""]


def test_an_event_beyond_the_limit_is_refused_before_it_travels() -> None:
    assert read('{"event":"a","x":"' + "y" * 70_000 + '"}')[0].error == "larger than 65536 bytes"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("name,email\nJo,jo@shop.example\n", "no column is called event; the first line has to name the columns"),
        ("event,value,value\n", "the header names a column twice"),
        ("event,user,user.email\n", "a column stands beside columns of its parts (user beside user.email)"),
        ("event,user..email\n", "a column's name begins, ends or goes on with a dot alone"),
        ('[{"event":"jo@shop.example"', "not JSON: line 1, column 28: unexpected end of data"),
        ('{"events": 7}', 'neither an event, nor a list of events, nor {"events": [...]}'),
        (b"event,page_title\nlead,caf\xe9\n", "line 2 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_file_that_is_none_is_unreadable_and_its_text_is_not_repeated(text: str | bytes, why: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(text)

    assert str(caught.value) == why


def test_the_same_row_gets_the_same_id_wherever_it_stands() -> None:
    before = names('{"event":"lead","value":1}\n{"event":"lead","value":2}\n')
    after = names('{"event":"new","value":0}\n{"value":2,"event":"lead"}\n{"value":1,"event":"lead"}\n')

    assert set(before) < set(after)
    assert len(set(after)) == 3


def test_two_equal_rows_stay_two_events_and_the_same_two() -> None:
    text = '{"event":"lead","value":1}\n' * 3

    assert len(set(names(text))) == 3
    assert names(text) == names(text)


def test_an_id_of_ones_own_is_kept_and_an_order_needs_none() -> None:
    kept, order, unnamed = events(
        '{"event":"lead","event_id":"mine"}\n{"event":"purchase","transaction_id":"7"}\n{"event":"purchase"}\n'
    )

    assert kept["event_id"] == "mine"
    assert "event_id" not in order
    assert unnamed["event_id"].startswith("file-")


def test_a_file_is_sent_now_whatever_it_says_of_sending() -> None:
    assert "sent_at" not in events('{"event":"lead","event_id":"1","timestamp":5,"sent_at":6}')[0]


def test_the_digest_is_of_what_was_read_so_far() -> None:
    short = Rows(io.BytesIO(b'{"event":"a"}\n{"event":"b"}'))
    long = Rows(io.BytesIO(b'{"event":"a"}\r\n{"event":"b"}\n\n{"event":"c"}\n'))
    other = Rows(io.BytesIO(b'{"event":"a"}\n{"event":"x"}\n'))

    ends = []
    for rows in (short, long, other):
        reader = iter(rows)
        next(reader), next(reader)
        ends.append(rows.digest)

    assert ends[0] == ends[1] != ends[2]
