"""benchmarks/requests.py: each visitor is another, and none makes a request longer than it says it is."""

from __future__ import annotations

import pytest

from benchmarks.requests import MARK, VISITORS, Mix, beacon, browser_purchase, pixel, server_purchase


@pytest.mark.parametrize("template", [pixel(), beacon(), browser_purchase(), server_purchase()])
def test_visitors_differ_in_what_they_send_and_not_in_how_long_it_is(template: str) -> None:
    (sent,) = Mix(templates=(template,)).parts()

    texts = {MARK.join(parts) for parts in sent}

    assert VISITORS == len(texts)
    assert 1 == len({len(text) for text in texts})
    assert {template.count(MARK)} == {len(parts) - 1 for parts in sent}
