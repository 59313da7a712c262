"""Weights by name: from a hub (one of this machine, asked by the hub's own client), pinned, and downloaded once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.kit.hub import Hub, serving
from tests.kit.sr_networks import saved, srvgg
from tests.kit.worker import Worker
from tests.kit.worker_client import Client, photo
from workers.builtin import FOLDER
from workers.weights.digest import weights_digest
from workers.weights.hub import weights_at, weights_named
from workers.wire import READY_PATH, EnhanceReply

NET = (FOLDER / "sr_x2" / "model.safetensors").read_bytes()
FILES = {
    "someone/nets": {"x2.safetensors": NET, "deep/x2.safetensors": NET},
    "someone/model": {
        "config.json": b"{}",
        "model.safetensors": NET,
        "pytorch_model.bin": b"a pickle",
        "modeling.py": b"raise SystemExit",
    },
}
FETCH = """
import json, sys
from workers.weights.hub import weights_at, weights_named
path = weights_at(weights_named(sys.argv[1]), sys.argv[2:])
print(json.dumps([str(path), sorted(p.name for p in path.iterdir() if p.is_file()) if path.is_dir() else []]))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """One with two repositories."""
    with serving(FILES) as running:
        yield running


def fetch(hub: Hub, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What another process downloads; the hub's client reads its address when it is imported."""
    return subprocess.run(
        [sys.executable, "-c", FETCH, *arguments],
        check=False,
        env=environment(hub, folder),
        capture_output=True,
        text=True,
    )


def environment(hub: Hub, folder: Path) -> dict[str, str]:
    """Of a user who has set nothing; a sentence model that was loaded in this process has forbidden itself the hub."""
    own = {"HF_ENDPOINT": hub.url, "JUSTLENS_WEIGHTS_CACHE": str(folder), "HF_HUB_DISABLE_XET": "1"}
    return os.environ | own | {"HF_HUB_OFFLINE": "0"}


def test_a_repository_comes_without_pickles_and_code_and_is_not_asked_for_twice(hub: Hub, tmp_path: Path) -> None:
    first = fetch(hub, tmp_path, "hf-hub:someone/model")
    assert first.returncode == 0, first.stderr
    path, files = json.loads(first.stdout)
    assert Path(path).name == "model" and files == ["config.json", "model.safetensors"]
    asked = len(hub.asked)
    assert json.loads(fetch(hub, tmp_path, "hf-hub:someone/model").stdout) == [path, files]
    assert len(hub.asked) == asked


def test_one_file_of_a_revision_is_where_its_name_says(hub: Hub, tmp_path: Path) -> None:
    done = fetch(hub, tmp_path, "hf-hub:someone/nets/deep/x2.safetensors@v1.0")
    assert done.returncode == 0, done.stderr
    path = Path(json.loads(done.stdout)[0])
    assert path.read_bytes() == NET and path.parts[-3:] == ("nets", "deep", "x2.safetensors")
    assert any("v1.0" in one for one in hub.asked)


@pytest.mark.parametrize("name", ["hf-hub:someone/model", "hf-hub:someone/nets/x2.safetensors"])
def test_another_hash_than_the_pinned_one_is_refused(hub: Hub, tmp_path: Path, name: str) -> None:
    right = weights_digest([FOLDER / "sr_x2" / "model.safetensors"])
    assert fetch(hub, tmp_path, name, "0" * 64, right).returncode == 0
    refused = fetch(hub, tmp_path, name, "0" * 64)
    assert refused.returncode == 1
    assert f"its SHA-256 is {right}, which is not what was asked for" in refused.stderr


@pytest.mark.parametrize("name", ["someone/nothing", "someone/model@missing", "someone/nets/none.safetensors"])
def test_what_the_hub_does_not_have_is_named_and_leaves_nothing_behind(hub: Hub, tmp_path: Path, name: str) -> None:
    for _ in range(2):
        failed = fetch(hub, tmp_path, f"hf-hub:{name}")
        assert failed.returncode == 1
        assert (
            f"hf-hub:{name.partition('@')[0].removesuffix('/none.safetensors')} could not be downloaded"
            in failed.stderr
        )


@pytest.mark.parametrize("text", ["hf-hub:name", "hf-hub:a/b/../c", "hf-hub:", "hf-hub:a/b@", "hf-hub:a/b c"])
def test_a_malformed_name_says_how_it_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="write hf-hub:owner/name, hf-hub:owner/name/file or either with @revision"):
        weights_named(text)


def test_a_path_is_a_path_and_must_be_there(tmp_path: Path) -> None:
    assert weights_at(weights_named(str(tmp_path))) == tmp_path
    with pytest.raises(FileNotFoundError, match="no weights"):
        weights_at(weights_named(str(tmp_path / "none")))


async def test_a_worker_runs_on_a_pinned_file_of_the_hub(
    session: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = saved(srvgg(2), tmp_path / "x2.safetensors")
    digest = weights_digest([network])
    arguments = ("--weights", "hf-hub:someone/nets/x2.safetensors", "--weights-sha256", digest, "--decoders", "1")
    with serving({"someone/nets": {"x2.safetensors": network.read_bytes()}}) as hub:
        for name, value in environment(hub, tmp_path / "kept").items():
            monkeypatch.setenv(name, value)
        with Worker(tmp_path, "--model", "torch", *arguments) as worker:
            client = Client(session, worker.url)
            await client.until(READY_PATH, 200)
            status, reply, _ = await client.enhance(photo())
    assert status == 200 and isinstance(reply, EnhanceReply)
    assert reply.model == f"SRVGGNetCompact-x2@{digest[:8]}"
