"""The data directory of an embedded system: made for one user, owned by one process at a time."""

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.domain.errors import ConfigurationError, JustLensError

_MAX_SOCKET_PATH = 103 if sys.platform == "darwin" else 107


class DataDirInUse(JustLensError):
    """Another process owns the data directory."""


@contextmanager
def own_data_dir(data_dir: Path) -> Iterator[None]:
    """Own ``data_dir`` while the context lasts, or until the process ends, however it ends.

    Raises DataDirInUse, and ConfigurationError for a directory that cannot be had.
    """
    socket_path(data_dir)
    make_data_dir(data_dir)
    try:
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(data_dir, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataDirInUse(f"{data_dir} is in use by another process of JustLens") from error
        except OSError as error:  # some network file systems have no locks
            raise unusable(data_dir, error, "it cannot be locked; choose a folder on a disk of this machine") from error
        yield
    finally:
        os.close(descriptor)


def is_owned(data_dir: Path) -> bool:
    """Whether a process owns the directory, answering or not. Makes nothing; false where nobody could own it."""
    try:
        descriptor = os.open(data_dir / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def make_data_dir(data_dir: Path) -> None:
    """Make the directory, for this user alone, unless it is there: originals in it keep where they were taken.

    Raises ConfigurationError when it cannot be made or written to.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(data_dir, error) from error
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise unusable(data_dir, PermissionError(errno.EACCES, "this user may not write there", str(data_dir)))


def require_data_dir(data_dir: Path) -> None:
    """Raise ConfigurationError when there is nothing at ``data_dir``, so that nobody is told of an empty system."""
    socket_path(data_dir)
    if not data_dir.exists():
        where = "its folder with --data-dir or JUSTLENS_DATA_DIR, or JUSTLENS_MODE=servers for one on servers"
        raise ConfigurationError([f"JUSTLENS_DATA_DIR: there is no system at {data_dir}; give {where}"])


def find_problem(data_dir: Path) -> str | None:
    """Say why the directory could not be made or written to, None when it could. Makes nothing."""
    try:
        socket_path(data_dir)
        there = next(path for path in (data_dir.absolute(), *data_dir.absolute().parents) if path.exists())
    except (ConfigurationError, OSError) as error:
        return str(error)
    if not there.is_dir():
        return f"{there} is a file, where a folder is wanted"
    return None if os.access(there, os.W_OK | os.X_OK) else f"{there}: this user may not write there"


def unusable(
    data_dir: Path, error: OSError, remedy: str = "choose a folder that this user may write to with --data-dir"
) -> ConfigurationError:
    """What to raise when something in ``data_dir`` cannot be had, with the remedy."""
    is_in_the_way = isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError)
    what = "something else is there, where a folder or file of ours is wanted" if is_in_the_way else error.strerror
    place = f" at {error.filename}" if error.filename and str(error.filename) != str(data_dir) else ""
    return ConfigurationError([f"JUSTLENS_DATA_DIR: {data_dir} cannot be used{place}: {what}; {remedy}"])


def socket_path(data_dir: Path) -> Path:
    """Where the owner listens, relative to the working directory if that is shorter.

    Raises ConfigurationError when it is longer than the path of a Unix socket can be.
    """
    try:
        path = data_dir.resolve() / "control"
        relative = Path(os.path.relpath(path))
    except (OSError, RuntimeError) as error:  # no working directory any more, a circle of links
        raise ConfigurationError([f"JUSTLENS_DATA_DIR: {data_dir} cannot be used: {error}"]) from error
    shorter = min(relative, path, key=lambda one: len(os.fsencode(one)))
    if (length := len(os.fsencode(shorter))) > _MAX_SOCKET_PATH:
        problem = (
            f"the path of its control socket, {shorter}, has {length} bytes, at most {_MAX_SOCKET_PATH} are possible"
        )
        raise ConfigurationError([f"JUSTLENS_DATA_DIR: {problem}; choose a directory with a shorter path"])
    return shorter
