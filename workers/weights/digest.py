"""Which weights a model was made from."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

GIT_LFS = b"version https://git-lfs.github.com/spec/"
_HTML = (b"<!doctype html", b"<html", b"<?xml", b"<head")
SHORT = 8
"""Hexadecimal digits of a digest that go into the name of an embedding space."""


def weights_digest(files: Iterable[Path]) -> str:
    """SHA-256 over the bytes of all ``files`` in order, in hexadecimal: for one file, the file's own."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def space_id(family: str, model: str, weights: str) -> str:
    """``family/model@digest``: other weights are another space, even under the same name."""
    return f"{family}/{model}@{weights[:SHORT]}"


def describe_pickle(path: object, owner: str) -> str:
    """Why a file that torch will not unpickle is refused. torch's own words advise to run what is in there."""
    return (
        f"{path}: holds something else than tensors, or is damaged; what is pickled beside tensors is never run:"
        f" save the {owner}'s state_dict()"
    )


def check_files(files: Iterable[Path]) -> None:
    """Raises ValueError for a file that is something else than its name says, as downloads often are."""
    for path in files:
        with path.open("rb") as file:
            head = file.read(512)
        if problem := _wrong(head.lstrip().lower(), head):
            raise ValueError(f"{path}: {problem}")


def _wrong(text: bytes, head: bytes) -> str | None:
    if not head:
        return "the file is empty; download it again"
    if head.startswith(GIT_LFS):
        return "this is Git LFS's pointer to the file and not the file; run `git lfs pull` in its repository"
    if text.startswith(_HTML):
        return "this is a web page and not a model; its link led to a page, take the one to the file itself"
    return None
