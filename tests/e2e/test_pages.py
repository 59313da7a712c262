"""The front door and the pages behind it: every command is run, and every setting and file they name exists."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.config import Settings
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.orchestrators import plain_environment
from tests.kit.ports import free_port
from tests.kit.settings_page import settings_page
from tests.kit.worker import Worker

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {
    path.relative_to(ROOT): path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
TEXT = "\n".join(PAGES.values())
BLOCKS = list(dict.fromkeys(re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)))
MAKE = [block for block in BLOCKS if block.startswith("make ")]
SERVERS = [block for block in BLOCKS if "export JUSTLENS_" in block or "justlens worker" in block]
EMBEDDED = [block for block in BLOCKS if block not in MAKE and block not in SERVERS]
# Commands that work until they are told to stop: here they are told after some seconds, and must then end well.
LASTING = re.compile(r"^justlens (--data-dir \S+ )?(run|worker|api)\b")


def _bounded(line: str) -> str:
    """A command that lasts ends when its one job is done, or else after a while; and must then end well."""
    if not LASTING.match(line):
        return line
    if "--data-dir" not in line:
        return f"timeout --preserve-status -s TERM 12 {line}"
    done = f"""{line.removesuffix(" run")} status --json | grep -q '"done": 1'"""
    return f"{line} & pid=$!; for n in $(seq 60); do {done} && break || sleep 1; done; kill -TERM $pid; wait $pid"


def run(block: str, environment: Mapping[str, str]) -> str:
    """The output of the block's commands, each of which must end with 0."""
    lines = [line for line in block.splitlines() if line and not line.startswith((". .venv", "export "))]
    bounded = [_bounded(line) for line in lines]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(bounded)],
        cwd=ROOT,
        env={**environment, "PATH": path},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_its_two_commands_are_what_ci_runs_and_what_the_makefile_has() -> None:
    assert MAKE == ["make demo\n", "make test\n"]
    assert re.findall(r"^(demo|test):", (ROOT / "Makefile").read_text(), re.MULTILINE) == ["demo", "test"]
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()


def test_the_embedded_tour_works_command_by_command(tmp_path: Path) -> None:
    shutil.rmtree(ROOT / "build" / "tour", ignore_errors=True)
    environment = plain_environment({"HOME": str(tmp_path), "JUSTLENS_API_PORT": "0"})
    outputs = [run(block, environment) for block in EMBEDDED]
    assert len(outputs) == 5
    status = run("justlens --data-dir build/tour status --json\n", environment)
    assert '"done": 1' in status
    shutil.rmtree(ROOT / "build" / "tour")


async def test_the_tour_of_a_deployment_works_on_real_servers(servers: Servers, tmp_path: Path) -> None:
    with Worker(tmp_path) as worker:
        async with Deployment(servers, tmp_path, Options(worker_urls=[worker.url])) as deployment:
            environment = plain_environment({"HOME": str(tmp_path), **deployment.environment()})
            environment |= {f"JUSTLENS_{name}_PORT": str(free_port()) for name in ("HTTP", "API")}
            environment["JUSTLENS_API_KEYS"] = '{"shop-front": {"key": "only-for-this-test", "scopes": ["read"]}}'
            assert len(SERVERS) == 3
            for block in SERVERS:
                await asyncio.to_thread(run, block.replace("8101", str(free_port())), environment)


def test_the_readme_is_a_front_door_and_not_the_house() -> None:
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_to_a_page_that_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGES[page])
    assert [link for link in links if not (ROOT / page.parent / link).exists()] == []


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    assert PAGES[Path("docs/configuration.md")] == settings_page()


def test_every_setting_it_names_exists() -> None:
    named = set(re.findall(r"JUSTLENS_([A-Z0-9_]+)", TEXT))
    assert named and named <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:[\w.]+/)*[\w]+\.(?:py|yaml|js|md)|(?:\w+/)+)`", TEXT))))
def test_every_file_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists() or (ROOT / "orchestrator" / path).exists()
