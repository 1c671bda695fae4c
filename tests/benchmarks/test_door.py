"""benchmarks/cases/door.py: what is fired as Google's tag is read as a page view with an id of its own."""

from benchmarks.cases.door import ga4
from benchmarks.requests import MARK
from gateway.core.wires import ga4 as wire


def test_the_tags_hit_is_read_with_its_id_consent_and_click() -> None:
    head, body = ga4().replace(MARK, "00000007").split("\r\n\r\n")
    first, *lines = head.split("\r\n")
    query = first.split(" ")[1].partition("?")[2]

    (line,) = wire.read(query, body.encode())  # type: ignore[misc]

    assert ("page_view", "e-00000007") == (line.fields["event"], line.fields["event_id"])
    assert "gclid=Cj0KCQ00000007EXAMPLE" in line.fields["page_location"]
    assert "granted" == line.fields["consent"]["ad_user_data"]
    assert 1 == sum(text.lower().startswith("content-length: 0") for text in lines)
