from __future__ import annotations

import pytest

from gateway.core.wires.identifiers import read_ids
from gateway.core.wires.reading import Reading

ACCEPTED = {
    "gclid": "Cj0KCQtest_gclid-AbCdEf",
    "gbraid": "0AAAA",
    "wbraid": "ClEK",
    "dclid": "CJ",
    "gcl_au": "1.1.1234567890.1795305600",
    "fbclid": "IwAR0AbC_x-Y",
    "fbc": "fb.1.1795305600000.IwAR0AbC_x-Y",
    "fbp": "fb.1.1795305600000.1234567890",
    "ttclid": "E.C.Ptest_AbC",
    "ttp": "2Zkqgr7YkYc3sUzU0fL4vWxYz01",
    "scid": "0b1c-2d",
    "msclkid": "0123456789abcdef0123456789abcdef",
    "li_fat_id": "2b8f5d1c-9c3e-4b7a-8f1e-2c3d4e5f6a7b",
    "epik": "dj0yJnU9",
    "twclid": "26l6412g5p4iyj65a2oic2ayg2",
    "rdt_cid": "5689100356223",
    "ga_client_id": "123456789.1795305600",
    "ga_session_id": "1795305600",
    "sc_cookie1": "ab26e27a-1a2b-4c3d-8e4f-5a6b7c8d9e0f",
    "rdt_uuid": "1795305500000.ab26e27a-1a2b-4c3d-8e4f-5a6b7c8d9e0f",
    "uetvid": "30dc9760d69811f08bf59b7550261e73",
}
COOKIES = {"fbc", "fbp", "ttp", "gcl_au", "ga_client_id", "ga_session_id", "sc_cookie1", "rdt_uuid", "uetvid"}


def test_every_id_of_the_contract_is_taken_byte_for_byte() -> None:
    reading = Reading({"ids": ACCEPTED}, decimal_comma=False)

    clicks, cookies = read_ids(reading)

    assert {**clicks, **cookies} == ACCEPTED
    assert set(cookies) == COOKIES
    assert reading.warnings == []


@pytest.mark.parametrize("name", sorted(ACCEPTED))
@pytest.mark.parametrize(
    "value", ["a b", "a\r\nSet-Cookie: x=y", "ü", "x" * 2000, "<script>", "a;b", True, 1.5, [], {}]
)
def test_nothing_that_could_break_out_is_taken(name: str, value: object) -> None:
    reading = Reading({"ids": {name: value}}, decimal_comma=False)

    clicks, cookies = read_ids(reading)

    assert (clicks, cookies) == ({}, {})
    assert len(reading.warnings) == 1
    assert reading.reason is None
