from __future__ import annotations

import pytest

from gateway.core.hit import SetCookie
from gateway.web.reply import GIF, cookie_line, counted, masked


def test_gif_has_43_bytes() -> None:
    assert (len(GIF), GIF[:6], GIF[-1:]) == (43, b"GIF89a", b";")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["refused:value", "accepted", "merged", "refused:event", "accepted"], "accepted=2,merged=1,refused=2"),
        (["late", "duplicate"], "duplicate=1,late=1"),
        ([], "accepted=0"),
    ],
)
def test_batch_is_summed_up_in_the_contracts_order(words: list[str], said: str) -> None:
    assert counted(words) == said


def test_mask_hides_merged_and_late_only() -> None:
    words = ("accepted", "merged", "duplicate", "late", "refused:value")

    assert [masked(word) for word in words] == ["accepted", "accepted", "duplicate", "accepted", "refused:value"]


def test_cookie_lines_are_exact() -> None:
    ours = SetCookie(name="_tw_id", value="1.x.2", max_age_s=5, domain="shop.example", secure=True, http_only=True)
    theirs = SetCookie(name="_fbp", value="fb.1", max_age_s=0, domain=None, secure=False, http_only=False)

    assert cookie_line(ours) == "_tw_id=1.x.2; Max-Age=5; Path=/; SameSite=Lax; Domain=shop.example; Secure; HttpOnly"
    assert cookie_line(theirs) == "_fbp=fb.1; Max-Age=0; Path=/; SameSite=Lax"
