"""The Data Manager API's messages, field by field, and the JSON rules that hold for all of them.

The service parses JSON as protocol buffers do: a field it does not know refuses the request, names may be written
in camelCase or snake_case, null is absence, whole 64-bit numbers may come as text.

Source: developers.google.com/data-manager/api/reference/rest/v1/events/ingest, read 2026-11-22.
Never enters: what the values mean; that is google_event's business.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from gateway.sandbox import checks
from gateway.sandbox.call import Findings, Object, as_list, as_object

ENUMS: Final[dict[str, frozenset[str]]] = {
    "encoding": frozenset({"HEX", "BASE64"}),
    "consent": frozenset({"CONSENT_GRANTED", "CONSENT_DENIED"}),
    "source": checks.words("WEB APP IN_STORE PHONE MESSAGE OTHER"),
    "account": checks.words(
        """GOOGLE_ADS DISPLAY_VIDEO_PARTNER DISPLAY_VIDEO_ADVERTISER DATA_PARTNER GOOGLE_ANALYTICS_PROPERTY
        GOOGLE_AD_MANAGER_AUDIENCE_LINK FLOODLIGHT_CONFIG GOOGLE_AD_MANAGER"""
    ),
    "customer": checks.words("NEW RETURNING REENGAGED"),
    "bucket": checks.words("LOW MEDIUM HIGH"),
}

# Message -> JSON name -> kind. A capital begins a message, "[]" repeats, "enum:" names a list above.
MESSAGES: Final[dict[str, dict[str, str]]] = {
    "Request": {
        "destinations": "Destination[]", "events": "Event[]", "consent": "Consent", "validateOnly": "bool",
        "encoding": "enum:encoding", "encryptionInfo": "any",
    },
    "Destination": {
        "reference": "text", "loginAccount": "Account", "linkedAccount": "Account", "operatingAccount": "Account",
        "productDestinationId": "text",
    },
    "Account": {"accountType": "enum:account", "accountId": "text", "product": "text"},
    "Consent": {"adUserData": "enum:consent", "adPersonalization": "enum:consent"},
    "Event": {
        "destinationReferences": "text[]", "transactionId": "text", "eventTimestamp": "time",
        "lastUpdatedTimestamp": "time", "eventSource": "enum:source", "conversionValue": "double",
        "currency": "text", "conversionCount": "double", "userData": "UserData", "consent": "Consent",
        "adIdentifiers": "AdIdentifiers", "eventDeviceInfo": "Device", "cartData": "Cart",
        "customVariables": "Variable[]", "userProperties": "UserProperties", "experimentalFields": "Experimental[]",
        "eventName": "text", "clientId": "text", "appInstanceId": "text", "userId": "text",
        "additionalEventParameters": "Parameter[]", "eventLocation": "Location", "thirdPartyUserData": "UserData",
    },
    "UserData": {"userIdentifiers": "Identifier[]"},
    "Identifier": {"emailAddress": "text", "phoneNumber": "text", "address": "Address"},
    "Address": {
        "givenName": "text", "familyName": "text", "regionCode": "text", "postalCode": "text",
        "addressLine": "text", "city": "text", "administrativeArea": "text",
    },
    "AdIdentifiers": {
        "gclid": "text", "gbraid": "text", "wbraid": "text", "sessionAttributes": "text",
        "landingPageDeviceInfo": "Device", "mobileDeviceId": "text", "dclid": "text", "impressionId": "text",
        "matchId": "text", "encryptedUserIds": "any[]", "ppid": "text", "visitorPpid": "text",
    },
    "Device": {
        "userAgent": "text", "ipAddress": "text", "category": "text", "languageCode": "text",
        "screenHeight": "int32", "screenWidth": "int32", "operatingSystem": "text",
        "operatingSystemVersion": "text", "model": "text", "brand": "text", "browser": "text",
        "browserVersion": "text",
    },
    "Cart": {
        "merchantId": "text", "merchantFeedLabel": "text", "merchantFeedLanguageCode": "text",
        "transactionDiscount": "double", "couponCodes": "text[]", "items": "Item[]",
    },
    "Item": {
        "merchantProductId": "text", "quantity": "int64", "unitPrice": "double", "itemId": "text",
        "conversionValue": "double", "additionalItemParameters": "Parameter[]", "customVariables": "Variable[]",
        "merchantId": "text", "merchantFeedLabel": "text", "merchantFeedLanguageCode": "text",
    },
    "Variable": {"variable": "text", "value": "text", "destinationReferences": "text[]"},
    "Parameter": {"parameterName": "text", "value": "text"},
    "Experimental": {"field": "text", "value": "text"},
    "UserProperties": {
        "customerType": "enum:customer", "customerValueBucket": "enum:bucket",
        "additionalUserProperties": "Property[]",
    },
    "Property": {"propertyName": "text", "value": "text"},
    "Location": {
        "storeId": "text", "city": "text", "subdivisionCode": "text", "regionCode": "text",
        "subcontinentCode": "text", "continentCode": "text",
    },
}  # fmt: skip
_ONE_OF: Final = {"Identifier": ("emailAddress", "phoneNumber", "address")}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")
_WHOLE = re.compile(r"-?\d{1,19}")
_EVENT_ROW = re.compile(r"events\[(\d+)\]")


def snake(name: str) -> str:
    """Spell a JSON name as the service's errors do."""
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)


