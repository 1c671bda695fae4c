"""What is served as it is: named with version and licence, whole, and calling nobody."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from gateway.console import pages

STATIC = Path(pages.__file__).parent / "static"
HERE = Path(__file__).parent


@pytest.mark.parametrize("folder", [STATIC / "vendor", HERE / "vendor"])
def test_every_vendored_file_is_named_with_its_digest_and_licence(folder: Path) -> None:
    named = dict(re.findall(r"\| `([^`]+)` \|.*`([0-9a-f]{64})` \|", (folder / "README.md").read_text()))
    licences = set(re.findall(r"`([^`]+\.LICENSE)`", (folder / "README.md").read_text()))
    kept = {path.name: path for path in folder.iterdir() if path.suffix in (".js", ".css")}

    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in kept.items()} == named
    assert licences == {path.name for path in folder.glob("*.LICENSE")}


def test_our_own_files_fetch_nothing_from_elsewhere() -> None:
    for path in STATIC.glob("*.*"):
        assert set(re.findall(r"https?://[^\s\"')]+", path.read_text())) <= {"http://www.w3.org/2000/svg"}, path.name
