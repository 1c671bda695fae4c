"""Teeth: break the safety code in a copy of the tree, one way at a time; the tests that say so must turn red."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from faults.figures import Run
from faults.gateways import ROOT
from faults.sabotages import ALL, Sabotage

_COPIED: Final = ("gateway", "adapters", "tagway", "tests", "faults", "config", "pyproject.toml")
_LIMIT_S: Final = 300
# A sabotage breaks a promise and not the program: with each of them these still pass, or its red means nothing.
_STILL_GREEN: Final = (
    "tests/store/test_keeper.py::test_an_event_that_waits_for_nobody_is_due_at_once",
    "tests/store/test_keeper.py::test_twins_become_one_event_with_the_servers_value",
    "tests/delivery/test_worker.py::test_a_delivered_event_is_told_with_its_masked_request",
)
# What pytest says: every test passed; one failed. All else is a run that proved nothing.
_GREEN, _RED = 0, 1


def run(tree: Path = ROOT, names: Sequence[str] = ()) -> list[Run]:
    """Check that the tests are green as things are, then that each sabotage turns its own red and no others."""
    chosen = [one for one in ALL if not names or any(name in one.name for name in names)]
    runs = [_whole(tree, chosen)]
    if runs[0].is_good:
        runs += [_broken(tree, one) for one in chosen]
    return runs


def _whole(tree: Path, chosen: Sequence[Sabotage]) -> Run:
    breaches: dict[str, Any] = {one.name: missed for one in chosen if (missed := one.misses(tree))}
    began_s = time.monotonic()
    if not breaches:
        with tempfile.TemporaryDirectory(prefix="tw-teeth-") as folder:
            copy(tree, Path(folder))
            said, code = _tests(Path(folder), sorted({test for one in chosen for test in one.tests}))
            if code != _GREEN:
                breaches["not green as it is"] = said
    took_s = round(time.monotonic() - began_s, 1)
    return Run(name="teeth", seed=0, figures={"sabotage": "none", "took_s": took_s}, breaches=breaches)


def _broken(tree: Path, sabotage: Sabotage) -> Run:
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tw-teeth-") as folder:
        copy(tree, Path(folder))
        sabotage.apply(Path(folder))
        said, code = _tests(Path(folder), _STILL_GREEN)
        works = code == _GREEN
        if works:
            said, code = _tests(Path(folder), sabotage.tests)
    is_caught = works and code == _RED
    figures = {"sabotage": sabotage.name, "caught": is_caught, "took_s": round(time.monotonic() - began_s, 1)}
    why_not = "broken altogether" if not works else "not caught" if code == _GREEN else "not run"
    breaches = {} if is_caught else {why_not: said}
    return Run(name="teeth", seed=0, figures=figures, breaches=breaches)


def copy(tree: Path, folder: Path) -> None:
    """Lay what the tests need into a folder."""
    left_out = shutil.ignore_patterns("__pycache__", "node_modules", ".hypothesis")
    for name in _COPIED:
        if (tree / name).is_dir():
            shutil.copytree(tree / name, folder / name, ignore=left_out, dirs_exist_ok=True)
        else:
            shutil.copy(tree / name, folder / name)


def _tests(folder: Path, tests: Sequence[str]) -> tuple[list[str], int]:
    """Run tests in a copy; returns the end of what pytest said, and its exit code."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    python = [sys.executable, "-P"]
    where = subprocess.run(
        [*python, "-c", "import gateway; print(gateway.__file__)"],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert where.startswith(str(folder)), f"the tests would try {where.strip()} and not the copy"
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", "--show-capture=no", "--tb=line"]
    done = subprocess.run(
        [*python, "-m", "pytest", *options, *tests],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=_LIMIT_S,
    )  # fmt: skip
    return (done.stdout + done.stderr).splitlines()[-12:], done.returncode
