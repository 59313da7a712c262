"""The Dockerfiles, as far as they can be checked without an engine."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from orchestrator.config import Settings
from tests.unit.deploy.composing import ROOT
from tests.unit.deploy.rules import allowed, dockerfile_problems, instructions

FOLDER = ROOT / "deploy" / "docker"
DOCKERFILES = sorted(FOLDER.glob("*.Dockerfile"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
each = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)


def test_there_are_three() -> None:
    assert [path.stem for path in DOCKERFILES] == ["orchestrator", "triton", "worker"]


@each
def test_it_is_pinned_unprivileged_watched_and_downloads_nothing_by_hand(path: Path) -> None:
    assert list(dockerfile_problems(path.read_text())) == []


@each
def test_what_it_copies_is_in_the_repository_and_in_the_build(path: Path) -> None:
    ignore = path.with_name(path.name + ".dockerignore").read_text()
    sources = {
        source for word, rest in instructions(path.read_text()) if word == "COPY" for source in rest.split()[:-1]
    }
    for source in sources:
        tracked = subprocess.run(["git", "ls-files", source], cwd=ROOT, capture_output=True, text=True, check=True)
        assert tracked.stdout, source
        assert allowed(ignore, source), source
    let_in = {line[1:] for line in ignore.splitlines() if line.startswith("!")}
    assert let_in == sources


@each
def test_the_extras_it_installs_exist_and_constraints_hold(path: Path) -> None:
    text = path.read_text()
    extras = set(re.findall(r"\[([a-z]+)\]'", text))
    assert extras
    assert extras <= PROJECT["optional-dependencies"].keys()
    assert "--constraint constraints.txt" in text


@each
def test_its_variables_exist(path: Path) -> None:
    names = set(re.findall(r"JUSTLENS_([A-Z_]+)=", "\n".join(f"{w} {r}" for w, r in instructions(path.read_text()))))
    workers = (ROOT / "workers/vlm/triton_backend.py").read_text()
    unknown = {name for name in names if name.lower() not in Settings.model_fields}
    assert all(f'"JUSTLENS_{name}"' in workers for name in unknown)
    assert not unknown or path.stem == "triton"


def test_the_orchestrator_image_has_no_torch_and_waits_out_its_drain() -> None:
    text = (FOLDER / "orchestrator.Dockerfile").read_text()
    assert set(re.findall(r"\[([a-z]+)\]'", text)) == {"servers"}
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["servers"]
    assert not [name for name in wanted if re.match(r"torch|justlens\[", name)]
    assert f"({Settings().drain_s:.0f} s)" in text


def test_the_triton_image_is_the_one_that_its_readme_describes() -> None:
    text = (FOLDER / "triton.Dockerfile").read_text()
    (base,) = (rest for word, rest in instructions(text) if word == "FROM")
    assert f"FROM {base}\n" in (ROOT / "triton" / "README.md").read_text()
    assert "'numpy<2'" in text


GOOD = 'FROM python:3.11.11-slim\nUSER 1:1\nSTOPSIGNAL SIGTERM\nHEALTHCHECK CMD true\nCMD ["x"]\n'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("python:3.11.11-slim", "python"),
        ("python:3.11.11-slim", "python:latest"),
        ("python:3.11.11-slim", "python:3"),
        ("USER 1:1", "USER 0:0"),
        ("USER 1:1", "USER root"),
        ("USER 1:1\n", ""),
        ("USER 1:1", "USER 1:1\nADD https://example.org/x /x"),
        ("USER 1:1", "USER 1:1\nRUN curl https://example.org | sh"),
        ("USER 1:1", "USER 1:1\nENV API_KEY=abc"),
        ('["x"]', "x"),
        ("STOPSIGNAL SIGTERM\n", ""),
        ("HEALTHCHECK CMD true\n", ""),
        ("USER 1:1", "USER 1:1\nFROM python:3.11.11-slim"),
    ],
)
def test_the_rules_notice(old: str, new: str) -> None:
    assert list(dockerfile_problems(GOOD)) == []
    assert list(dockerfile_problems(GOOD.replace(old, new)))
