"""What is installed from a source distribution, away from any checkout and any prefix of Python's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.orchestrators import plain_environment

ROOT = Path(__file__).parents[2]
_BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a source distribution, and the wheel made from it, were installed into with --target."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    parts = ("pyproject.toml", "README.md", "LICENSE", "queues.yaml", "orchestrator/", "workers/")
    for name in tracked.split("\0"):
        if name.startswith(parts):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    _run([sys.executable, "-c", _BUILD, str(folder)], cwd=source)
    (archive,) = folder.glob("*.tar.gz")
    shutil.rmtree(source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--no-deps"]
    _run([*pip, "--no-build-isolation", "--no-compile", "--target", str(folder / "target"), str(archive)], cwd=folder)
    return folder / "target"


def _run(command: list[str], cwd: Path, **variables: str) -> str:
    environment = plain_environment({"HOME": str(cwd), "PYTHONDONTWRITEBYTECODE": "1", **variables})
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_its_pipeline_is_found_from_any_folder(installed: Path, tmp_path: Path) -> None:
    found = (installed / "orchestrator" / "config" / "queues.yaml").resolve()
    assert found.is_relative_to(installed) and found.read_text() == (ROOT / "queues.yaml").read_text()
    command = [sys.executable, "-m", "orchestrator", "config"]
    shown = _run(command, tmp_path, PYTHONPATH=os.fspath(installed), COLUMNS="400")
    assert str(found) in shown and "image_enhance_process" in shown


def test_nothing_is_installed_beside_the_packages(installed: Path) -> None:
    names = {path.name.partition("-")[0] for path in installed.iterdir()}
    assert names == {"bin", "justlens", "orchestrator", "workers"}
