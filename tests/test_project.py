"""The scaffold keeps its word: pinned packages, sizes, import rules with teeth."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
CODE = ("gateway", "adapters", "tagway")
MAX_FILE_LINES = 400
MAX_TEST_FILE_LINES = 700  # tables of cases are long and read easily
MAX_FUNCTION_LINES = 60


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> dict[str, str]:
    """Read what a lock file pins: name -> everything up to the next name, hashes included."""
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)
    return {re.split(r"==", entry, maxsplit=1)[0].strip(): entry for entry in entries if "==" in entry}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


# --- lock files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    bare = [name for name, entry in pins(lock).items() if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)]

    assert pins(lock)
    assert bare == []


def test_tests_run_on_the_versions_that_users_get() -> None:
    running, testing = pins(LOCKS[0]), pins(LOCKS[1])

    assert running == {name: entry for name, entry in testing.items() if name in running}


def test_lock_holds_every_dependency() -> None:
    project = pyproject()
    named = project["project"]["dependencies"] + project["dependency-groups"]["build"]
    names = {re.split(r"[\[<>=!; ]", line, maxsplit=1)[0].lower() for line in named}

    assert names - pins(LOCKS[0]).keys() == set()


# --- sizes and folders -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "limit"), [*((folder, MAX_FILE_LINES) for folder in CODE), ("tests", MAX_TEST_FILE_LINES)]
)
def test_files_fit_their_limit(folder: str, limit: int) -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources(folder)}

    assert {name: count for name, count in lines.items() if count > limit} == {}


def test_functions_fit_their_limit() -> None:
    lines = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in sources(*CODE, "tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: count for name, count in lines.items() if count > MAX_FUNCTION_LINES} == {}


def test_every_code_folder_is_a_package() -> None:
    folders = {path.parent for path in sources(*CODE)}

    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_core_and_adapters_never_ask_what_time_it_is() -> None:
    asking = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources("gateway/core", "adapters")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
    ]

    assert asking == []


# --- import rules ------------------------------------------------------------------------------------


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"], cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True, text=True
    )


def small_house(tree: Path) -> Path:
    """Build a house of empty rooms that obeys our own contracts."""
    shutil.copy(ROOT / "pyproject.toml", tree)
    rooms = ("core", "settings", "store", "archive", "insight", "web", "delivery", "console", "sandbox")
    for room in ("gateway", *(f"gateway/{room}" for room in rooms), "adapters", "tagway"):
        (tree / room).mkdir()
        (tree / room / "__init__.py").touch()
    for adapter in ("echo", "meta"):
        (tree / "adapters" / f"{adapter}.py").write_text("import gateway.core\n")
    return tree


def test_import_rules_accept_a_house_that_obeys(tmp_path: Path) -> None:
    result = lint_imports(small_house(tmp_path))

    assert "0 broken" in result.stdout, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "verdict"),
    [
        ("gateway/core/a.py", "import time", "core and adapters know no clock.* BROKEN"),
        ("gateway/core/a.py", "from asyncio import sleep", "core and adapters know no clock.* BROKEN"),
        ("gateway/core/a.py", "import gateway.store", "imports go one way.* BROKEN"),
        ("gateway/store/a.py", "import gateway.web", "imports go one way.* BROKEN"),
        ("gateway/web/a.py", "import gateway.delivery", "rooms on one floor never meet BROKEN"),
        ("gateway/attic.py", "", "not listed as layers:\n\n- gateway.attic"),
        ("gateway/delivery/a.py", "import adapters.echo", "the gateway never imports an adapter.* BROKEN"),
        ("adapters/a.py", "import gateway.settings", "an adapter sees the core and nothing else.* BROKEN"),
        ("adapters/a.py", "import adapters.meta", "adapters never meet BROKEN"),
    ],
)
def test_import_rules_catch_a_trespasser(tmp_path: Path, file: str, line: str, verdict: str) -> None:
    (small_house(tmp_path) / file).write_text(line + "\n")

    result = lint_imports(tmp_path)

    assert result.returncode == 1
    assert re.search(verdict, result.stdout), result.stdout


@pytest.mark.parametrize(
    "line",
    [
        "asyncio.create_task(work())",
        "asyncio.ensure_future(work())",
        "asyncio.wait_for(work(), 1)",
        "time.sleep(1)",
        "print(1)",
    ],
)
def test_banned_call_is_named(line: str) -> None:
    program = Path(sys.executable).with_name("ruff")
    source = f"import asyncio\nimport time\n\nprint(asyncio, time)  # noqa: T201\n{line}\n"

    result = subprocess.run(
        [program, "check", "--output-format=concise", "--stdin-filename=gateway/example.py", "-"],
        cwd=ROOT,
        input=source,
        capture_output=True,
        text=True,
    )

    assert re.search(r"TID251|T201", result.stdout), result.stdout


# --- make --------------------------------------------------------------------------------------------


def test_make_targets_are_aliases_of_dev() -> None:
    recipes = dict(re.findall(r"^(\w+): ; @(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    arms = re.findall(r"^    ([a-z|\- ]+)\)", (ROOT / "dev").read_text(), re.MULTILINE)
    commands = {word for arm in arms for word in arm.split(" | ")}

    assert {"run", "test", "bench", "lint"} <= set(targets)
    assert list(recipes) == targets
    assert [name for name, recipe in recipes.items() if not recipe.startswith(f"./dev {name}")] == []
    assert set(targets) - commands == set()
