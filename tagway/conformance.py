"""The contract as a test of any adapter: the suite that our own adapters pass, for whoever writes another.

    SUBJECT = Subject(adapter=Acme(account="7", token=Secret("t0ken")), cases=Path(__file__).parent / "cases")

    @pytest.mark.parametrize("rule", RULES, ids=named)
    def test_contract(rule): rule(SUBJECT)

    @pytest.mark.parametrize("case", golden(SUBJECT), ids=named)
    def test_golden_case(case): case.check()

Or `check(SUBJECT)`, which gathers everything that is wrong into one `Broken`. It needs no test framework, and draws
nothing by chance: the odd events are the same each time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import msgspec
import orjson

from gateway.core.adapter import Adapter, Payload, Request, Response, Ruling, Verdict
from gateway.core.event import Event, Purpose
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip
from gateway.core.quality import Quality
from gateway.core.scan import leak
from gateway.core.view import View
from gateway.core.warrant import warrant
from tagway.compared import apart, within
from tagway.samples import BARE, FOREIGN, FULL, STRANGE, alone, odd_events, without

__all__ = ["RULES", "Broken", "Golden", "Rule", "Subject", "check", "golden", "named", "says_or_skips"]

STATUSES: Final = (200, 204, 301, 400, 401, 403, 404, 408, 413, 429, 500, 503)
_CASE_KEYS: Final = frozenset({"why", "options", "event", "renamed", "name", "payload", "lane", "skip"})


class Broken(AssertionError):
    """The adapter breaks its contract; the text says where and what to do."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An adapter under test.

    `cases`: the folder of its golden cases. `confirms(count)`: an answer with which the platform takes `count`
    payloads; None for a platform of which every 2xx is a confirmation. `says`: an event of ours that it has a name for.
    `make`: how options of a golden case become an adapter, where replacing fields of `adapter` is not enough.
    """

    adapter: Adapter
    cases: Path
    confirms: Callable[[int], Response] | None = None
    says: str = "purchase"
    make: Callable[[Mapping[str, Any]], Adapter] | None = None

    @property
    def full(self) -> Event:
        return msgspec.structs.replace(FULL, name=self.says)

    def with_options(self, options: Mapping[str, Any]) -> Adapter:
        if self.make is not None:
            return self.make(options)
        changed: Any = self.adapter
        return dataclasses.replace(changed, **options) if options else self.adapter


Rule: TypeAlias = Callable[[Subject], None]


def named(what: Any) -> str:
    """Name a rule or a golden case, for a test's id."""
    return str(what.name if isinstance(what, Golden) else what.__name__)


def check(subject: Subject) -> None:
    """Ask every rule and every golden case; raises one Broken that lists all that is wrong."""
    wrong = []
    for name, ask in [
        *((named(rule), lambda rule=rule: rule(subject)) for rule in RULES),
        *((named(case), case.check) for case in golden(subject)),
    ]:
        try:
            ask()
        except Broken as err:
            wrong.append(f"{name}: {err}")
    _demand(not wrong, "\n".join(wrong))


# --- the shape of an adapter -------------------------------------------------------------------------


def is_a_frozen_value_with_the_contracts_parts(subject: Subject) -> None:
    adapter: Any = subject.adapter
    _demand(isinstance(adapter, Adapter), "it lacks a part of gateway.core.adapter.Adapter")
    _demand(dataclasses.is_dataclass(adapter), "it is no dataclass")
    _demand(type(adapter).__dataclass_params__.frozen, "write @dataclass(frozen=True, …)")
    _demand(all(field.kw_only for field in dataclasses.fields(adapter)), "write @dataclass(kw_only=True, …)")
    _demand(not hasattr(adapter, "__dict__"), "write @dataclass(slots=True, …)")
    _demand(isinstance(adapter.manifest, Manifest), "manifest: write a Manifest")
    _demand(adapter.max_batch >= 1, "max_batch: one at least")
    _demand(adapter.max_wait_ms >= 0, "max_wait_ms: not below zero")
    _demand(adapter.max_age_s > 0, "max_age_s: above zero")
    _demand(adapter.purposes <= frozenset(Purpose), "purposes: members of Purpose")


