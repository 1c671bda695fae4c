"""What the emulator tells of a dataset, and how it holds a caller to its allowance and its proof."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from gateway.sandbox.call import Ruled
from gateway.sandbox.meta import Meta
from gateway.sandbox.meta_errors import ERRORS
from gateway.sandbox.terms import Terms
from tests.sandbox.test_meta import RICH, SMALL, body_of, call
from tests.sandbox.words import NOW_S, asked, changed

TOKEN = "sandbox-meta-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ALL = "web{event_name,event_match_quality{composite_score,match_key_feedback{identifier,coverage{percentage}}}}"


def told(meta: Meta, fields: str = ALL, *, version: str = "v26.0", **query: str) -> Ruled:
    (route,) = [one for one in meta.routes() if one.at == "quality"]
    whole = {"dataset_id": "123", "fields": fields, **query}
    return route.judge(asked(None, headers=BEARER, query=whole, version=version))


def post(meta: Meta, *events: Mapping[str, Any], **more: Any) -> Ruled:
    ruled = meta.judge(call(list(events), **more))
    if ruled.after is not None:
        ruled.after()
    return ruled


def test_an_empty_dataset_is_answered_with_nothing() -> None:
    ruled = told(Meta(Terms()))

    assert (ruled.status, ruled.body) == (200, {})


def test_shares_are_counted_from_what_was_taken_and_the_score_follows() -> None:
    meta = Meta(Terms())
    post(meta, SMALL, {**SMALL, "user_data": {**SMALL["user_data"], "em": [RICH["user_data"]["ph"]]}}, RICH)  # type: ignore[index, dict-item]

    rows = {row["event_name"]: row["event_match_quality"] for row in body_of(told(meta))["web"]}

    keys = {one["identifier"]: one["coverage"]["percentage"] for one in rows["PageView"]["match_key_feedback"]}
    assert keys == {"email": 50.0, "ip_address": 100.0, "user_agent": 100.0}
    assert 1 < rows["PageView"]["composite_score"] < rows["Purchase"]["composite_score"] <= 10


def test_what_was_refused_counts_nothing() -> None:
    meta = Meta(Terms())
    post(meta, changed(SMALL, "event_time", 1))

    assert told(meta).body == {}


def test_only_what_was_asked_for_is_told() -> None:
    meta = Meta(Terms())
    post(meta, SMALL)

    assert body_of(told(meta, "web{event_name,data_freshness{upload_frequency}}")) == {
        "web": [{"event_name": "PageView", "data_freshness": {"upload_frequency": "real_time"}}]
    }


def test_old_events_are_fresh_no_more() -> None:
    meta = Meta(Terms())
    post(meta, changed(SMALL, "event_time", int(NOW_S) - 7_200))

    row = body_of(told(meta, "web{data_freshness}"))["web"][0]

    assert row["data_freshness"]["upload_frequency"] == "hourly"


@pytest.mark.parametrize(
    "fields",
    ["web{dedup_key_feedback}", "web{event_name", "web{event_name}}", "web{}", "web{event name(1)}", "mobile", ""],
)
def test_a_field_that_does_not_exist_is_refused_as_graph_refuses_it(fields: str) -> None:
    ruled = told(Meta(Terms()), fields)

    assert (ruled.status, body_of(ruled)["error"]["code"]) == (400, 100)


def test_another_senders_events_are_not_told_to_an_agent() -> None:
    meta = Meta(Terms())
    post(meta, SMALL, partner_agent="Other_1")

    assert told(meta, agent_name="tagway_0_1").body == {}
    assert body_of(told(meta, agent_name="other_1"))["web"]


def test_a_dataset_that_is_not_the_tokens_is_not_told() -> None:
    assert told(Meta(Terms(meta_datasets=frozenset({"9"})))).code == "100/33"


def test_an_older_version_is_answered_by_the_newest_and_says_so() -> None:
    meta = Meta(Terms())

    assert "X-Ad-Api-Version-Warning" in told(meta, version="v25.0").headers
    assert "X-Ad-Api-Version-Warning" in post(meta, SMALL, version="v25.0").headers
    assert post(meta, SMALL).headers == {}


def test_an_app_that_demands_proof_takes_no_other() -> None:
    meta = Meta(Terms(meta_app_secret="sec"))
    good = hmac.new(b"sec", TOKEN.encode(), hashlib.sha256).hexdigest()
    bad = hmac.new(b"other", TOKEN.encode(), hashlib.sha256).hexdigest()

    codes = [post(meta, SMALL, **more).code for more in ({}, {"appsecret_proof": bad}, {"appsecret_proof": good})]

    assert codes == ["100", "100", "ok"]
    assert told(meta, appsecret_proof=good).code == "ok"
    assert told(meta).code == "100"


def test_the_proof_of_metas_own_example_holds() -> None:
    meta = Meta(Terms(meta_app_secret="sec", meta_tokens=frozenset({"tok"})))
    query = {"appsecret_proof": "b13512356d1403d2449aa2e7369214f0459f0d3c08cb742b0aff4fe57aae36f5"}

    ruled = meta.judge(
        asked({"data": [SMALL]}, headers={"Authorization": "Bearer tok"}, query=query, version="v26.0", dataset="1")
    )

    assert ruled.code == "ok"


def test_an_allowance_is_counted_by_the_hour_and_refused_when_it_is_gone() -> None:
    meta = Meta(Terms(meta_hourly_calls=4))

    answers = [post(meta, SMALL) for _ in range(5)]

    said = [orjson.loads(one.headers["X-Business-Use-Case-Usage"])["123"][0] for one in answers]
    assert [one["call_count"] for one in said] == [25, 50, 75, 100, 125]
    assert [one["estimated_time_to_regain_access"] > 0 for one in said] == [False, False, False, True, True]
    assert [one.code for one in answers] == ["ok"] * 4 + ["80004/2446079"]


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_row_of_the_error_table_can_be_asked_for(code: str) -> None:
    ruled = Meta(Terms()).error(code, None)

    error = body_of(ruled)["error"]
    assert ruled.code == code
    assert [str(error["code"]), *([str(error["error_subcode"])] if "error_subcode" in error else [])] == code.split("/")


@pytest.mark.parametrize(
    ("event", "more"),
    [
        (RICH, {"data_processing_options_country": 2}),
        (RICH, {"data_processing_options_state": 1000}),
        (RICH, {"data_processing_options_country": 1, "data_processing_options_state": 1014}),
        (SMALL, {"messaging_channel": "smoke"}),
        (SMALL, {"event_name": "AppendValue"}),
        (SMALL, {"original_event_data": {"event_time": "1"}}),
        (SMALL, {"original_event_data": {"surprise": "1"}}),
        (SMALL, {"attribution_data": {"attribution_share": 2}}),
        (SMALL, {"custom_data": {"customer_segmentation": "new"}}),
    ],
)
def test_what_the_documents_close_is_closed(event: dict[str, Any], more: dict[str, Any]) -> None:
    assert post(Meta(Terms()), {**event, **more}).status == 400


def test_a_state_stands_beside_its_country() -> None:
    limited = {**RICH, "data_processing_options_country": 1, "data_processing_options_state": 1013}

    assert post(Meta(Terms()), limited).status == 200
