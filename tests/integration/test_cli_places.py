"""Ports, folders, locks and sockets that cannot be had: sentences with the remedy, exit code 3, no traceback."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from orchestrator.cli import application
from orchestrator.cli.exits import ExitCode
from orchestrator.domain.errors import ConfigurationError
from orchestrator.embedded.control_socket import serve_control
from orchestrator.observe import _opened
from tests.kit.cli import Cli
from tests.kit.embedded import embedded
from tests.kit.orchestrators import ROOT, plain_environment


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return embedded(tmp_path)


class Run:
    """``run(DATA_DIR="x")`` is `justlens run` with that setting, in this process: it never comes to work."""

    def __init__(self, cli: Cli) -> None:
        self._environment = cli.environment

    def __call__(self, *words: str, **changes: str) -> Result:
        changed = {f"JUSTLENS_{name}": value for name, value in changes.items()}
        return CliRunner().invoke(application(), words or ["run"], env={**self._environment, **changed})


@pytest.fixture
def run(cli: Cli) -> Run:
    return Run(cli)


def refused(done: "subprocess.CompletedProcess[str] | Result", *said: str) -> None:
    code = done.returncode if isinstance(done, subprocess.CompletedProcess) else done.exit_code
    assert code == ExitCode.CONFIGURATION, done.stderr
    for text in (*said, "The configuration cannot be used"):
        assert text in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 4, done.stderr


@pytest.mark.parametrize("kind", ["HTTP", "API"])
def test_a_port_that_is_taken_is_named_with_its_setting(cli: Cli, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = cli("run", **{f"{kind.lower()}_port": port})
    refused(done, f"JUSTLENS_{kind}_PORT", f"127.0.0.1:{port} (Address already in use)", "perhaps a second JustLens")


@pytest.mark.parametrize(
    ("host", "said"),
    [("192.0.2.1", "(Cannot assign requested address); this machine has no such address"), ("no.such.invalid", "set")],
)
def test_an_address_that_is_not_here_is_named_with_its_setting(run: Run, host: str, said: str) -> None:
    refused(run(HTTP_HOST=host), f"cannot listen on {host}:0", said, "JUSTLENS_HTTP_HOST")


def test_a_privileged_port_and_a_folder_without_rights_are_refused(cli: Cli) -> None:
    """As root too: without the rights that let root do everything."""
    lessened = [] if os.geteuid() else ["setpriv", "--bounding-set=-net_bind_service,-dac_override,-dac_read_search"]
    if lessened and not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed")
    read_only = cli.folder / "read-only"
    read_only.mkdir(mode=0o555)

    def run_lessened(**changes: str) -> "subprocess.CompletedProcess[str]":
        settings = {**cli.environment, **changes, "HOME": str(cli.folder), "PYTHONPATH": str(ROOT)}
        command = [*lessened, sys.executable, "-m", "orchestrator", "run"]
        return subprocess.run(
            command, env=plain_environment(settings), capture_output=True, text=True, timeout=60, check=False
        )

    refused(run_lessened(JUSTLENS_DATA_DIR=str(read_only)), "JUSTLENS_DATA_DIR", "may not write there", "--data-dir")
    refused(
        run_lessened(JUSTLENS_DATA_DIR=str(read_only / "data")), "JUSTLENS_DATA_DIR", "Permission denied", "--data-dir"
    )
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) > 81:
        refused(run_lessened(JUSTLENS_HTTP_PORT="81"), "JUSTLENS_HTTP_PORT", "(Permission denied); this user may not")


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file where the folder is wanted": (lambda data: data.write_text(""), "something else is there"),
    "a file where its parent is wanted": (lambda data: None, "something else is there"),
    "a folder where the lock is wanted": (lambda data: (data / "lock").mkdir(parents=True), "lock: something else"),
    "a file where the objects are wanted": (lambda data: _file(data / "objects"), "a folder is wanted there"),
}


def _file(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("")


@pytest.mark.parametrize("place", PLACES)
def test_something_else_where_a_folder_or_file_of_ours_is_wanted_is_refused(
    run: Run, tmp_path: Path, place: str
) -> None:
    make, said = PLACES[place]
    data = tmp_path / "data"
    if "parent" in place:
        (tmp_path / "file").write_text("")
        data = tmp_path / "file" / "data"
    make(data)
    refused(run(DATA_DIR=str(data)), "JUSTLENS_DATA_DIR", said)


async def test_a_folder_where_the_control_socket_is_wanted_is_refused(tmp_path: Path) -> None:
    async def call(operation: str, arguments: dict[str, Any]) -> None:
        raise AssertionError

    (tmp_path / "control").mkdir()
    with pytest.raises(ConfigurationError, match=r"control: something else is there.*remove what is there"):
        await serve_control(tmp_path, call)


def test_a_data_directory_whose_socket_would_have_too_long_a_path_is_refused(run: Run, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / "data"
    for command in ("run", "status"):
        refused(run(command, DATA_DIR=str(deep)), "control", "bytes, at most 107 are possible", "shorter path")
    assert not deep.parent.exists()


@pytest.mark.parametrize("command", [("status",), ("dlq", "list"), ("image", "b", "i"), ("sweep",)])
def test_a_command_about_a_system_that_is_not_there_says_so(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    nowhere = tmp_path / "nowhere"
    refused(run(*command, DATA_DIR=str(nowhere)), f"no system at {nowhere}", "--data-dir", "JUSTLENS_MODE=servers")
    assert not nowhere.exists()


def test_a_log_file_that_cannot_be_written_is_refused(run: Run, tmp_path: Path) -> None:
    refused(run(LOG_FILE=str(tmp_path)), "JUSTLENS_LOG_FILE", "Is a directory", "unset it")


def test_a_worker_whose_port_is_taken_says_so_in_one_line(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = cli("worker", "enhance", "--", "--port", str(taken.getsockname()[1]))
    assert done.returncode == ExitCode.USAGE and "Traceback" not in done.stderr
    [line] = done.stderr.splitlines()
    assert '"cannot_listen"' in line and "--port" in line
    assert "not between 0 and 65535" in cli("worker", "enhance", "--", "--port", "65536").stderr


def test_the_demo_refuses_a_folder_that_it_cannot_have(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(run("demo", "--exit", "--data-dir", str(tmp_path / "file")), "JUSTLENS_DATA_DIR", "something else is there")


def test_what_a_system_keeps_is_for_its_user_alone(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    run("catalogue", "load", str(ROOT / "tests/e2e/pictures/catalogue.jsonl"), DATA_DIR=str(tmp_path / "new"))
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    _opened(log).close()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
