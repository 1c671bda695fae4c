"""Laws that hold for every platform's judge, whatever it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sandbox.call import Object, Ruled
from tests.sandbox import (
    test_ga4,
    test_google,
    test_linkedin,
    test_meta,
    test_microsoft,
    test_pinterest,
    test_reddit,
    test_snap,
    test_tiktok,
    test_x,
)
from tests.sandbox.words import changed

GOOD: dict[str, tuple[Callable[[object], Ruled], Object]] = {
    "meta": (test_meta.judge, test_meta.RICH),
    "google": (test_google.judge, test_google.RICH),
    "tiktok": (test_tiktok.judge, test_tiktok.RICH),
    "snap": (test_snap.judge, test_snap.RICH),
    "ga4": (test_ga4.judge, test_ga4.RICH),
    "linkedin": (test_linkedin.judge, test_linkedin.RICH),
    "x": (test_x.judge, test_x.RICH),
    "pinterest": (test_pinterest.judge, test_pinterest.RICH),
    "reddit": (test_reddit.judge, test_reddit.RICH),
    "microsoft": (test_microsoft.judge, test_microsoft.RICH),
}


def places(value: object, where: str = "") -> Iterator[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        path = f"{where}.{key}".lstrip(".")
        yield path
        yield from places(item, path)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("platform", GOOD)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_judge_answers_whatever_stands_in_an_event(platform: str, data: st.DataObject) -> None:
    judge, good = GOOD[platform]
    where = data.draw(st.sampled_from(sorted(places(good))))

    ruled = judge([changed(good, where, data.draw(ANYTHING))])

    assert orjson.dumps(ruled.body)
    assert bool(ruled.accepted) != any(one.refuses for one in ruled.findings)


@pytest.mark.parametrize("platform", GOOD)
@settings(max_examples=50, deadline=None)
@given(events=ANYTHING)
def test_judge_answers_whatever_stands_for_the_batch(platform: str, events: object) -> None:
    ruled = GOOD[platform][0](events)

    assert ruled.accepted == ()
    assert ruled.findings