def names_events_by_text_or_not_at_all(subject: Subject) -> None:
    for name in ("page_view", "purchase", "refund", "quiz_done", "Purchase", "a" * 64):
        told = subject.adapter.name(name)
        _demand(told is None or told != "", f"name({name!r}) is neither text nor None")


# --- the manifest ------------------------------------------------------------------------------------


def reads_no_more_than_it_declares(subject: Subject) -> None:
    """An identifier that the manifest forgot is missing from what leaves, which nobody would notice."""
    adapter, view, full = subject.adapter, View(subject.adapter.manifest), subject.full
    for whole in (full, msgspec.structs.replace(full, name="page_view"), *alone(full)):
        # What a page or an app says in passing (a click id in an address, a property) is cut away, and shall be.
        seen = view.of(whole)
        event = msgspec.structs.replace(whole, page=seen.page, properties=seen.properties)
        name = adapter.name(event.name)
        same = name is None or adapter.payload(view.of(event), name) == adapter.payload(event, name)
        _demand(same, "payload() uses an identifier that manifest.reads does not list")


def declares_no_more_than_it_reads(subject: Subject) -> None:
    """What is declared is shown to whoever installs the adapter, and given to it: it has to be true."""
    cases = golden(subject)
    adapters = [subject.adapter]
    adapters += [case.adapter for case in cases if case.told.get("options")]
    events = [subject.full, *alone(subject.full), *(case.event for case in cases)]
    for field in sorted(subject.adapter.manifest.fields):
        _demand(
            any(_matters(adapter, event, field) for adapter in adapters for event in events),
            f"manifest.reads lists {field}, and no payload changes with it: take it out, or add a case that shows it",
        )


def _matters(adapter: Adapter, event: Event, field: str) -> bool:
    name = adapter.name(event.name)
    less = without(event, field)
    return name is not None and less != event and adapter.payload(event, name) != adapter.payload(less, name)


def calls_only_hosts_that_it_declares(subject: Subject) -> None:
    endpoint = subject.adapter.endpoint
    _demand(endpoint.startswith(("http://", "https://")), "endpoint: scheme and host")
    _demand(not endpoint.endswith("/"), "endpoint: without a trailing slash")
    allowed = {_origin(base) for base in warrant(subject.adapter).bases}
    request = subject.adapter.request([_said(subject)])
    for place in (endpoint, endpoint + request.path):
        _demand(_origin(place) in allowed, f"manifest.hosts does not name the host of {_origin(place)}")


def uses_only_secrets_that_it_declares(subject: Subject) -> None:
    adapter = subject.adapter
    request = adapter.request([_said(subject)])
    _demand(
        warrant(adapter).opens(adapter.auth, request), "manifest.secrets does not name a secret of auth or of query"
    )
    unset = [name for name in (*adapter.manifest.secrets, *adapter.manifest.urls) if not _exists(subject, name)]
    _demand(not unset, f"manifest names options that it has not: {', '.join(unset)}")


def _exists(subject: Subject, name: str) -> bool:
    shape: Any = subject.adapter
    first = name.split(".", maxsplit=1)[0]
    return first in {field.name for field in dataclasses.fields(shape)}


def shows_no_secret(subject: Subject) -> None:
    adapter = subject.adapter
    request = adapter.request([_said(subject)])
    shown = repr(request) + orjson.dumps(request.json).decode() + repr(adapter) + repr(adapter.auth)
    for secret in warrant(adapter).secrets:
        _demand(secret.reveal() not in shown, "a secret is readable in repr(adapter), in repr(auth) or in a request")


# --- saying ------------------------------------------------------------------------------------------


def says_or_skips_a_bare_event(subject: Subject) -> None:
    told = subject.adapter.payload(BARE, "page_view")
    _demand(isinstance(told, Payload | Skip), "payload() of an event with nothing in it is neither Payload nor Skip")


def says_a_full_event(subject: Subject) -> None:
    _said(subject)
    quality = Quality(subject.adapter.manifest).of(subject.full)
    _demand(quality is None or quality > 0, "match quality of a full event is 0: list in manifest.reads what is read")


def says_or_skips_any_event(subject: Subject) -> None:
    for event in odd_events(subject.full):
        says_or_skips(subject.adapter, event)


