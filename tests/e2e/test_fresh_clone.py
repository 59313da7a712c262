"""A new machine's first minute: clone, `make demo`, in an environment of its own."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kit.orchestrators import plain_environment

ROOT = Path(__file__).parents[2]
SERVER_DRIVERS = {"aio-pika", "aiomysql", "boto3", "motor", "tritonclient"}
HEAVY = {"torch", "torchvision", "transformers", "scikit-image"}
MOST_MB = 600


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone") / "justlens"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True, timeout=60)
    return folder


@pytest.mark.timeout(900)
def test_make_demo_on_a_fresh_clone_needs_no_server(clone: Path, tmp_path: Path) -> None:
    # Package indexes come from the user's own pip configuration, which an empty HOME would hide.
    environment = plain_environment({"HOME": str(Path.home()), "CI": "true"})
    python = shutil.which("python3.11") or "python3"
    done = subprocess.run(
        ["make", "demo", f"PYTHON={python}"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=880,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "x2.7 by sr_x4@" in done.stdout and "dead: not_an_image" in done.stdout
    assert "basis scores" in done.stdout
    installed = subprocess.run(
        [".venv/bin/python", "-m", "pip", "list", "--format=freeze"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.partition("==")[0].lower() for line in installed.stdout.splitlines()}
    assert "justlens" in names and not names & (SERVER_DRIVERS | HEAVY)
    size_mb = int(subprocess.check_output(["du", "-sm", ".venv"], cwd=clone, text=True).split()[0])
    assert size_mb <= MOST_MB, f"{size_mb} MB"
    untracked = subprocess.run(["git", "status", "--short"], cwd=clone, capture_output=True, text=True, check=True)
    assert untracked.stdout == ""
