"""Lists as spreadsheets and programs write them: read, or refused with what to do about it."""

from pathlib import Path

import pytest

from orchestrator.cli.publish.sending import Report
from tests.kit.sources import read, write

CASES = Path(__file__).parents[1] / "cases" / "csv"


@pytest.mark.parametrize("name", ["comma.csv", "semicolon.csv", "tab.csv", "utf16_tab.csv", "jobs_bom.jsonl"])
def test_a_list_is_read_whatever_separates_and_encodes_it(name: str) -> None:
    report = Report()
    [checked] = read(CASES / name, report)
    assert (checked.job.business_id, checked.job.image_id) == ("b", "1") and report.complete


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_jsonl_is_read_in_utf_8_and_utf_16(tmp_path: Path, encoding: str) -> None:
    lines = '{"image_id": "1", "image_url": "https://e.x/1"}\r\n{"image_id": 2, "image_url": "https://e.x/\u00e9"}\r\n'
    path = write(tmp_path / "jobs.jsonl", lines.encode(encoding))
    assert [checked.place for checked in read(path, business_id="b")] == ["line 1", "line 2"]


def test_a_row_in_a_code_page_says_which_byte_and_how_to_save_the_list() -> None:
    report = Report()
    [checked] = read(CASES / "cp1252.csv", report)
    assert (checked.place, checked.job.business_id) == ("line 3", "b")
    [refusal] = report.refused
    assert refusal["place"] == "line 2"
    assert refusal["reason"] == (
        "business_id: is not UTF-8: byte 0xE9 at position 3 (in Windows-1252 that is '\u00e9');"
        " save the list as CSV UTF-8"
    )


def test_a_jsonl_line_in_a_code_page_is_refused_with_its_byte(tmp_path: Path) -> None:
    path = write(tmp_path / "jobs.jsonl", b'{"business_id": "caf\xe9", "image_id": 1, "image_url": "https://e.x/1"}\n')
    for given in ({}, {"force": True}):
        report = Report()
        assert read(path, report, **given) == []
        assert "byte 0xE9 at position 20" in report.refused[0]["reason"]
