"""Meta's own judgement of a dataset: how well each event matches a person, and what would improve it.

Source: Meta, Conversions API, "Dataset Quality API", read 2026-11-22; answers of Graph v26.0 (an empty dataset is
answered with `{}`; the table's `dedup_key_feedback` is refused, the examples' `dedupe_key_feedback` works).
"""

from __future__ import annotations

from typing import Any, Final

from adapters.meta.answers import of_error
from gateway.core.adapter import Response
from gateway.core.rating import Rating, Shared

FIELDS: Final = (
    "web{event_name,"
    "event_match_quality{composite_score,match_key_feedback{identifier,coverage{percentage}},"
    "diagnostics{name,percentage}},"
    "event_coverage{percentage,goal_percentage},"
    "dedupe_key_feedback{dedupe_key,browser_events_with_dedupe_key{percentage},"
    "server_events_with_dedupe_key{percentage},overall_browser_coverage_from_dedupe_key{percentage}},"
    "data_freshness{upload_frequency}}"
)


def of_quality(response: Response) -> tuple[Rating, ...] | str:
    """Read what Meta says, an event a line; a text says why there is nothing to read."""
    told = response.json()
    if isinstance(told, dict) and isinstance(told.get("error"), dict):
        return f"Meta does not tell ({of_error(told['error'], response).reason})"
    if response.status != 200 or not isinstance(told, dict):
        return f"Meta does not tell (http_{response.status})"
    return tuple(_rating(row) for row in _rows(told.get("web")) if isinstance(row.get("event_name"), str))


def _rating(row: dict[str, Any]) -> Rating:
    match, coverage = _object(row.get("event_match_quality")), _object(row.get("event_coverage"))
    keys = {
        key["identifier"]: share
        for key in _rows(match.get("match_key_feedback"))
        if isinstance(key.get("identifier"), str) and (share := _percent(key.get("coverage"))) is not None
    }
    return Rating(
        event=row["event_name"],
        score=_number(match.get("composite_score")),
        coverage=_percent(coverage),
        goal=_number(coverage.get("goal_percentage")),
        freshness=_word(_object(row.get("data_freshness")).get("upload_frequency")),
        keys=keys,
        dedup={
            key["dedupe_key"]: Shared(
                _percent(key.get("browser_events_with_dedupe_key")),
                _percent(key.get("server_events_with_dedupe_key")),
                _percent(key.get("overall_browser_coverage_from_dedupe_key")),
            )
            for key in _rows(row.get("dedupe_key_feedback"))
            if isinstance(key.get("dedupe_key"), str)
        },
        advice=tuple(_advice(one) for one in _rows(match.get("diagnostics")) if _word(one.get("name"))),
    )


def _advice(told: dict[str, Any]) -> str:
    share = _number(told.get("percentage"))
    return f"{told['name']}" + (f" ({share:g} % of the events)" if share is not None else "")


def _rows(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _percent(value: Any) -> float | None:
    return _number(_object(value).get("percentage"))


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
