"""The browser tag: TypeScript beside this file, committed as built, and handed out with a site's rules in it.

Never enters: a request. The web room serves what is made here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from posixpath import dirname, relpath
from typing import Final

import orjson

from gateway.core.vocabulary import RECOMMENDED

BUILT: Final = Path(__file__).parent / "built" / "tag.js"
# The one name in the built file that nothing defines: the rules are put in its place.
_PLACE: Final = "TAGWAY_RULES"
# What GA's own script counts by itself. The tag counts page views; the others no ad platform asks for.
AUTOMATIC: Final = frozenset(
    """page_view user_engagement session_start first_visit scroll click file_download video_start video_progress
    video_complete view_search_results form_start form_submit""".split()
)
PUSHED: Final = tuple(sorted(RECOMMENDED - AUTOMATIC))
"""The events that the tag passes on when a page tells them to Google."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the tag has to know of its site. The field names are those of `rules.ts`."""

    tag: str
    events: str
    image: str
    pushed: tuple[str, ...] = PUSHED

    @classmethod
    def of(cls, asked: str, below: str, *, events: str, image: str) -> Rules:
        """Say where the others are, seen from the tag's own address: a proxy that moves all of them changes nothing.

        `asked` is the path of the request, `below` what the site's mount leaves of it.
        """
        return cls(tag=asked, events=relpath(events, dirname(below)), image=relpath(image, dirname(below)))


@lru_cache(maxsize=256)
def script(rules: Rules) -> bytes:
    """Return the tag with these rules in it."""
    return _built().replace(_PLACE, orjson.dumps(asdict(rules)).decode()).encode()


@lru_cache(maxsize=1)
def _built() -> str:
    return BUILT.read_text(encoding="utf-8").rstrip("\n")
