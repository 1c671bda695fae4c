"""The schema that editors read: it knows every key, and says no more and no less than the reader."""

from __future__ import annotations

from typing import Any

from gateway.settings import schema
from tests.settings.given import ADAPTERS


def properties(*place: str) -> dict[str, Any]:
    part = schema(ADAPTERS)
    for name in place:
        part = part["properties"][name] if name != "*" else part["additionalProperties"]
    found: dict[str, Any] = part["properties"]
    return found


def test_no_place_takes_unknown_keys() -> None:
    def closed(part: Any) -> bool:
        if isinstance(part, list):
            return all(closed(item) for item in part)
        if not isinstance(part, dict):
            return True
        fixed = isinstance(part.get("properties"), dict) and "object" in part.get("type", ())
        return (not fixed or part.get("additionalProperties") is False) and all(closed(item) for item in part.values())

    assert closed(schema(ADAPTERS))


def test_a_destination_is_one_of_the_adapters_by_its_word() -> None:
    destination = schema(ADAPTERS)["properties"]["destinations"]["additionalProperties"]

    assert destination["discriminator"] == {"propertyName": "adapter"}
    words = {one["properties"]["adapter"]["const"]: set(one["required"]) for one in destination["oneOf"]}
    assert words == {
        "echo": {"adapter"},
        "stand_in": {"adapter", "account_id", "access_token"},
        "webhook": {"adapter", "url", "secret"},
    }


def test_bounds_and_defaults_are_told() -> None:
    drain = properties("server")["drain_s"]

    assert drain["default"] == 5
    assert drain["anyOf"][0] == {"type": "number", "minimum": 0, "maximum": 20}


def test_any_single_value_may_come_from_the_environment() -> None:
    watch = properties("server")["watch"]

    assert {"type": "string", "pattern": r"\$\{|^file:/"} in watch["anyOf"]


def test_a_key_that_may_be_left_out_may_have_nothing_behind_it() -> None:
    server, site, merge = properties("server"), properties("sites", "*"), properties("sites", "*", "merge")
    texts = [server["listen"], server["workers"], server["watch"], server["admin_password"], site["bots"]]
    parts = [schema(ADAPTERS)["properties"]["store"], site["consent"], site["rules"], merge["events"]]

    nothing = {"type": ["null", "string"], "maxLength": 0}
    assert [part["anyOf"][-1] for part in texts] == [nothing] * len(texts)
    assert [(part["type"][1:], part["maxLength"]) for part in parts] == [(nothing["type"], 0)] * len(parts)


def test_a_key_that_has_to_be_there_has_to_say_something() -> None:
    assert [properties("sites", "*")[key]["type"] for key in ("hosts", "origins")] == ["array", "array"]


def test_a_key_that_is_called_like_a_word_of_the_schema_is_no_exception() -> None:
    default = properties("sites", "*", "consent")["default"]

    assert [arm.get("pattern") for arm in default["anyOf"]] == [None, r"\$\{|^file:/", None]


def test_a_site_is_not_named_twice() -> None:
    assert "name" not in properties("sites", "*")


def test_no_secret_has_a_default_and_no_reference_is_lost() -> None:
    whole = schema(ADAPTERS)

    def references(part: Any) -> set[str]:
        if isinstance(part, list):
            return set().union(*map(references, part))
        if not isinstance(part, dict):
            return set()
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(references, part.values()))

    assert references(whole) <= {f"#/$defs/{name}" for name in whole["$defs"]}


def test_a_broken_adapter_is_left_out() -> None:
    def explodes() -> Any:
        raise ImportError("gone")

    destination = schema({**ADAPTERS, "broken": explodes})["properties"]["destinations"]["additionalProperties"]

    assert len(destination["oneOf"]) == len(ADAPTERS)
