"""Objects in a folder: the body as a plain file under its key, what is known of it in a hidden file beside it."""

import asyncio
import json
import os
import shutil
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from orchestrator.domain.errors import ConfigurationError, JustLensError, Unavailable
from orchestrator.domain.outcome import PutObject
from orchestrator.stores.ports import StoredObject
from orchestrator.stores.values import check_key, check_object, refused

T = TypeVar("T")

_THREADS = 4
_PARTIAL = ".partial"  # no key has a part that begins with a dot


class FolderObjects:
    """The Objects of an embedded run. An object is there completely and on disk, or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="objects")
        self._naming = threading.Lock()
        self._closed = False

    @classmethod
    async def open(cls, root: Path) -> Self:
        """Make the folder and sweep away what a killed process left half written.

        Raises Unavailable, and ConfigurationError for a folder that cannot be had.
        """
        self = cls(root)
        try:
            await self._run(self._prepare)
        except JustLensError:
            await self.close()
            raise
        return self

    async def put(self, write: PutObject) -> bool:
        """See Objects."""
        check_object(write)
        return await self._run(partial(self._put, write))

    async def get(self, key: str) -> StoredObject | None:
        """See Objects."""
        check_key(key)
        return await self._run(partial(self._get, key))

    async def exists(self, key: str) -> bool:
        """See Objects."""
        check_key(key)
        return await self._run((self._root / key).is_file)

    async def ping(self) -> None:
        """See Objects."""
        if not await self._run(partial(os.access, self._root / _PARTIAL, os.W_OK)):
            raise Unavailable("objects", f"{self._root} cannot be written")

    async def close(self) -> None:
        """See Objects."""
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown)

    async def _run(self, function: Callable[[], T]) -> T:
        if self._closed:
            raise Unavailable("objects", "is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function)
        except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
            raise refused(f"{error.filename}: one object's key is the beginning of another's") from error
        except OSError as error:
            raise Unavailable("objects", str(error)) from error

    def _prepare(self) -> None:
        shutil.rmtree(self._root / _PARTIAL, ignore_errors=True)
        try:
            (self._root / _PARTIAL).mkdir(parents=True)
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            problem = f"{error.filename}: {error.strerror}; a folder is wanted there that this user may write to"
            raise ConfigurationError([f"JUSTLENS_DATA_DIR: {problem}"]) from error

    def _put(self, write: PutObject) -> bool:
        path = self._root / write.key
        if path.is_file():
            return False
        if path.is_dir():
            raise IsADirectoryError(None, "", str(path))
        known = {"content_type": write.content_type, "metadata": dict(write.metadata)}
        body, about = self._write(write.body), self._write(json.dumps(known).encode())
        try:
            self._make_folder(path.parent)
            # What is known goes first: a body without it could be read. The lock keeps both of one writer together.
            with self._naming:
                if path.is_file():
                    return False
                os.replace(about, _about(path))
                return _name(body, path)
        finally:
            body.unlink(missing_ok=True)
            about.unlink(missing_ok=True)

    def _get(self, key: str) -> StoredObject | None:
        path = self._root / key
        try:
            body = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        known: dict[str, Any] = json.loads(_about(path).read_bytes())
        return StoredObject(body, known["content_type"], known["metadata"])

    def _write(self, data: bytes) -> Path:
        path = self._root / _PARTIAL / uuid.uuid4().hex
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return path

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)


def _about(path: Path) -> Path:
    return path.with_name(f".{path.name}.json")


def _name(body: Path, path: Path) -> bool:
    """Give the body its name. False when another process was faster: unlike a rename, a link never replaces."""
    try:
        os.link(body, path)
    except FileExistsError:
        return False
    _sync(path.parent)
    return True


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
