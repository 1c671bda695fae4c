"""The one list: an adapter that stands in ALL inherits every test of `test_contract.py`.

Options are plain, as the YAML file gives them; each entry's `make` turns them into the adapter.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import orjson

import adapters
from adapters.echo import Echo
from adapters.ga4 import GA4
from adapters.ga4_relay import GA4Relay
from adapters.google_data_manager import Conversion, Credentials, GoogleDataManager
from adapters.linkedin import LinkedIn
from adapters.meta import Meta
from adapters.microsoft import Microsoft
from adapters.pinterest import Pinterest
from adapters.reddit import Reddit
from adapters.snapchat import Snapchat
from adapters.tiktok import TikTok
from adapters.webhook import Webhook
from adapters.x import Credentials as XCredentials
from adapters.x import X
from gateway.core.adapter import Adapter, Response, Secret
from tagway.conformance import Subject

Options = Mapping[str, Any]

CASES: Final = Path(__file__).parent / "cases"
README: Final = Path(adapters.__path__[0]) / "README.md"
REGISTERED: Final = tomllib.loads((README.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "entry-points"
]["tagway.adapters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One adapter under the contract.

    `options` build it wherever a golden case does not bring its own. `secrets`: texts inside them that must never be
    seen. `confirms(count)`: an answer with which the platform takes `count` payloads; None for a platform of which
    every 2xx is a confirmation.
    """

    name: str
    make: Callable[[Options], Adapter]
    options: Options
    secrets: tuple[str, ...] = ()
    confirms: Callable[[int], Response] | None = None

    @property
    def cases(self) -> Path:
        return CASES / self.name

    @property
    def adapter(self) -> Adapter:
        return self.make(self.options)

    @property
    def subject(self) -> Subject:
        return Subject(
            adapter=self.adapter,
            cases=self.cases,
            confirms=self.confirms,
            make=lambda options: self.make({**self.options, **options}),
        )


def answer(body: bytes, status: int = 200) -> Response:
    return Response(status=status, headers={"content-type": "application/json"}, body=body)


def _sealed(options: Options, *names: str) -> dict[str, Any]:
    """Put these options into a Secret, as the settings do."""
    return {**options, **{name: Secret(options[name]) for name in names}}


def _from_readme() -> Any:
    """Return the example's class, run from the very text that people copy."""
    module = ModuleType("example_of_readme")
    module.__file__ = str(README)
    sys.modules[module.__name__] = module
    text = README.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    exec(compile(text, str(README), "exec"), vars(module))  # noqa: S102  it is our own page
    return module.Acme


_Acme: Final = _from_readme()


def _google(options: Options) -> GoogleDataManager:
    return GoogleDataManager(
        **{
            **options,
            "credentials": Credentials(**_sealed(options["credentials"], "client_secret", "refresh_token")),
            "conversions": {name: Conversion(**told) for name, told in options["conversions"].items()},
        }
    )


def _x(options: Options) -> X:
    """Sign with the four keys, the richer of X's two ways to authenticate."""
    keys = _sealed(options["credentials"], "consumer_secret", "access_token_secret")
    return X(**{**options, "credentials": XCredentials(**keys)})


