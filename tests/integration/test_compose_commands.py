"""Every command line of the compose files, run as far as its configuration is accepted.

Images of others cannot be run here: of theirs, the scripts that these files mount have tests of their own.
"""

import importlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestrator.cli import application
from orchestrator.cli.exits import ExitCode
from tests.kit.orchestrators import plain_environment
from tests.kit.ports import free_port
from tests.kit.process import Child, wait_until
from tests.kit.s3 import ACCESS_KEY, SECRET_KEY, S3Server
from tests.unit.deploy.composing import COMPOSE, ROOT, filled, merged

WORKERS = ("clip", "enhance", "text", "vlm")
OURS = ("api", "migrate", "orchestrator", "s3-bucket", "topology", *WORKERS)
OTHERS = (
    "mariadb",
    "milvus",
    "mongo",
    "mongo-init",
    "rabbitmq",
    "rabbitmq-users",
    "s3",
    "sql-app",
    "sql-owner",
    "triton",
)
VARIABLES = {
    **filled(),
    "CLIP_WEIGHTS": "clip.safetensors",
    "ENHANCE_WEIGHTS": "RealESRGAN_x4plus.pth",
    "JUSTLENS_API_KEYS": '{"shop": {"key": "0123456789abcdef", "scopes": ["read"]}}',
    "JUSTLENS_S3_ACCESS_KEY": ACCESS_KEY,
    "JUSTLENS_S3_SECRET_KEY": SECRET_KEY,
}
SERVICES: Mapping[str, Any] = merged(VARIABLES)["services"]


def test_no_service_is_left_out() -> None:
    assert SERVICES.keys() == {*OURS, *OTHERS}
    ours = {name for name, service in SERVICES.items() if service["image"].startswith("justlens-")}
    assert ours == {*OURS, "triton"}  # tritonserver is NVIDIA's


def _weights(folder: Path) -> None:
    """What an operator puts into WEIGHTS_DIR, going by the names in the env file."""
    for name in ("ENHANCE_WEIGHTS", "CLIP_WEIGHTS"):
        (folder / VARIABLES[name]).touch()
    (folder / VARIABLES["VLM_WEIGHTS"]).mkdir()


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_accepts_its_command_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _weights(tmp_path)
    became: list[Sequence[str]] = []
    monkeypatch.setattr(os, "execv", lambda _program, command: became.append(command))
    words = [word.replace("/weights/", f"{tmp_path}/") for word in SERVICES[name]["command"]]
    done = CliRunner().invoke(application(), ["worker", *words])
    assert (done.exit_code, [command[1:3] for command in became]) == (0, [["-m", f"workers.{name}"]]), done.output
    command = importlib.import_module(f"workers.{name}.command")
    served: list[Any] = []
    monkeypatch.setattr(command, "serve_and_exit", lambda *what: served.append(what))
    command.main(became[0][3:])
    ((service, _, options),) = served
    assert (service.name, options.host) == (name, "0.0.0.0")


def _run(name: str, command: Sequence[str], folder: Path, enough: Callable[[str], bool], **variables: str) -> str:
    """What the command said with the service's environment and every server out of reach; ended at ``enough``."""
    environment = {key: VARIABLES[key] if value is None else value for key, value in _environment(name).items()}
    away = {
        key: re.sub(r"\b(mariadb|milvus|mongo|rabbitmq|s3|triton):\d+", f"127.0.0.1:{free_port()}", value)
        for key, value in environment.items()
    }
    image = {"JUSTLENS_MODE": "servers", "JUSTLENS_HTTP_PORT": "0", "JUSTLENS_API_PORT": "0"}
    log = folder / "output"
    every = plain_environment({"HOME": str(folder), "PYTHONPATH": str(ROOT), **image, **away, **variables})
    child = Child(command, every, log, folder)
    try:
        wait_until(lambda: not child.alive() or enough(log.read_text()), 30, f"{name} to accept its configuration")
    finally:
        child.terminate()
    return f"{log.read_text()}\nexit code {child.exit_code}"


def _environment(name: str) -> Mapping[str, str | None]:
    found: Mapping[str, str | None] = SERVICES[name]["environment"]
    return found


@pytest.mark.parametrize(("name", "accepted"), [("orchestrator", '"dependency": "rabbitmq"'), ("api", "api_listening")])
def test_a_process_accepts_its_configuration(name: str, accepted: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchestrator", *SERVICES[name]["command"]]
    said = _run(name, command, tmp_path, lambda text: accepted in text, JUSTLENS_LOG_FORMAT="json")
    assert accepted in said and said.endswith("exit code 0"), said


def test_topology_is_compared_by_a_command_that_is_accepted(tmp_path: Path) -> None:
    shell, option, script = SERVICES["topology"]["entrypoint"]
    justlens = f"{shlex.quote(sys.executable)} -m orchestrator"
    said = _run("topology", [shell, option, script.replace("justlens", justlens)], tmp_path, lambda _: False)
    assert said.endswith(f"exit code {ExitCode.UNAVAILABLE.value}"), said


def test_migrations_accept_their_command_line(tmp_path: Path) -> None:
    program, option, file, *words = SERVICES["migrate"]["entrypoint"]
    file = str(ROOT / Path(file).relative_to("/app"))
    command = [sys.executable, "-m", program, option, file, *words, "--sql"]  # printed, since there is no server
    said = _run("migrate", command, tmp_path, lambda _: False)
    assert "CREATE TABLE categories" in said and said.endswith("exit code 0"), said


def test_the_bucket_is_made(s3_server: S3Server, tmp_path: Path) -> None:
    s3_server.ensure_running()
    mounted = dict(volume.split(":")[1::-1] for volume in SERVICES["s3-bucket"]["volumes"])
    _, path = SERVICES["s3-bucket"]["entrypoint"]
    command = [sys.executable, str((COMPOSE / mounted[path]).resolve())]
    said = _run("s3-bucket", command, tmp_path, lambda _: False, JUSTLENS_S3_ENDPOINT=s3_server.endpoint)
    client = s3_server.client()
    try:
        buckets = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    finally:
        client.close()
        s3_server.drop_bucket(VARIABLES["JUSTLENS_S3_BUCKET"])
    assert VARIABLES["JUSTLENS_S3_BUCKET"] in buckets and said.endswith("exit code 0"), said
