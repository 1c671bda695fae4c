"""What a no takes from a copy, whoever said it."""

from __future__ import annotations

import msgspec
import pytest

from gateway.core.event import Browser, Click, Consent, Event, Grant, Purpose, Veto
from gateway.core.remains import remains, veto
from tests.fixtures.shop import DENIED, GRANTED, an_event

NAMED = {"fbp": "fb.1.1.1", "ttp": "t", "ga_client_id": "1.2", "ga_session_id": "3"}
EVENT = an_event(
    "purchase", browser=Browser(ip="81.2.69.142", cookies=NAMED), clicks={"gclid": Click(id="c", seen_ms=1)}, value=9.0
)


def with_(**grants: Grant) -> Event:
    return msgspec.structs.replace(EVENT, consent=msgspec.structs.replace(GRANTED, **grants))


@pytest.mark.parametrize(
    ("purpose", "clicks", "cookies"),
    [
        (Purpose.AD_STORAGE, [], ["ga_client_id", "ga_session_id"]),
        (Purpose.ANALYTICS_STORAGE, ["gclid"], ["fbp", "ttp"]),
        (Purpose.AD_USER_DATA, ["gclid"], list(NAMED)),
        (Purpose.AD_PERSONALIZATION, ["gclid"], list(NAMED)),
    ],
)
def test_a_denied_purpose_takes_what_it_covers(purpose: Purpose, clicks: list[str], cookies: list[str]) -> None:
    left = remains(with_(**{purpose.value: Grant.DENIED}))

    assert isinstance(left, Event)
    assert (list(left.clicks), list(left.browser.cookies)) == (clicks, cookies)
    assert (left.browser.ip, left.value) == ("81.2.69.142", 9.0)
    assert remains(left) is left


@pytest.mark.parametrize("consent", [GRANTED, Consent()])
def test_what_nobody_denied_is_the_very_object_that_it_was(consent: Consent) -> None:
    event = msgspec.structs.replace(EVENT, consent=consent)

    assert remains(event) is event


def test_denied_everywhere_only_a_veto_remains_and_a_veto_stays_one() -> None:
    left = remains(msgspec.structs.replace(EVENT, consent=DENIED, transaction_id="77"))

    assert isinstance(left, Veto)
    assert (left.event_id, left.transaction_id, left.consent) == ("e-1", "77", DENIED)
    assert veto(left) is left
