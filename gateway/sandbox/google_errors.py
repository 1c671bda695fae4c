"""The Data Manager API's errors that a script may ask for: each with its HTTP status and what it points at.

Source: developers.google.com/data-manager/api/devguides/concepts/understand-errors and the v1 reference of ErrorReason,
read 2026-11-22. What is told of a request only later is no error, and stands in `google_status.py`.
"""

from __future__ import annotations

from typing import Final

# Concerns the caller or the service: the reason stands in ErrorInfo, and nothing is pointed at.
WHOLE: Final = {
    "ACCESS_TOKEN_EXPIRED": 401,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": 403,
    "SERVICE_DISABLED": 403,
    "USER_PROJECT_DENIED": 403,
    "ABORTED": 409,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "INVALID_REQUEST_ID": 400,
    "REQUEST_TOO_OLD": 400,
}
# Concerns the account or the conversion action: points at the destination.
DESTINATION: Final = {
    "CONVERSION_ACTION_TOO_RECENTLY_CREATED": "product_destination_id",
    "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED": "operating_account",
    "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS": "operating_account",
    "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": "operating_account",
    "INVALID_CONVERSION_ACTION_ID": "product_destination_id",
    "INVALID_CONVERSION_ACTION_TYPE": "product_destination_id",
    "INVALID_DESTINATION": "product_destination_id",
    "NOT_ALLOWLISTED": "operating_account",
    "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH": "login_account",
}
# Concerns one event: points at its field, where a place is asked for.
EVENT: Final = {
    "EVENT_TIME_INVALID": "event_timestamp",
    "INVALID_CURRENCY_CODE": "currency",
    "INVALID_SHA256_FORMAT": "user_data.user_identifiers[0].email_address",
    "NO_IDENTIFIERS_PROVIDED": "ad_identifiers",
    "REQUIRED_FIELD_MISSING": "transaction_id",
}
CODES: Final = (*WHOLE, *DESTINATION, *EVENT)
