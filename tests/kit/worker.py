"""A real worker process for a test: started on a free port, gone afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import skimage

PHOTOS = Path(skimage.__file__).parent / "data"


PLAIN = {"enhance": "lanczos", "clip": "dummy", "vlm": "dummy"}
"""Models that need no weights: enough wherever the model is not what is tested."""


class Worker:
    """``python -m workers.<family> --port 0`` with more arguments, on one CPU thread; its log goes to ``folder``.

    Without a ``--model`` among them it is a plain one.
    """

    def __init__(self, folder: Path, *arguments: str, family: str = "enhance") -> None:
        self.log = folder / "worker.log"
        command = [sys.executable, "-m", f"workers.{family}", "--port", "0", "--parent-pid", str(os.getpid())]
        if family in PLAIN and "--model" not in arguments:
            command += ["--model", PLAIN[family]]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=log, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.first_line = json.loads(line)
        self.url: str = self.first_line["listening"]

    def decoders(self) -> list[psutil.Process]:
        """The decoder processes that are alive."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    def stop(self) -> None:
        """Kill it if it still runs; its decoders follow by themselves."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