def says_or_skips(adapter: Adapter, event: Event) -> None:
    """Demand of one event: said or skipped, twice alike, left as it was, packed as JSON, nothing readable in it."""
    before, name = msgspec.json.encode(event), adapter.name(event.name)
    for told in (event.name, name or "custom"):
        try:
            said = adapter.payload(event, told)
        except Exception as err:
            raise Broken(f"payload() raises {type(err).__name__} for {event}") from err
        _demand(isinstance(said, Payload | Skip), "payload() returns neither Payload nor Skip")
        _demand(said == adapter.payload(event, told), "payload() says the same event in two ways")
        _demand(msgspec.json.encode(event) == before, "payload() changes the event")
        if isinstance(said, Payload):
            body = adapter.request([said]).json
            orjson.dumps(body)
            place = leak(body, adapter.hashed)
            _demand(place is None, f"readable text where a digest belongs: {place}")


def packs_one_and_max_batch(subject: Subject) -> None:
    adapter, said = subject.adapter, _said(subject)
    one, most = adapter.request([said]), adapter.request([said] * adapter.max_batch)
    for request in (one, most):
        _demand(isinstance(request, Request), "request() returns no Request")
        _demand(request.path.startswith("/"), "request().path begins with /")
        _demand(request.method in ("POST", "PUT", "PATCH", "GET"), "request().method is unknown")
    longer = len(orjson.dumps(most.json)) > len(orjson.dumps(one.json))
    _demand(longer or adapter.max_batch == 1, "request() of max_batch payloads is no longer than of one")


# --- ruling ------------------------------------------------------------------------------------------


def rules_on_every_payload_whatever_comes_back(subject: Subject) -> None:
    for status in STATUSES:
        for count in (1, 3):
            for body in (*STRANGE, *_strangers(subject, count)):
                _rule_on(subject, Response(status=status, headers={}, body=body), count)


def _rule_on(subject: Subject, response: Response, count: int) -> None:
    try:
        verdicts = subject.adapter.verdicts(response, count)
    except Exception as err:
        raise Broken(f"verdicts() raises {type(err).__name__} for {response.status} {response.body!r}") from err
    _demand(len(verdicts) == count, f"verdicts() is not {count} long for {response.status} {response.body!r}")
    _demand(all(isinstance(verdict, Verdict) for verdict in verdicts), "verdicts() returns something else")
    if subject.confirms is not None or not 200 <= response.status < 300:
        believed = Ruling.ACCEPTED in {verdict.ruling for verdict in verdicts}
        _demand(not believed, f"verdicts() takes {response.status} {response.body!r} for a confirmation")


def _strangers(subject: Subject, count: int) -> Iterator[bytes]:
    """What other platforms answer when they are content, less what looks like this one's own answer."""
    own = orjson.loads(subject.confirms(count).body or b"null") if subject.confirms else None
    for body in FOREIGN:
        told = orjson.loads(body % count if b"%d" in body else body)
        if not (isinstance(own, dict) and isinstance(told, dict) and own.keys() == told.keys()):
            yield orjson.dumps(told)


def believes_its_own_confirmation(subject: Subject) -> None:
    for count in (1, 3, 100):
        response = subject.confirms(count) if subject.confirms else Response(status=204, headers={}, body=b"")
        told = [verdict.ruling for verdict in subject.adapter.verdicts(response, count)]
        _demand(told == [Ruling.ACCEPTED] * count, f"verdicts() of {count} confirmed payloads: {told}")


def believes_no_redirect_and_no_error(subject: Subject) -> None:
    if subject.confirms is None:
        return
    for status in (301, 307, 401, 429, 500, 503):
        response = dataclasses.replace(subject.confirms(2), status=status)
        told = {verdict.ruling for verdict in subject.adapter.verdicts(response, 2)}
        _demand(Ruling.ACCEPTED not in told, f"a confirmation's text in a {status} is believed")


def repeats_no_words_of_the_platform(subject: Subject) -> None:
    body = (
        b'{"error":{"message":"joe@example.com is wrong","code":100,"status":"joe@example.com"},'
        b'"message":"joe@example.com","code":40002,"data":{"reason":"joe@example.com"}}'
    )
    for status in STATUSES:
        for verdict in subject.adapter.verdicts(Response(status=status, headers={}, body=body), 2):
            _demand("joe" not in verdict.reason, "a reason repeats the platform's text; take its code")


