"""Where a webhook posts, how it signs, and what the other side's status means."""

from __future__ import annotations

import pytest

from adapters.webhook import Webhook
from gateway.core.adapter import Payload, Response, Ruling, Secret, Signature

HOOK = Webhook(url="https://hooks.shop.example:8443/in/tagway?source=shop&empty=", secret=Secret("key"))


def test_the_url_is_taken_apart_and_nothing_is_lost() -> None:
    request = HOOK.request([Payload(body={"event": "purchase"})])

    assert HOOK.endpoint == "https://hooks.shop.example:8443"
    assert request.path == "/in/tagway"
    assert request.query == {"source": "shop", "empty": ""}
    assert request.json == {"events": [{"event": "purchase"}]}


def test_a_bare_host_is_posted_to_at_its_root() -> None:
    hook = Webhook(url="http://127.0.0.1:9000", secret=Secret("key"))

    assert hook.request([Payload(body={})]).path == "/"


def test_the_body_is_signed() -> None:
    assert HOOK.auth == Signature(name="X-Tagway-Signature", secret=Secret("key"))


@pytest.mark.parametrize(
    "url", ["", "shop.example/hook", "ftp://shop.example", "https://", "https:///hook", "https://u:p@shop.example/"]
)
def test_an_address_that_cannot_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url: write"):
        Webhook(url=url, secret=Secret("key"))


@pytest.mark.parametrize(
    ("status", "ruling"),
    [
        (200, Ruling.ACCEPTED),
        (202, Ruling.ACCEPTED),
        (204, Ruling.ACCEPTED),
        (302, Ruling.REJECTED),
        (400, Ruling.SPLIT),
        (401, Ruling.HALT),
        (404, Ruling.HALT),
        (410, Ruling.HALT),
        (413, Ruling.SPLIT),
        (422, Ruling.SPLIT),
        (429, Ruling.THROTTLED),
        (500, Ruling.RETRY),
    ],
)
def test_the_status_alone_decides(status: int, ruling: Ruling) -> None:
    response = Response(status=status, headers={}, body=b"<html>whatever</html>")

    assert [verdict.ruling for verdict in HOOK.verdicts(response, 2)] == [ruling] * 2
