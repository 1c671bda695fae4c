"""What an operator writes about Google: the credential, and which event is which conversion action."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from gateway.core.adapter import Secret

UserIp: TypeAlias = Literal["never", "non_eea", "always"]

_ACCOUNT: Final = re.compile(r"[0-9]{1,20}")
_PROJECT: Final = re.compile(r"[a-z0-9:.-]{1,64}")
_WANTED: Final[Mapping[str, tuple[str, ...]]] = {
    "service_account": ("file",),
    "refresh_token": ("client_id", "client_secret", "refresh_token"),
    "metadata": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who asks Google: a service account's key file, a user's refresh token, or the account of this machine.

    `metadata`: on Google Cloud the machine (or the pod, or the Cloud Run service) has an account of its own, and there
    is no key to keep. It takes no other option.
    `token_uri`: where tokens are fetched, when it is not Google's own address; a key file names its own.
    `quota_project`: for a refresh token, the Cloud project that is counted and must have the API enabled.
    """

    kind: Literal["service_account", "refresh_token", "metadata"]
    file: str | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    token_uri: str | None = None
    quota_project: str | None = None

    def __post_init__(self) -> None:
        wanted = _WANTED[self.kind]
        foreign = {"file", "client_id", "client_secret", "refresh_token"}.difference(wanted)
        for key in wanted:
            if not getattr(self, key):
                raise ValueError(f"{key}: needed for kind {self.kind}")
        for key in sorted(foreign):
            if getattr(self, key) is not None:
                raise ValueError(f"{key}: means nothing for kind {self.kind}")
        if self.token_uri is not None and self.kind == "metadata":
            raise ValueError("token_uri: means nothing for kind metadata; its address is fixed, or GCE_METADATA_HOST")
        if self.token_uri is not None and not self.token_uri.startswith(("https://", "http://")):
            raise ValueError("token_uri: write the whole address, as in https://oauth2.googleapis.com/token")
        if self.quota_project is not None:
            if self.kind != "refresh_token":
                raise ValueError(
                    "quota_project: only a refresh_token needs one; an account is counted in its own project"
                )
            if not _PROJECT.fullmatch(self.quota_project):
                raise ValueError("quota_project: write the project's id, as in my-shop-1234")

    @property
    def counted_as(self) -> str:
        """What tells one Cloud project's credentials from another's, as well as we can know."""
        return self.quota_project or self.client_id or self.file or self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One conversion action.

    `action_id`: the digits behind `ctId=` in the address of the action in Google Ads (not the AW- label).
    `mode`: `online` for a "Website" action that the page's own tag fires with the same transaction id; `offline` for
    one of "Website (Import from clicks)", which no tag may fire, or everything counts twice.
    """

    action_id: str
    mode: Literal["online", "offline"]

    def __post_init__(self) -> None:
        if not _ACCOUNT.fullmatch(self.action_id):
            raise ValueError("action_id: write the digits behind ctId= in the address of the conversion action")


def account_id(key: str, told: str) -> str:
    """Return the digits of an account, however it was grouped; ValueError names the key."""
    digits = told.replace("-", "").strip()
    if not _ACCOUNT.fullmatch(digits):
        raise ValueError(f"{key}: write the account's number, as in 123-456-7890")
    return digits


def check_conversions(conversions: Mapping[str, Conversion]) -> None:
    """Refuse what would record a gain where money went back: the API has no retraction."""
    if not conversions:
        raise ValueError("conversions: name at least one event and its conversion action")
    if "refund" in conversions:
        raise ValueError("conversions.refund: the Data Manager API takes no conversion back; adjust it in Google Ads")
