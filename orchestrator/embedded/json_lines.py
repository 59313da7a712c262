"""Append-only files of JSON lines, for what a run without servers has nobody to tell."""

import asyncio
import os
from pathlib import Path

from orchestrator.domain.errors import Unavailable


class JsonLines:
    """One file that several coroutines and processes may append to."""

    def __init__(self, path: Path, *, dependency: str) -> None:
        self._path = path
        self._dependency = dependency

    async def append(self, line: bytes) -> None:
        """Append one line. Raises Unavailable when the file cannot be written."""
        try:
            await asyncio.to_thread(self._append, line + b"\n")
        except OSError as error:
            raise Unavailable(self._dependency, error.strerror or type(error).__name__) from error

    def _append(self, line: bytes) -> None:
        # One write on a descriptor opened for appending: lines of two writers cannot mix.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
