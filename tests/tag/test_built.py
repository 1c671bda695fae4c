"""The committed tag: small, fresh, and made of nothing that has no hash."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.core.vocabulary import RECOMMENDED
from gateway.tag import AUTOMATIC, BUILT, PUSHED, Rules, script

ROOM = BUILT.parents[1]
ESBUILD = ROOM / "node_modules/.bin/esbuild"
MAX_BYTES = 3 * 1024
RULES = Rules.of("/t.js", "/t.js", events="/e", image="/i")


def test_the_tag_stays_under_three_kilobytes_packed_with_its_rules_in_it() -> None:
    assert len(gzip.compress(BUILT.read_bytes(), mtime=0)) < MAX_BYTES
    assert len(gzip.compress(script(RULES), mtime=0)) < MAX_BYTES


def test_the_rules_stand_in_the_one_place_that_waits_for_them() -> None:
    assert BUILT.read_text().count("TAGWAY_RULES") == 1
    assert b"TAGWAY_RULES" not in script(RULES)
    assert (
        json.dumps({"tag": "/t.js", "events": "e", "image": "i"}, separators=(",", ":"))[:-1] in script(RULES).decode()
    )


def test_the_source_and_the_server_name_the_same_rules() -> None:
    source = (ROOM / "rules.ts").read_text()

    assert set(re.findall(r"^  readonly (\w+):", source, re.MULTILINE)) == set(Rules.__dataclass_fields__)


@pytest.mark.parametrize(
    ("asked", "below", "events", "image", "wanted"),
    [
        ("/t.js", "/t.js", "/e", "/i", ("e", "i")),
        ("/m/t.js", "/t.js", "/e", "/i", ("e", "i")),
        ("/a/b/c.js", "/a/b/c.js", "/e", "/a/x/i", ("../../e", "../x/i")),
        ("/c.js", "/c.js", "/a/e", "/i", ("a/e", "i")),
    ],
)
def test_the_other_paths_are_told_as_seen_from_the_tag(
    asked: str, below: str, events: str, image: str, wanted: tuple[str, str]
) -> None:
    rules = Rules.of(asked, below, events=events, image=image)

    assert (rules.tag, rules.events, rules.image) == (asked, *wanted)


def test_what_a_page_tells_google_by_itself_is_not_passed_on() -> None:
    assert AUTOMATIC < RECOMMENDED
    assert "page_view" not in PUSHED
    assert {"purchase", "add_to_cart", "generate_lead", "sign_up"} <= set(PUSHED)


def test_the_build_takes_exact_versions_and_the_lock_names_no_host() -> None:
    wanted = json.loads((ROOM / "package.json").read_text())["devDependencies"]
    lock = (ROOM / "package-lock.json").read_text()

    assert set(wanted) == {"esbuild", "typescript"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert "resolved" not in lock
    assert "://" not in lock
    packages = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())


def test_the_committed_tag_is_what_the_source_builds(tmp_path: Path) -> None:
    if not ESBUILD.exists() or shutil.which("node") is None:
        pytest.skip("no esbuild here: ./dev tag installs it and builds")
    command = json.loads((ROOM / "package.json").read_text())["scripts"]["build"].partition("&& esbuild ")[2]
    fresh = tmp_path / "tag.js"
    arguments = command.replace("built/tag.js", str(fresh)).split()

    subprocess.run([ESBUILD, *arguments, "--log-level=error"], cwd=ROOM, check=True)

    assert fresh.read_text() == BUILT.read_text()
