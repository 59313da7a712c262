"""`justlens api`: a process of its own on the files of an embedded system."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from orchestrator.cli.exits import ExitCode
from tests.kit.orchestrators import ROOT, plain_environment
from tests.kit.process import wait_until


def environment(folder: Path, **settings: str) -> dict[str, str]:
    return plain_environment(
        {
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
            "JUSTLENS_DATA_DIR": str(folder / "data"),
            "JUSTLENS_QUEUES_FILE": str(ROOT / "queues.yaml"),
            **settings,
        }
    )


def test_it_serves_until_it_is_asked_to_stop_and_ends_well(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchestrator", "api", "--port", "0"]
    log = tmp_path / "api.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, env=environment(tmp_path), cwd=tmp_path, stderr=output, stdout=output) as process,
    ):
        try:
            wait_until(
                lambda: b"api_listening" in log.read_bytes() or process.poll() is not None, 60, "the API to listen"
            )
            found = re.search(r'"url": "(http://127\.0\.0\.1:\d+)", "docs"', log.read_text())
            assert found, log.read_text()
            assert httpx.get(f"{found[1]}/readyz").json()["ready"] is True
            job = {"to": ["enhance"], "business_id": "b", "image_id": "1", "image_url": "https://e.x/1.jpg"}
            job_id = httpx.post(f"{found[1]}/v1/jobs", json=job).raise_for_status().json()["job_id"]
            report = httpx.get(f"{found[1]}/v1/jobs/{job_id}").json()
            assert report["state"] == "nothing_recorded"
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == ExitCode.DONE, log.read_text()
        finally:
            process.kill()
    assert "Traceback" not in log.read_text()


def test_an_api_that_others_could_reach_without_a_key_does_not_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "api", "--host", "0.0.0.0", "--port", "0"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == ExitCode.CONFIGURATION
    assert "JUSTLENS_API_KEYS" in done.stderr
