"""The list of photographs, and what happens when one cannot be had."""

import os
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workers.training.sr.photograph_list import PHOTOGRAPHS, Part
from workers.training.sr.photographs import MissingPhotographs, read_part, read_skimage, reduced


def test_every_photograph_has_a_name_of_its_own_and_one_part() -> None:
    assert max(Counter(photograph.name for photograph in PHOTOGRAPHS).values()) == 1
    assert max(Counter((photograph.package, photograph.file) for photograph in PHOTOGRAPHS).values()) == 1
    assert {photograph.part for photograph in PHOTOGRAPHS} == set(Part)


def test_no_photograph_of_scikit_image_is_learnt_from() -> None:
    assert not set(read_skimage()) & {photograph.name for photograph in PHOTOGRAPHS}


def test_photographs_that_are_learnt_from_are_free_to_change_and_share() -> None:
    licences = {photograph.licence for photograph in PHOTOGRAPHS if photograph.part is Part.TRAIN}

    assert licences <= {"CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "GPL-2+", "public domain"}


def test_a_photograph_is_halved_and_never_larger_than_the_limit(tmp_path: Path) -> None:
    Image.new("RGB", (600, 400)).save(tmp_path / "small.png")
    Image.new("RGB", (8192, 512)).save(tmp_path / "wide.png")

    assert reduced(tmp_path / "small.png").shape == (200, 300, 3)
    assert reduced(tmp_path / "wide.png").shape == (128, 2048, 3)


def test_without_apt_the_message_says_what_to_fetch_and_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingPhotographs, match=r"no apt-get.*SHA-256 \w{64}.*snapshot\.debian\.org.*folder"):
        read_part(tmp_path / "photographs", Part.TRAIN)


def test_another_release_of_a_package_is_refused(tmp_path: Path) -> None:
    for photograph in PHOTOGRAPHS:
        (tmp_path / f"{photograph.package.name}_0_all.deb").write_bytes(b"something else")

    with pytest.raises(MissingPhotographs, match="is not version"):
        read_part(tmp_path, Part.TRAIN)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_fetch_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: no such version' >&2\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")

    with pytest.raises(MissingPhotographs, match="no such version"):
        read_part(tmp_path / "photographs", Part.HELD_OUT)


def test_unpacked_photographs_are_read_without_any_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.full((40, 60, 3), 128, np.uint8)
    for photograph in PHOTOGRAPHS:
        path = tmp_path / photograph.package.name / photograph.package.folder / photograph.file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(path)
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: pytest.fail("nothing is to be fetched"))

    parts = [read_part(tmp_path, part) for part in Part]

    assert sum(len(part) for part in parts) == len(PHOTOGRAPHS)
    assert all(picture.shape == (20, 30, 3) for part in parts for picture in part.values())
