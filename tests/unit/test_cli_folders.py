"""Folders of pictures as publish reads them: every file is a job, refused by name, or counted."""

import os
from pathlib import Path

from orchestrator.cli.publish.folders import look_into
from orchestrator.cli.publish.sending import Report
from orchestrator.cli.publish.sources import count_of
from tests.kit.sources import read


def test_a_folder_gives_one_job_per_picture_named_after_its_file(tmp_path: Path) -> None:
    names = ("Front door.jpg", "b.PNG", "a.webp", "a.jpg", "Camera.JFIF", "scan.jpe", "phone.HEIC", "x.avif", "y.heif")
    for name in (*names, ".hidden.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "more").mkdir()
    report = Report()

    jobs = read(tmp_path, report, business_id="shop")

    ids = [checked.job.image_id for checked in jobs]
    assert ids == ["camera", "front-door", "a", "b", "phone", "scan", "x", "y"]
    assert jobs[2].job.image_url == (tmp_path / "a.jpg").resolve().as_uri()
    [refusal] = report.refused
    assert refusal["place"] == "a.webp" and "'a', that of a.jpg too" in refusal["reason"]
    assert count_of(str(tmp_path), "folder") == 9
    assert (look_into(tmp_path).other_files, look_into(tmp_path).folders) == (1, 1)


def test_two_names_that_make_one_id_are_never_one_image(tmp_path: Path) -> None:
    for name in ("Front door.jpg", "front-door.png", "FRONT \u200bDOOR.webp", "caf\u00e9.jpg", "cafe\u0301.jpg"):
        (tmp_path / name).write_bytes(b"x")
    report = Report()

    jobs = read(tmp_path, report, business_id="shop")

    assert sorted(checked.job.image_id for checked in jobs) == ["caf\u00e9", "front-door"]
    assert len(report.refused) == 3 and all("too; rename one of them" in one["reason"] for one in report.refused)


def test_a_file_name_that_is_no_text_is_refused_by_name_and_the_others_pass(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/caf\xe9"
    for name in (odd + b".jpg", os.fsencode(tmp_path / "caf.jpg"), os.fsencode(tmp_path / "z.jpg")):
        Path(os.fsdecode(name)).write_bytes(b"x")
    report = Report()

    jobs = read(tmp_path, report, business_id="shop")

    assert [checked.job.image_id for checked in jobs] == ["caf", "z"]
    assert report.refused == [{"place": r"caf\xe9.jpg", "reason": "the file's name is not UTF-8; rename it"}]
    single = Report()
    assert read(Path(os.fsdecode(odd + b".jpg")), single, business_id="shop") == [] and single.refused
    Path(os.fsdecode(odd)).mkdir()
    (Path(os.fsdecode(odd)) / "a.jpg").write_bytes(b"x")
    inside = Report()
    assert read(Path(os.fsdecode(odd)), inside, business_id="shop") == []
    assert r"the folder's name is not UTF-8: caf\xe9" in inside.refused[0]["reason"]
