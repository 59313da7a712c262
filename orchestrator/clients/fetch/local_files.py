"""Pictures on the local disk, for ``file://`` URLs of an embedded run. Blocking: call it off the event loop."""

import mimetypes
import os
import stat
from pathlib import Path

from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.pictures import Picture


def read_picture_file(path: Path, root: Path, max_bytes: int) -> Picture:
    """The regular file ``path``, which must lie under ``root`` once every link is followed.

    Raises JobRefused for what is no such file or larger than ``max_bytes``, JobFailed when the disk fails. Opened
    without waiting, so that a named pipe cannot hold the thread.
    """
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root.resolve()):
            raise JobRefused("file_refused", f"{path} lies outside the folder that file URLs may name")
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise JobRefused("file_refused", f"{path} is not a regular file")
            body = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise JobRefused("source_gone", f"{path}: no such file") from None
    except ValueError:
        raise JobRefused("bad_url", "no file can have that name") from None
    except (PermissionError, NotADirectoryError, IsADirectoryError) as error:
        raise JobRefused("file_refused", f"{path}: {error.strerror}") from error
    except OSError as error:
        raise JobFailed("source_unavailable", f"{path}: {error.strerror}") from error
    if len(body) > max_bytes:
        raise JobRefused("too_large", f"{path}: more than {max_bytes} bytes")
    return Picture(body, mimetypes.guess_type(path.name)[0] or "application/octet-stream")