def repeats_how_long_to_wait(subject: Subject) -> None:
    for verdict in subject.adapter.verdicts(Response(status=429, headers={"retry-after": "17"}, body=b""), 2):
        told = (verdict.ruling, verdict.retry_after_s)
        _demand(told == (Ruling.THROTTLED, 17), f"a 429 with Retry-After: 17 is ruled {told}")


# --- golden cases ------------------------------------------------------------------------------------


def has_golden_cases(subject: Subject) -> None:
    _demand(any(subject.cases.glob("*.json")), f"no case in {subject.cases}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One case: an event of ours, and what the platform's page says it should become."""

    subject: Subject
    name: str
    told: Mapping[str, Any]

    @property
    def adapter(self) -> Adapter:
        return self.subject.with_options(self.told.get("options", {}))

    @property
    def event(self) -> Event:
        return msgspec.convert(self.told["event"], Event)

    def check(self) -> None:
        """Demand that the case says nothing but what an event can, and that it holds, as the gateway would ask it."""
        told, adapter = self.told, self.adapter
        _demand(set(told) <= _CASE_KEYS, f"unknown keys: {sorted(set(told) - _CASE_KEYS)}")
        _demand(("payload" in told) != ("skip" in told), "write payload, or skip and its reason")
        # A misspelled field would be passed over in silence, and the case would prove nothing.
        _demand(within(told["event"], msgspec.to_builtins(self.event)), "its event has a field that no event has")
        name = told["name"]
        if not told.get("renamed"):
            _demand(adapter.name(self.event.name) == name, f"name() says {adapter.name(self.event.name)!r}")
        event = View(adapter.manifest).of(self.event)
        said = Skip.UNMAPPED if name is None else adapter.payload(event, name)
        if "skip" in told:
            _demand(said == Skip(told["skip"]), f"skips {told['skip']}, not {said}")
        elif not isinstance(said, Payload):
            raise Broken(f"says nothing: {said}")
        else:
            body = orjson.loads(orjson.dumps(said.body))
            _demand(body == told["payload"], "; ".join(apart(body, told["payload"], "payload")))
            _demand(said.lane == told.get("lane", ""), f"lane is {said.lane!r}")
            place = leak(adapter.request([said]).json, adapter.hashed)
            _demand(place is None, f"readable text where a digest belongs: {place}")


def golden(subject: Subject) -> tuple[Golden, ...]:
    """Read the golden cases, in the order of their files' names."""
    return tuple(
        Golden(subject=subject, name=path.stem, told=orjson.loads(path.read_bytes()))
        for path in sorted(subject.cases.glob("*.json"))
    )


RULES: Final[tuple[Rule, ...]] = (
    is_a_frozen_value_with_the_contracts_parts,
    names_events_by_text_or_not_at_all,
    reads_no_more_than_it_declares,
    declares_no_more_than_it_reads,
    calls_only_hosts_that_it_declares,
    uses_only_secrets_that_it_declares,
    shows_no_secret,
    says_or_skips_a_bare_event,
    says_a_full_event,
    says_or_skips_any_event,
    packs_one_and_max_batch,
    rules_on_every_payload_whatever_comes_back,
    believes_its_own_confirmation,
    believes_no_redirect_and_no_error,
    repeats_no_words_of_the_platform,
    repeats_how_long_to_wait,
    has_golden_cases,
)


def _said(subject: Subject) -> Payload:
    name = subject.adapter.name(subject.says)
    if name is None:
        raise Broken(f"name({subject.says!r}) is None: set Subject.says to an event that it takes")
    said = subject.adapter.payload(subject.full, name)
    if not isinstance(said, Payload):
        raise Broken(f"payload() skips a full event: {said}")
    return said


def _origin(url: str) -> tuple[str, str | None, int | None]:
    split = urlsplit(url)
    return split.scheme, split.hostname, split.port or {"https": 443, "http": 80}.get(split.scheme)


def _demand(holds: bool, words: str) -> None:
    if not holds:
        raise Broken(words)
