"""YAML as people write it: what is read, what is refused, and where a message points."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import document
from gateway.settings.problems import ConfigError, Problem


def read(folder: Path, text: str | bytes, **env: str) -> document.Document:
    path = folder / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return document.read(path, env)


def refusal(folder: Path, text: str | bytes) -> Problem:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    return caught.value.problems[0]


def test_words_and_numbers_are_read_as_yaml_1_2(tmp_path: Path) -> None:
    text = "{a: NO, b: yes, c: true, d: 12, e: 1.5, f: ~, g: '12', h: 2026-01-01}"

    found = read(tmp_path, text)

    expected = {"a": "NO", "b": "yes", "c": True, "d": 12, "e": 1.5, "f": None, "g": "12", "h": "2026-01-01"}
    assert found.data == expected


@pytest.mark.parametrize("written", ["0123", "1.10", "1_000", "0x10", "1e5"])
def test_a_number_that_would_lose_something_stays_as_it_is_written(tmp_path: Path, written: str) -> None:
    assert read(tmp_path, f"id: {written}").data == {"id": written}


def test_json_is_yaml(tmp_path: Path) -> None:
    assert read(tmp_path, '{\n "a": {"b": ["\\u00fc", "\\ud83d\\ude00"]}\n}').data == {"a": {"b": ["ü", "😀"]}}


def test_every_value_knows_its_line_and_column(tmp_path: Path) -> None:
    found = read(tmp_path, "a:\n  b: 1\n  c: [x, {d: 2}]\n")

    places = {place: (mark.line, mark.column) for place, mark in found.marks.items()}
    expected = {
        (): (1, 1),
        ("a",): (1, 1),
        ("a", "b"): (2, 3),
        ("a", "c"): (3, 3),
        ("a", "c", 0): (3, 7),
        ("a", "c", 1): (3, 10),
        ("a", "c", 1, "d"): (3, 11),
    }
    assert places == expected


def test_a_key_that_is_written_twice_is_a_problem_that_names_the_first(tmp_path: Path) -> None:
    found = read(tmp_path, "a: 1\nb: 2\na: 3\n")

    assert [(problem.line, problem.message) for problem in found.problems] == [
        (3, "is written twice; the first is on line 1")
    ]


def test_variables_are_filled_in_and_may_have_a_default(tmp_path: Path) -> None:
    text = "{a: '${X}', b: '${Y:-dflt}', c: '${EMPTY:-dflt}', d: 'a${X}b${X}', e: '$${X}', f: '${EMPTY}', g: '${Y:-}'}"

    found = read(tmp_path, text, X="x", EMPTY="")

    expected = {"a": "x", "b": "dflt", "c": "dflt", "d": "axbx", "e": "${X}", "f": None, "g": None}
    assert found.data == expected
    assert not found.problems


def test_a_value_is_not_filled_in_twice(tmp_path: Path) -> None:
    assert read(tmp_path, "a: ${X}", X="${Y}", Y="no").data == {"a": "${Y}"}


def test_a_variable_cannot_bring_yaml_with_it(tmp_path: Path) -> None:
    assert read(tmp_path, "a: ${X}", X="1\nb: 2").data == {"a": "1\nb: 2"}


def test_every_missing_variable_is_named_with_its_line(tmp_path: Path) -> None:
    found = read(tmp_path, "a: ${ONE}\nb: [x, '${TWO}']\n")

    assert [(problem.line, problem.key, problem.message) for problem in found.problems] == [
        (1, "a", "the environment has no ONE"),
        (2, "b[1]", "the environment has no TWO"),
    ]


@pytest.mark.parametrize("text", ["${", "${}", "${1X}", "${X-y}", "a${X"])
def test_half_a_variable_is_a_problem(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, f"a: '{text}'", X="x")

    assert "that is no ${NAME}" in found.problems[0].message


@pytest.mark.parametrize(
    "content", [b"two words\n", b"two words\r\n\r\n", b"\t two words \n\n", b"\xef\xbb\xbftwo words"]
)
def test_a_file_is_read_without_the_white_space_around_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)

    found = read(tmp_path, f"a: file:{tmp_path}/secret\nb: file:${{DIR}}/secret", DIR=f"{tmp_path}\n")

    assert found.data == {"a": "two words", "b": "two words"}


def test_a_variable_brings_no_white_space_around_it(tmp_path: Path) -> None:
    found = read(tmp_path, 'a: ${X}\nb: "<${X}>"\nc: ${EMPTY:-default}\nd: ${EMPTY}\n', X=" a b\r\n", EMPTY="\n")

    assert found.data == {"a": "a b", "b": "<a b>", "c": "default", "d": None}


def test_what_is_written_in_quotes_keeps_its_blanks(tmp_path: Path) -> None:
    assert read(tmp_path, 'a: " x "').data == {"a": " x "}


def test_a_files_name_that_cannot_be_one_is_a_problem(tmp_path: Path) -> None:
    assert "absolute" in read(tmp_path, 'a: "file:/run/\\0x"').problems[0].message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" \n\n", "is empty"),
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"\xff", "is not UTF-8"),
        (b"x" * 65_537, "larger"),
    ],
)
def test_a_secret_file_that_cannot_serve_is_a_problem(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)

    found = read(tmp_path, f"a: file:{tmp_path}/secret")

    assert message in found.problems[0].message


def test_a_relative_file_is_a_problem(tmp_path: Path) -> None:
    assert "absolute" in read(tmp_path, "a: file:secret").problems[0].message


def test_what_stands_in_the_file_itself_is_told_apart_from_what_comes_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")

    found = read(tmp_path, f"a: text\nb: ${{X}}\nc: file:{tmp_path}/secret\n", X="x")

    assert [found.marks[(key,)].literal for key in "abc"] == [True, False, False]


def test_an_alias_repeats_a_part(tmp_path: Path) -> None:
    assert read(tmp_path, "a: &x {b: 1}\nc: *x\n").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    levels = "".join(f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 9)}]\n" for at in range(1, 10))

    assert "aliases written out" in refusal(tmp_path, f"l0: &l0 [x]\n{levels}").message


def test_an_alias_of_itself_is_refused(tmp_path: Path) -> None:
    found = read(tmp_path, "a: &x [*x]")

    assert "nests deeper" in found.problems[0].message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("a: [1", "not YAML"),
        ("a: 1\n b: 2\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("a: \x00\n", "not YAML"),
        (b"a: \xff\n", "not UTF-8"),
        ("[" * 5000, "nests deeper"),
        ("a" * (document.MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_configuration_is_refused_at_once(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in refusal(tmp_path, text).message


def test_a_refusal_points_at_its_line_and_shows_nothing_of_the_file(tmp_path: Path) -> None:
    found = refusal(tmp_path, 'a: 1\nb: "hunter2\n')

    assert found.line > 1
    assert "hunter2" not in str(found)


def test_tags_and_merge_keys_are_problems(tmp_path: Path) -> None:
    found = read(tmp_path, "a: !!python/object:os.system x\nb: {<<: {c: 1}}\n")

    assert [problem.line for problem in found.problems] == [1, 2]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        document.read(tmp_path / "none.yaml", {})