ALL: Final = (
    Entry(name="echo", make=lambda options: Echo(**options), options={}),
    Entry(
        name="webhook",
        make=lambda options: Webhook(**_sealed(options, "secret")),
        options={"url": "https://hooks.shop.example/tagway?source=shop", "secret": "s3cret-of-webhook"},
        secrets=("s3cret-of-webhook",),
    ),
    Entry(
        name="meta",
        make=lambda options: Meta(**_sealed(options, "access_token")),
        options={"dataset_id": "123", "access_token": "s3cret-of-meta"},
        secrets=("s3cret-of-meta",),
        confirms=lambda count: answer(b'{"events_received":%d,"messages":[],"fbtrace_id":"Ax"}' % count),
    ),
    Entry(
        name="acme",
        make=lambda options: _Acme(**_sealed(options, "token")),
        options={"account": "7", "token": "s3cret-of-acme"},
        secrets=("s3cret-of-acme",),
        confirms=lambda count: answer(b'{"rows":[' + b",".join([b'"ok"'] * count) + b"]}"),
    ),
    Entry(
        name="google_data_manager",
        make=_google,
        options={
            "operating_account": "123-456-7890",
            "credentials": {
                "kind": "refresh_token",
                "client_id": "42.apps.googleusercontent.com",
                "client_secret": "s3cret-of-client",
                "refresh_token": "s3cret-of-user",
            },
            "conversions": {
                "purchase": {"action_id": "987", "mode": "online"},
                "sign_up": {"action_id": "987", "mode": "online"},
                "generate_lead": {"action_id": "988", "mode": "offline"},
            },
        },
        secrets=("s3cret-of-client", "s3cret-of-user"),
        confirms=lambda count: answer(b'{"requestId":"req-%d"}' % count),
    ),
    Entry(
        name="tiktok",
        make=lambda options: TikTok(**_sealed(options, "access_token")),
        options={"pixel_code": "C123", "access_token": "s3cret-of-tiktok"},
        secrets=("s3cret-of-tiktok",),
        confirms=lambda count: answer(b'{"code":0,"message":"OK","request_id":"%d","data":{}}' % count),
    ),
    Entry(
        name="snapchat",
        make=lambda options: Snapchat(**_sealed(options, "access_token")),
        options={"pixel_id": "0a1b2c3d-0000-4000-8000-000000000000", "access_token": "s3cret-of-snapchat"},
        secrets=("s3cret-of-snapchat",),
        confirms=lambda count: answer(b'{"status":"VALID","reason":"Events have been processed successfully."}'),
    ),
    Entry(
        name="pinterest",
        make=lambda options: Pinterest(**_sealed(options, "access_token")),
        options={"ad_account_id": "549755885175", "access_token": "s3cret-of-pinterest"},
        secrets=("s3cret-of-pinterest",),
        confirms=lambda count: answer(
            orjson.dumps(
                {
                    "num_events_received": count,
                    "num_events_processed": count,
                    "events": [{"status": "processed", "error_message": "", "warning_message": ""}] * count,
                }
            )
        ),
    ),
    Entry(
        name="reddit",
        make=lambda options: Reddit(**_sealed(options, "access_token")),
        options={"pixel_id": "a2_abcdef", "access_token": "s3cret-of-reddit"},
        secrets=("s3cret-of-reddit",),
        confirms=lambda count: answer(b'{"data":{"message":"Successfully processed %d conversion events."}}' % count),
    ),
    Entry(
        name="microsoft",
        make=lambda options: Microsoft(**_sealed(options, "access_token")),
        options={"tag_id": "187012345", "access_token": "s3cret-of-microsoft"},
        secrets=("s3cret-of-microsoft",),
        confirms=lambda count: answer(b'{"eventsReceived":%d,"traceId":"t-1"}' % count),
    ),
    Entry(
        name="ga4",
        make=lambda options: GA4(**_sealed(options, "api_secret")),
        options={"measurement_id": "G-ABC123", "api_secret": "s3cret-of-ga4"},
        secrets=("s3cret-of-ga4",),
    ),
    Entry(
        name="ga4_relay",
        make=lambda options: GA4Relay(**options),
        options={"measurement_id": "G-ABC123"},
    ),
    Entry(
        name="linkedin",
        make=lambda options: LinkedIn(**_sealed(options, "access_token")),
        options={
            "access_token": "s3cret-of-linkedin",
            "conversions": {"purchase": "104012", "generate_lead": "urn:lla:llaPartnerConversion:104013"},
        },
        secrets=("s3cret-of-linkedin",),
        confirms=lambda count: answer(b'{"elements":[' + b",".join([b'{"status":201}'] * count) + b"]}"),
    ),
    Entry(
        name="x",
        make=_x,
        options={
            "pixel_id": "o1abc",
            "conversions": {"purchase": "tw-o1abc-o2pur", "generate_lead": "o3lea"},
            "credentials": {
                "consumer_key": "key-of-x",
                "consumer_secret": "s3cret-of-x-app",
                "access_token": "42-token-of-x",
                "access_token_secret": "s3cret-of-x-user",
            },
        },
        secrets=("s3cret-of-x-app", "s3cret-of-x-user"),
        confirms=lambda count: answer(b'{"request":{},"data":{"conversions_processed":%d,"debug_id":"d-1"}}' % count),
    ),
)
