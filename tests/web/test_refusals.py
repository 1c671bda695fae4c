from __future__ import annotations

from structlog.testing import capture_logs

from gateway.core.event import Wire
from gateway.core.outcome import Refused
from gateway.web.refusals import RefusalLog


def test_flood_of_one_reason_is_counted_and_hides_no_other() -> None:
    refusals = RefusalLog()
    with capture_logs() as lines:
        for _ in range(1000):
            refusals.note(Refused.ORIGIN, "shop", Wire.BROWSER, 0)
        refusals.note(Refused.VALUE, "shop", Wire.BROWSER, 0)
        refusals.note(Refused.ORIGIN, "shop", Wire.BROWSER, 1000)

    assert [(line["reason"], line["unlogged"]) for line in lines] == [("origin", 0)] * 5 + [
        ("value", 0),
        ("origin", 995),
    ]