def read_time(value: object) -> float | None:
    """Read an RFC 3339 time, None when it is none.

    Units:   Unix seconds.
    """
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    # Python keeps microseconds; up to nine digits are legal.
    trimmed = re.sub(r"(\.\d{6})\d+", r"\1", value)
    try:
        return datetime.fromisoformat(trimmed).timestamp()
    except ValueError:
        return None


def parse(body: Object, notes: Findings) -> Object:
    """Parse a request as protocol buffers do, into camelCase names; every breach is noted with its path."""
    return _message("Request", body, "", notes)


def _message(kind: str, told: Object, where: str, notes: Findings) -> Object:
    fields, parsed = MESSAGES[kind], dict[str, object]()
    names = {**{snake(name): name for name in fields}, **{name: name for name in fields}}
    for key, value in told.items():
        name = names.get(key)
        path = f"{where}.{snake(key)}" if where else snake(key)
        if name is None:
            _note(path, f"unknown name {key}; no such field in {kind}", notes)
        elif name in parsed:
            _note(path, "said twice", notes)
        elif value is not None:
            parsed[name] = _field(fields[name], value, path, notes)
    chosen = [name for name in _ONE_OF.get(kind, ()) if name in parsed]
    if len(chosen) > 1:
        _note(where, f"only one of {', '.join(chosen)} may be set", notes)
    return parsed


def _field(kind: str, value: object, path: str, notes: Findings) -> object:
    if kind.endswith("[]"):
        items = as_list(value)
        if items is None:
            _note(path, "an array is expected", notes)
            return []
        return [_field(kind[:-2], item, f"{path}[{place}]", notes) for place, item in enumerate(items)]
    if kind in MESSAGES:
        told = as_object(value)
        if told is None:
            _note(path, "an object is expected", notes)
            return {}
        return _message(kind, told, path, notes)
    if not _fits(kind, value):
        _note(path, f"a value of another type is expected: {kind}", notes)
    return value


def _fits(kind: str, value: object) -> bool:
    if kind.startswith("enum:"):
        return checks.is_one_of(value, ENUMS[kind[5:]])
    match kind:
        case "text":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "double":
            return checks.is_number(value)
        case "int32":
            return checks.is_int(value)
        case "int64":
            return checks.is_int(value) or (isinstance(value, str) and _WHOLE.fullmatch(value) is not None)
        case "time":
            return read_time(value) is not None
        case _:
            return True


def _note(path: str, why: str, notes: Findings) -> None:
    found = _EVENT_ROW.match(path)
    notes.refuse(int(found[1]) if found else None, path, why, "JSON")
