"""What every test may ask for, whatever its room. Fixtures of one room live in that room's own conftest."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run, so that a red run is about the change that it tests. New ones are searched with
# `--hypothesis-profile=search`.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("repeatable")

pytest_plugins = [
    "tests.fixtures.sandbox",
    "tests.fixtures.store",
    "tests.fixtures.gateway",
    "tests.fixtures.browser",
    "tests.fixtures.server",
]

# Made by tools/carried-chromium where Debian's package may not be installed.
CARRIED = Path(__file__).parent.parent / ".tools/chromium"
NO_CHROMIUM = "no Chromium: set CHROME_PATH, or run `make test`, which looks for one that it may install"


def pytest_configure() -> None:
    """Lend Playwright a Node where its own does not start."""
    if (CARRIED / "node").exists():
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(CARRIED / "node"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Name the Chromium that a test starts; skip the test, aloud, where there is none.

    Shape:   an absolute path, for Playwright's `executable_path`. A root user has to start it with `--no-sandbox`.
    """
    named = os.environ.get("CHROME_PATH")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", str(CARRIED / "chromium")):
        if found := shutil.which(name):
            return found
    pytest.skip(NO_CHROMIUM)
