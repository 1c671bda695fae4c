"""The event names we know, and how many others are counted by name.

Anybody can send a browser hit with a name of his own; a counter for each would be a way to fill the memory.
"""

from __future__ import annotations

from typing import Final

# GA4's recommended events and the automatic ones that browsers send.
# Source: https://support.google.com/analytics/answer/9267735, read 2026-11-22 (stored copy).
RECOMMENDED: Final = frozenset(
    """page_view user_engagement session_start first_visit scroll click file_download video_start video_progress
    video_complete view_search_results form_start form_submit
    add_payment_info add_shipping_info add_to_cart add_to_wishlist begin_checkout generate_lead login purchase refund
    remove_from_cart search select_content select_item select_promotion share sign_up view_cart view_item
    view_item_list view_promotion qualify_lead disqualify_lead working_lead close_convert_lead close_unconvert_lead
    join_group earn_virtual_currency spend_virtual_currency level_start level_end level_up post_score
    unlock_achievement tutorial_begin tutorial_complete
    subscribe start_trial contact schedule donate find_location submit_application customize_product""".split()
)
OTHER: Final = "other"
# Contract section 3: names outside the vocabulary are counted each up to this many a site.
BUDGET: Final = 200


class NameBudget:
    """Gives each event name the word it is counted under; remembers at most `BUDGET` foreign names a site."""

    def __init__(self) -> None:
        self._foreign: dict[str, set[str]] = {}

    def counted_as(self, site: str, name: str, configured: frozenset[str] = frozenset()) -> str:
        """Return the name itself, or `other` once the site's budget of unknown names is spent."""
        if name in RECOMMENDED or name in configured:
            return name
        foreign = self._foreign.setdefault(site, set())
        if name in foreign:
            return name
        if len(foreign) >= BUDGET:
            return OTHER
        foreign.add(name)
        return name
