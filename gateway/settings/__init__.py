"""One YAML file in, frozen Settings out; or every mistake at once, each with its line and the nearest right word.

Why a room: past it nobody reads a raw configuration, asks the environment or checks a form again. The core's own
dataclasses are the shape of the file, so a key is written down once, where it is used.
Never enters: a socket, Redis, a clock. An adapter arrives by its entry point and is never imported here by name.
"""

from gateway.settings.checks import warnings
from gateway.settings.load import load
from gateway.settings.model import Address, Demo, Sandbox, Server, Settings, StoreSettings
from gateway.settings.problems import ConfigError, Problem
from gateway.settings.schema import schema
from gateway.settings.values import Network, rate_per_s

__all__ = [
    "Address",
    "ConfigError",
    "Demo",
    "Network",
    "Problem",
    "Sandbox",
    "Server",
    "Settings",
    "StoreSettings",
    "load",
    "rate_per_s",
    "schema",
    "warnings",
]
