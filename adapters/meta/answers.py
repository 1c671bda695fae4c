"""What Meta's answers mean: about a batch, and about a token.

Source: Meta's "Handling Errors", "Rate Limiting" and "Debug Token" pages, read 2026-11-22; subcodes and the token's
scopes from answers seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.meta.usage import usage
from gateway.core.adapter import Response, Ruling, Verdict, by_status

# Meta's codes. The same number is spelled in every language of the world: never read the text.
_THROTTLED: Final = frozenset({4, 17, 32, 613, 80000, 80003, 80004, 80014})
# Token, permission, session; 2500: unknown path; 2635: the version has ended.
_HALTED: Final = frozenset({3, 10, 102, 104, 190, 200, 294, 2500, 2635})
_TRANSIENT: Final = frozenset({1, 2, 341, 368, 5000, 21009})  # 21009: the dataset is not ready yet
_INVALID: Final = 100
_NO_SUCH_DATASET: Final = 33  # subcode of 100: missing, or hidden from this token
# The permission of a token made in Events Manager; it is granted for single datasets.
_OF_DATASETS: Final = "read_ads_dataset_quality"


def of_error(error: Mapping[str, Any], response: Response) -> Verdict:
    """Rule on a request that Meta refused: it is stored as a whole or not at all, and names no culprit.

    Source: meta's "Handling Errors" and "Rate Limiting" pages, read 2026-11-22; subcodes from answers seen.
    """
    code, subcode = error.get("code"), error.get("error_subcode")
    if type(code) is not int:
        return by_status(response, 1)[0]
    reason = f"{code}/{subcode}" if type(subcode) is int else str(code)
    if code in _THROTTLED:
        ruling = Ruling.THROTTLED
    elif code in _HALTED or (code, subcode) == (_INVALID, _NO_SUCH_DATASET):
        ruling = Ruling.HALT
    elif code == _INVALID:
        ruling = Ruling.SPLIT
    elif code in _TRANSIENT or code < 0 or error.get("is_transient") is True:
        ruling = Ruling.RETRY
    else:
        ruling = by_status(response, 1)[0].ruling
    wait_s = response.retry_after_s
    if ruling is Ruling.THROTTLED and wait_s is None and (used := usage(response.headers)) is not None:
        wait_s = used.rest_s
    return Verdict(ruling=ruling, reason=reason, retry_after_s=wait_s)


def of_token(response: Response, dataset_id: str) -> str | None:
    """Say what is wrong with a token, as `debug_token` describes it, or None where nothing is.

    A token without Meta's permission for single datasets (a system user's) is believed to be for this one: only an
    event would tell.
    """
    told = response.json()
    told = told if isinstance(told, dict) else {}
    if isinstance(told.get("error"), dict):
        verdict = of_error(told["error"], response)
        return f"{'refused' if verdict.ruling is Ruling.HALT else 'no answer about the token'} ({verdict.reason})"
    data = told.get("data")
    if response.status != 200 or not isinstance(data, dict):
        return f"no answer about the token (http_{response.status})"
    if data.get("is_valid") is not True:
        return "the token has ended, was withdrawn or is none of Meta's"
    datasets = _datasets(data.get("granular_scopes"))
    if datasets is not None and dataset_id not in datasets:
        return "the token is good, but for another dataset than dataset_id names"
    if "x-ad-api-version-warning" in response.headers:
        # Said where a newer version answered in place of the one that was asked.
        return "the token is good, but Meta is ending this api_version and answered by a newer one"
    return None


def _datasets(scopes: Any) -> list[str] | None:
    """The datasets that a token is granted for; None where it is granted for no single ones."""
    for scope in scopes if isinstance(scopes, list) else []:
        if isinstance(scope, dict) and scope.get("scope") == _OF_DATASETS and isinstance(scope.get("target_ids"), list):
            return [str(target) for target in scope["target_ids"]]
    return None
