from __future__ import annotations

import pytest

from gateway.core import clickid, device
from gateway.core.clickid import NAMES
from gateway.core.manifest import CLICKS, COOKIES, EVERYTHING, PROPERTIES, SPELLINGS, Manifest
from gateway.core.person import seal
from gateway.core.speak import SEALED
from gateway.core.wires.identifiers import _FITTING
from tests.adapters.all import README

READABLE = {
    "email": "Jo.Do+tea@gmail.com",
    "phone": "+49 30 901820",
    "first_name": "Jo Ann",
    "last_name": "O'Do",
    "street": "Main St. 1",
    "date_of_birth": "1990-01-31",
    "gender": "f",
    "external_id": "User 7",
}


def test_the_vocabulary_is_that_of_the_rooms_that_make_identifiers() -> None:
    digests = seal(READABLE, phone_country="DE").person.digests

    assert set(CLICKS) == set(clickid.NAMES)
    assert set(COOKIES) == set(_FITTING) - NAMES
    assert set(SPELLINGS) == SEALED
    assert {field: set(made) for field, made in digests.items()} == {f: set(s) for f, s in SPELLINGS.items()}
    assert {*device.Device._fields} - {"att_status"} == set(PROPERTIES)


def test_the_readme_lists_every_spelling() -> None:
    text = README.read_text(encoding="utf-8").split("## Which person")[1].split("\n## ")[0]

    for field, spellings in SPELLINGS.items():
        row = next(line for line in text.splitlines() if line.startswith("|") and f"`{field}`" in line)
        assert [spelling for spelling in spellings if f"`{spelling}`" not in row] == []


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"reads": ("emial.plain",)}, "no identifier is called emial.plain; did you mean email.plain?"),
        ({"reads": ("email.loud",)}, "no identifier is called email.loud"),
        ({"reads": ("shoe_size",)}, "no identifier is called shoe_size"),
        ({"hosts": ("events.example/v1",)}, "write a host, as in events.example, without a path"),
        ({"hosts": ("user@events.example",)}, "write a host"),
        ({"secrets": ("a token",)}, "write the names of options"),
        ({"urls": ("",)}, "write the names of options"),
    ],
)
def test_a_name_that_nobody_knows_is_refused_at_once(told: dict[str, tuple[str, ...]], words: str) -> None:
    with pytest.raises(ValueError, match="manifest") as refused:
        Manifest(**told)  # type: ignore[arg-type]

    assert words in str(refused.value)


def test_fields_and_origins_are_spelled_out() -> None:
    manifest = Manifest(reads=("email.google", "email.plain", "ip"), hosts=("a.example", "http://127.0.0.1:9000"))

    assert manifest.fields == {"email", "ip"}
    assert manifest.origins == ("https://a.example", "http://127.0.0.1:9000")
    assert Manifest(reads=EVERYTHING).fields == {*EVERYTHING}
