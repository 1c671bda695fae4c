"""`./dev` sets up once, trusts nothing half-made, and says what is wrong. A stand-in plays Python and pip."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Answers what ./dev asks of an interpreter and writes one line per call of pip.
# While the file `gate` exists, pip waits; while `broken` exists, it fails.
PYTHON = r"""#!/bin/sh
case "$*" in
    -V) echo "Python 3.11.99" ;;
    "-m pip --version") ;;
    "-m venv "*)
        mkdir -p .venv/bin
        cp "$0" .venv/bin/python
        printf '#!/bin/sh\necho "tagway $*"\n' >.venv/bin/tagway
        chmod +x .venv/bin/tagway
        ;;
    "-m pip "*)
        echo "$*" >>calls
        while [ -e gate ]; do sleep 0.01; done
        [ ! -e broken ]
        ;;
    *fcntl*) exec REAL "$@" ;;
    *) ;;
esac
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("dev", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(PYTHON.replace("REAL", shutil.which("python3") or "python3"))
    python.chmod(0o755)
    return tmp_path


def start(tree: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["./dev", *arguments],
        cwd=tree,
        env=os.environ | {"PYTHON": f"{tree}/python"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def dev(tree: Path, *arguments: str) -> tuple[int, str]:
    process = start(tree, *arguments)
    output, _ = process.communicate(timeout=30)
    return process.returncode, output


def pip_calls(tree: Path) -> list[str]:
    """Name what pip was asked to install since the last look."""
    calls = tree / "calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    calls.unlink(missing_ok=True)
    return [line.split()[-1] for line in lines]


def wait_for_pip(tree: Path, process: subprocess.Popen[str]) -> None:
    while not (tree / "calls").exists():
        assert process.poll() is None


def test_first_run_sets_up_and_starts_the_demo(tree: Path) -> None:
    status, output = dev(tree, "run", "--role", "all")

    assert (0, "tagway serve config/demo.yaml --role all") == (status, output.splitlines()[-1])
    assert ["requirements.lock", "."] == pip_calls(tree)


def test_second_run_installs_nothing(tree: Path) -> None:
    dev(tree, "run")
    pip_calls(tree)

    status, output = dev(tree, "run")

    assert (0, "tagway serve config/demo.yaml\n") == (status, output)
    assert [] == pip_calls(tree)


def test_every_install_checks_hashes_or_fetches_nothing(tree: Path) -> None:
    dev(tree, "setup")

    lines = (tree / "calls").read_text().splitlines()

    assert [] == [line for line in lines if "--require-hashes" not in line and "--no-build-isolation" not in line]


def test_tests_are_added_to_what_run_needs(tree: Path) -> None:
    dev(tree, "run")
    pip_calls(tree)

    dev(tree, "bench")

    assert ["requirements-dev.lock"] == pip_calls(tree)


def test_changed_project_file_installs_the_project_alone(tree: Path) -> None:
    dev(tree, "run")
    pip_calls(tree)
    with (tree / "pyproject.toml").open("a") as file:
        file.write("# changed\n")

    dev(tree, "run")

    assert ["."] == pip_calls(tree)


def test_changed_lock_builds_anew(tree: Path) -> None:
    dev(tree, "run")
    pip_calls(tree)
    (tree / ".venv/left-over").touch()
    with (tree / "requirements.lock").open("a") as file:
        file.write("# changed\n")

    dev(tree, "run")

    assert ["requirements.lock", "."] == pip_calls(tree)
    assert not (tree / ".venv/left-over").exists()


def test_moved_folder_builds_anew(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    dev(tree, "run")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "tree"
    shutil.copytree(tree, elsewhere)
    pip_calls(elsewhere)

    dev(elsewhere, "run")

    assert ["requirements.lock", "."] == pip_calls(elsewhere)


def test_failing_pip_stops_at_once_and_leaves_nothing_trusted(tree: Path) -> None:
    (tree / "broken").touch()
    status, output = dev(tree, "run")
    assert status != 0
    assert "tagway serve" not in output
    assert ["requirements.lock"] == pip_calls(tree)

    (tree / "broken").unlink()
    status, output = dev(tree, "run")

    assert (0, ["requirements.lock", "."]) == (status, pip_calls(tree))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_interrupted_set_up_is_begun_again(tree: Path, signum: signal.Signals) -> None:
    (tree / "gate").touch()
    process = start(tree, "run")
    wait_for_pip(tree, process)
    os.killpg(process.pid, signum)
    process.communicate(timeout=30)
    (tree / "gate").unlink()
    pip_calls(tree)

    status, _ = dev(tree, "run")

    assert (0, ["requirements.lock", "."]) == (status, pip_calls(tree))


def test_two_set_ups_at_once_install_once(tree: Path) -> None:
    (tree / "gate").touch()
    first = start(tree, "run")
    wait_for_pip(tree, first)
    second = start(tree, "run")
    assert second.stdout is not None
    assert "waiting" in second.stdout.readline()
    (tree / "gate").unlink()

    for process in (first, second):
        output, _ = process.communicate(timeout=30)
        assert (0, "tagway serve config/demo.yaml") == (process.returncode, output.splitlines()[-1])
    assert ["requirements.lock", "."] == pip_calls(tree)


def test_old_python_is_refused_in_words(tree: Path) -> None:
    (tree / "python").write_text("#!/bin/sh\nexit 1\n")

    status, output = dev(tree, "run")

    assert status == 1
    assert "no Python 3.11 or newer" in output


def test_unknown_command_is_refused(tree: Path) -> None:
    status, output = dev(tree, "rnu")

    assert (1, "dev: no such command: rnu") == (status, output.splitlines()[-1])
