"""The command line as its users have it: a process of its own, nothing inherited but the path."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.orchestrators import ROOT, plain_environment


@dataclass(frozen=True, slots=True)
class Cli:
    """``cli("status", "--json")`` in ``folder``, with these JUSTLENS_ variables."""

    folder: Path
    environment: Mapping[str, str]
    module: str = "orchestrator"

    def __call__(
        self, *words: str | Path, typed: str | None = None, timeout_s: float = 60.0, **changes: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run it to its end. ``typed`` is its stdin; ``changes`` are more variables, without JUSTLENS_."""
        more = {f"JUSTLENS_{name.upper()}": value for name, value in changes.items()}
        return subprocess.run(
            [sys.executable, "-m", self.module, *map(str, words)],
            cwd=self.folder,
            env=plain_environment(
                {"HOME": str(self.folder), "PYTHONPATH": str(ROOT), "COLUMNS": "100", **self.environment, **more}
            ),
            input=typed or "",
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def json(self, *words: str | Path, code: int = 0, **changes: str) -> Any:
        """The document that a command with --json prints. Fails unless it exits with ``code``."""
        done = self(*words, "--json", **changes)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)
