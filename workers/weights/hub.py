"""Weights that a command line names: a file or folder of this machine, or what a model hub publishes.

``hf-hub:owner/name`` is a repository of the Hugging Face hub, ``hf-hub:owner/name/file.safetensors`` one file of it; a
revision (branch, tag or commit) may follow after "@". It is downloaded once, at the first start, into
$JUSTLENS_WEIGHTS_CACHE (``~/.cache/justlens/weights`` when that is not set) and never asked for again.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workers.weights.digest import check_files, weights_digest

PREFIX = "hf-hub:"
_NAMED = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?P<file>(?:/[\w.-]+)+)?(?:@(?P<revision>[\w./-]+))?")
_WANTED = ("*.json", "*.jinja", "*.model", "*.safetensors", "*.txt")
"""Of a repository: tensors and data, but no pickles and no code."""
_COMPLETE = ".complete"


@dataclass(frozen=True, slots=True)
class Published:
    """What the hub has under ``repository`` ("owner/name"); all of it unless it is one ``file``."""

    repository: str
    file: PurePosixPath | None
    revision: str

    @property
    def suffix(self) -> str:
        """Of the file."""
        return self.file.suffix if self.file else ""


Weights = Path | Published


def name_of(weights: Weights) -> str:
    """What a model made from them is called."""
    return weights.resolve().name if isinstance(weights, Path) else weights.repository.rpartition("/")[2]


def weights_named(text: str) -> Weights:
    """``text`` as it stands on a command line. Raises ValueError for a malformed name of the hub."""
    if not text.startswith(PREFIX):
        return Path(text)
    found = _NAMED.fullmatch(text.removeprefix(PREFIX))
    if found is None or ".." in text:
        raise ValueError(f"{text}: write {PREFIX}owner/name, {PREFIX}owner/name/file or either with @revision")
    file = PurePosixPath(found["file"][1:]) if found["file"] else None
    return Published(found["repository"], file, found["revision"] or "main")


def weights_at(weights: Weights, sha256: Sequence[str] = ()) -> Path:
    """The file or folder, downloaded where need be.

    Raises FileNotFoundError, RuntimeError when the hub does not give it, and ValueError when one of its files is a web
    page, Git LFS's pointer or empty, or when the SHA-256 of one with weights is none of ``sha256`` (empty: any is).
    """
    path = weights if isinstance(weights, Path) else _downloaded(weights)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there are no weights")
    check_files([found for pattern in _WANTED for found in sorted(path.rglob(pattern))] if path.is_dir() else [path])
    if sha256:
        _check(sorted(path.rglob("*.safetensors")) if path.is_dir() else [path], sha256)
    return path


def _check(files: Iterable[Path], sha256: Sequence[str]) -> None:
    for file in files:
        digest = weights_digest([file])
        if digest not in sha256:
            raise ValueError(f"{file}: its SHA-256 is {digest}, which is not what was asked for")


def _downloaded(published: Published) -> Path:
    """Where it lies. Only what was downloaded whole has the mark beside it."""
    folder = weights_folder() / published.repository.replace("/", "--") / published.revision.replace("/", "--")
    target = folder / name_of(published)
    mark = folder / f"{published.file or ''}{_COMPLETE}".replace("/", "--")
    if not mark.is_file():
        _download(published, target)
        mark.touch()
    return target / published.file if published.file else target


def _download(published: Published, target: Path) -> None:
    from huggingface_hub import hf_hub_download, snapshot_download

    repository, revision = published.repository, published.revision
    try:
        if published.file:
            hf_hub_download(repository, str(published.file), revision=revision, local_dir=target)
        else:
            snapshot_download(repository, revision=revision, local_dir=target, allow_patterns=list(_WANTED))
    except OSError as error:  # all that it raises is one
        raise RuntimeError(f"{PREFIX}{published.repository} could not be downloaded: {error}") from error


def weights_folder() -> Path:
    """Where downloads are kept."""
    given = os.environ.get("JUSTLENS_WEIGHTS_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "justlens" / "weights"
