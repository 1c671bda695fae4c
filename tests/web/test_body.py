from __future__ import annotations

import gzip

from gateway.web.body import Unread, inflate


def test_gzip_is_unpacked_up_to_its_limit() -> None:
    assert inflate(gzip.compress(b"x" * 100), 100) == b"x" * 100
    assert inflate(gzip.compress(b"x" * 101), 100) is Unread.TOO_LARGE


def test_appended_members_are_read_and_a_million_are_not() -> None:
    assert inflate(gzip.compress(b"a") + gzip.compress(b"b"), 100) == b"ab"
    assert inflate(gzip.compress(b"") * 100_000, 100) is Unread.BROKEN


def test_bomb_is_too_large() -> None:
    assert inflate(gzip.compress(b"\0" * 50_000_000), 1000) is Unread.TOO_LARGE


def test_what_is_cut_off_or_no_gzip_is_broken() -> None:
    packed = gzip.compress(b"hello")
    for wrong in (packed[:-1], packed[:5], packed + b"x", b"hello"):
        assert inflate(wrong, 100) is Unread.BROKEN
    assert inflate(b"", 100) == b""
