"""Large byte strings between a process and its children, without a pipe."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self


class Blob:
    """Anonymous memory that a child of the same user can open by ``path``; gone when closed or when its owner dies.

    A pipe would be corrupted by a child that is killed in the middle of a picture, and half of what the child sent
    would wait for ever for its rest.
    """

    def __init__(self, content: bytes = b"") -> None:
        self._fd = os.memfd_create("justlens", os.MFD_CLOEXEC)
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"
        if content:
            with open(self._fd, "wb", closefd=False) as file:
                file.write(content)

    def read(self) -> bytes:
        """All of the content, whoever wrote it."""
        return Path(self.path).read_bytes()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
