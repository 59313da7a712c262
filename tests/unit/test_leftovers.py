"""A run of tests that leaves processes behind fails, names them and ends them."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.kit.leftovers import MARK
from tests.kit.process import wait_until

ROOT = Path(__file__).parents[2]
FORGETFUL = """
import subprocess, sys
from pathlib import Path

def test_that_forgets_a_process():
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep({seconds})"], start_new_session=True)
    Path({told!r}).write_text(str(sleeper.pid))
    sleeper.returncode = 0  # nobody waits for it
"""


@pytest.mark.parametrize(("seconds", "code"), [(0.5, 0), (300, 1)])
def test_a_process_that_outlives_the_run_fails_it_and_is_ended(tmp_path: Path, seconds: float, code: int) -> None:
    told = tmp_path / "pid"
    (tmp_path / "test_it.py").write_text(FORGETFUL.format(seconds=seconds, told=str(told)))
    (tmp_path / "short.py").write_text("import tests.kit.leftovers\ntests.kit.leftovers.GRACE_S = 3.0\n")
    plugins = ("-p", "short", "-p", "tests.kit.leftovers", "-p", "no:cacheprovider", "-n", "1")
    environment = {name: value for name, value in os.environ.items() if not name.startswith((MARK, "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "--rootdir", str(tmp_path), str(tmp_path)],
        env={**environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout
    assert (done.returncode, "time.sleep(300)" in done.stderr) == (code, bool(code))
    wait_until(lambda: not psutil.pid_exists(int(told.read_text())), 5, "the process to end")
