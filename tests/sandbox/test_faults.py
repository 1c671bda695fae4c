from __future__ import annotations

import pytest

from gateway.sandbox.faults import Fault, Script, read_script

PLACES = ("token", "events")


def test_one_fault_or_a_list_is_read() -> None:
    assert read_script({"status": 503, "times": 3}, PLACES) == (Fault(act="status", value=503, times=3),)
    assert read_script([{"reset": True}, {"delay_s": 5}], PLACES) == (
        Fault(act="reset"),
        Fault(act=None, delay_s=5.0),
    )
    assert read_script([], PLACES) == ()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"statsu": 503}, "did you mean status?"),
        ({"throtle": True}, "did you mean throttle?"),
        ({"delay": 5}, "did you mean delay_s?"),
        ({"reset": True, "at": "tokens"}, "did you mean token?"),
        ({"status": "503"}, "from 200 to 599"),
        ({"status": 99}, "from 200 to 599"),
        ({"status": 503, "reset": True}, "exclude each other"),
        ({"times": 2}, "no fault named"),
        ({"reset": True, "times": 0}, "times"),
        ({"reset": True, "times": True}, "times"),
        ({"delay_s": -1}, "delay_s"),
        ({"delay_s": 601}, "delay_s"),
        ({"status": 503, "retry_after_s": "1"}, "retry_after_s"),
        ({"token": "lost"}, "expired"),
        ({"refuse_id": ""}, "refuse_id"),
        ({"reset": 1}, "true is expected"),
        ("reset", "object"),
    ],
)
def test_wrong_fault_is_told_the_right_word(told: object, said: str) -> None:
    read = read_script(told, PLACES)

    assert isinstance(read, str)
    assert said in read


def test_an_error_is_asked_for_by_its_code_as_text_or_number() -> None:
    assert read_script({"error": 40002, "row": 1}, PLACES, ("40001", "40002")) == (
        Fault(act="error", value="40002", row=1),
    )
    assert Fault(act="error", value="40002", row=1).said() == {"error": "40002", "row": 1, "times": 1}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"error": "4002"}, "did you mean 40002?"),
        ({"error": "oops"}, "known are 40001, 40002"),
        ({"error": "40002", "row": -1}, "row"),
        ({"error": "40002", "row": True}, "row"),
        ({"status": 503, "row": 1}, "beside error"),
    ],
)
def test_an_error_that_is_none_of_the_platforms_is_told_the_right_code(told: object, said: str) -> None:
    read = read_script(told, PLACES, ("40001", "40002"))

    assert isinstance(read, str)
    assert said in read


def test_a_platform_without_a_table_knows_no_error() -> None:
    assert read_script({"error": "1"}, PLACES) == "error: not a code of this platform; known are none"


def test_script_is_played_in_order_each_as_often_as_told() -> None:
    script = Script()
    script.write((Fault(act="status", value=503, times=2), Fault(act="reset")))

    acts = [fault.act if (fault := script.turn("events", ())) else None for _ in range(4)]

    assert acts == ["status", "status", "reset", None]


def test_fault_meant_for_another_place_stays() -> None:
    script = Script()
    script.write((Fault(act="reset", at="token"), Fault(act="throttle")))

    assert [script.turn("events", ()), script.turn("events", ())] == [Fault(act="throttle"), None]
    assert script.remaining() == (Fault(act="reset", at="token"),)


def test_refused_id_stands_and_spares_batches_without_it() -> None:
    script = Script()
    read = read_script({"refuse_id": "X"}, PLACES)
    assert isinstance(read, tuple)
    script.write(read)

    turns = [script.turn("events", ids) is not None for ids in ({"X", "Y"}, {"Y"}, {"X"}, {"X"})]

    assert turns == [True, False, True, True]
    assert script.remaining()[0].said() == {"refuse_id": "X", "times": None}
