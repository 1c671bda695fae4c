"""A body that is bytes already reads like the mapping that it was made of."""

from __future__ import annotations

import orjson

from gateway.core.spelled import Spelled, spell

BODY = {"references": ["987"], "event": "purchase", "value": 49.9}
TEXT = orjson.dumps(BODY)


def test_it_reads_like_the_mapping_it_was_made_of() -> None:
    assert dict(Spelled(TEXT, BODY)) == dict(Spelled(TEXT)) == BODY
    assert Spelled(TEXT, BODY)["value"] == 49.9


def test_its_first_member_is_told_without_reading() -> None:
    told = Spelled(b"no JSON at all", BODY)

    assert told["references"] == ["987"]


def test_it_is_put_in_as_it_stands() -> None:
    assert spell({"data": [Spelled(TEXT), Spelled(TEXT, BODY)]}) == b'{"data":[' + TEXT + b"," + TEXT + b"]}"


def test_an_empty_body_has_no_first_member() -> None:
    assert dict(Spelled(b"{}", {})) == {}
