from __future__ import annotations

import orjson
import pytest

from gateway.core.wires.text import scrub


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Zoë's Tee 🦊", "Zoë's Tee 🦊"),
        ("caf\udce9", "caf\ufffd"),
        ("cut \ud83d", "cut \ufffd"),
        ("a\x00b\x1bc\x7fd\x9fe", "abcde"),
        ("two\r\nlines\there", "two  lines here"),
        ("", ""),
    ],
)
def test_scrubbed_text_has_no_surrogates_and_no_controls(sent: str, kept: str) -> None:
    assert scrub(sent) == kept
    orjson.dumps(scrub(sent))
