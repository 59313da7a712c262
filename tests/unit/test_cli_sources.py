"""What publish reads, and what it makes of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer import BadParameter

from orchestrator.cli.exits import ExitCode
from orchestrator.cli.publish.sending import Report, check
from orchestrator.cli.publish.sources import entries, kind_of, kind_of_list
from orchestrator.cli.publish.targets import common_fields, targets_of
from orchestrator.config import load_settings
from orchestrator.domain.jobs import EnhanceJob, RelevanceJob
from orchestrator.wiring import load_checked_pipeline
from tests.kit.sources import FIELDS, TARGETS, read, write
from tests.unit.test_cli_text import ask

PIPELINE = load_checked_pipeline(load_settings(queues_file=Path(__file__).parents[2] / "queues.yaml"))


def test_a_csv_row_becomes_a_job_with_the_fields_of_the_header(tmp_path: Path) -> None:
    path = write(
        tmp_path / "jobs.csv",
        "business_id,image_id,image_url,served_urls,force,image_type\n"
        "Shop , 7,https://e.x/a.jpg,https://c.x/1  https://c.x/2,true,\n",
    )

    [checked] = read(path)

    assert checked.place == "line 2"
    assert (checked.job.business_id, checked.job.image_id) == ("shop", "7")
    assert checked.job.served_urls == ("https://c.x/1", "https://c.x/2")
    assert checked.job.force is True and checked.job.image_type == "general"  # type: ignore[attr-defined]
    assert checked.job.has_identity


def test_a_csv_cell_is_read_as_what_its_field_is_and_jsonl_says_it_itself(tmp_path: Path) -> None:
    cells = "business_id,image_id,image_url,force,submitted_at\nb,007,https://e.x/1,TRUE,1700000000000\n"
    [checked] = read(write(tmp_path / "jobs.csv", cells))
    assert checked.job.model_dump(include={"image_id", "force", "submitted_at"}) == {
        "image_id": "007",
        "force": True,
        "submitted_at": 1_700_000_000_000,
    }

    report = Report()
    line = {"business_id": "b", "image_id": "1", "image_url": "https://e.x/1", "force": "yes"}
    assert read(write(tmp_path / "jobs.jsonl", json.dumps(line)), report) == []
    assert "force: must be true or false" in report.refused[0]["reason"]


def test_every_bad_csv_row_is_refused_with_its_line_and_field_and_the_others_pass(tmp_path: Path) -> None:
    path = write(
        tmp_path / "jobs.csv",
        b"\xef\xbb\xbfbusiness_id,image_id,image_url\n"
        b"b,1,https://e.x/1\n"
        b"b,,https://e.x/2\n"
        b'b,"3\n",ftp://e.x/3\n'
        b"b,4,https://e.x/4,surplus\n"
        b"b,\xff5,https://e.x/5\n"
        b"b,6,https://e.x/6\n",
    )
    report = Report()

    jobs = read(path, report)

    assert [checked.job.image_id for checked in jobs] == ["1", "6"]
    assert [refusal["place"] for refusal in report.refused] == ["line 3", "line 5", "line 6", "line 7"]
    reasons = [refusal["reason"] for refusal in report.refused]
    assert reasons[0].startswith("image_id: is missing")
    assert reasons[1].startswith("image_url: must start with")
    assert "more cells than the header" in reasons[2]
    assert "not UTF-8" in reasons[3]


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("business_id,img", "'img' is not a field"),
        ("business_id;img", "'img' is not a field"),
        ("image_id,image_id", "twice"),
        ("", "no header"),
        ("b\0u\0s\0", "looks like UTF-16 without a byte order mark; save the list as CSV UTF-8"),
    ],
)
def test_a_csv_whose_header_makes_no_job_is_refused_as_a_whole(tmp_path: Path, header: str, named: str) -> None:
    with pytest.raises(BadParameter, match=named):
        read(write(tmp_path / "jobs.csv", f"{header}\nb,1\n"))


def test_jsonl_lines_are_bodies_and_options_fill_what_they_leave_out(tmp_path: Path) -> None:
    lines = [
        {"business_id": "own", "image_id": 1, "image_url": "https://e.x/1"},
        {"image_id": 2, "image_url": "https://e.x/2"},
    ]
    path = write(tmp_path / "jobs.jsonl", "\n\n".join(json.dumps(line) for line in lines) + "\nnot json\n[1]\n")
    report = Report()

    jobs = read(path, report, business_id="given")

    assert [(checked.place, checked.job.business_id) for checked in jobs] == [("line 1", "own"), ("line 3", "given")]
    assert [refusal["place"] for refusal in report.refused] == ["line 4", "line 5"]


def test_a_picture_by_url_is_named_after_the_urls_path_unless_told(tmp_path: Path) -> None:
    url = "https://e.x/pics/Front%2D1.jpg?size=9"

    def job(**given: Any) -> EnhanceJob:
        found = entries(url, kind_of(url), given, FIELDS)
        [checked] = check(found, TARGETS, files_allowed=False, reports={"q": Report()})
        return checked.job  # type: ignore[return-value]

    assert job(business_id="b").image_id == "front-1"
    assert job(business_id="b", image_id="mine").image_id == "mine"
    assert job(business_id="b").image_url == url


def test_the_same_picture_of_a_business_is_sent_once_and_counted(tmp_path: Path) -> None:
    rows = "b,1,https://e.x/1\nB,1,https://e.x/1\nb,1,https://e.x/other\nc,1,https://e.x/1\n"
    report = Report()

    jobs = read(write(tmp_path / "jobs.csv", "business_id,image_id,image_url\n" + rows), report)

    assert len(jobs) == 3 and report.duplicates == 1


def test_a_file_url_is_refused_where_no_worker_could_read_it(tmp_path: Path) -> None:
    path = write(tmp_path / "jobs.csv", "business_id,image_id,image_url\nb,1,file:///etc/passwd\n")
    report = Report()

    assert read(path, report, files_allowed=False) == []
    assert "embedded mode only" in report.refused[0]["reason"]
    assert len(read(path)) == 1


@pytest.mark.parametrize("source", ["missing.csv", "notes.txt", "x" * 300])
def test_a_source_that_is_nothing_known_is_wrong_usage(tmp_path: Path, source: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(BadParameter):
        kind_of(str(tmp_path / source))


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("missing.csv", "^there is no file 'missing.csv'$"),
        ("folder", "is a folder; name the files in it"),
        ("https://e.x/shop.csv", "is a URL"),
        ("front.jpg", "ends in none of .csv, .jsonl, .ndjson"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_file_of_rows_that_is_none_is_told_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "front.jpg").write_bytes(b"")
    with pytest.raises(BadParameter, match=said) as refused:
        kind_of_list(file)
    assert refused.value.param_hint == "FILE"


def test_a_catalogue_with_other_columns_is_told_in_its_own_words(tmp_path: Path) -> None:
    wrong = write(tmp_path / "wrong.csv", "business,category_id\nb,1\n")
    done = ask("--data-dir", str(tmp_path / "data"), "catalogue", "load", str(wrong))
    assert done.exit_code == ExitCode.USAGE
    said = " ".join(done.stderr.replace("│", " ").split())
    assert "'business' is not a field here; known fields: business_id, categories" in said
    assert "job" not in said and "SOURCE" not in said


def test_roads_are_the_first_queue_that_takes_their_job_and_a_queue_has_its_own_name() -> None:
    found = targets_of("enhance, relevance,image_enhance_bulk", PIPELINE)

    assert [(target.name, target.queue, target.job_type) for target in found] == [
        ("enhance", "image_enhance_process", EnhanceJob),
        ("relevance", "image_relevance_process", RelevanceJob),
        ("image_enhance_bulk", "image_enhance_bulk", EnhanceJob),
    ]


@pytest.mark.parametrize("to", ["enhance,image_enhance_process", "relevance,relevance", "nope", "enhance,"])
def test_a_target_that_is_unknown_or_there_twice_is_wrong_usage(to: str) -> None:
    with pytest.raises(BadParameter, match=r"named twice|no road or queue"):
        targets_of(to, PIPELINE)


def test_each_picture_becomes_one_job_per_target_with_a_job_id_of_its_own(tmp_path: Path) -> None:
    targets = targets_of("enhance,relevance", PIPELINE)
    reports = {target.queue: Report() for target in targets}
    rows = "b,1,https://e.x/1\nb,,https://e.x/2\nb,1,https://e.x/1\n"
    path = write(tmp_path / "jobs.csv", "business_id,image_id,image_url\n" + rows)
    fields = common_fields(targets)

    jobs = list(check(entries(str(path), "csv", {}, fields), targets, files_allowed=True, reports=reports))

    assert [(one.place, one.queue) for one in jobs] == [("line 2", target.queue) for target in targets]
    assert [type(one.job) for one in jobs] == [EnhanceJob, RelevanceJob]
    assert jobs[0].job.job_id != jobs[1].job.job_id
    assert all((len(report.refused), report.duplicates) == (1, 1) for report in reports.values())
    assert "force" not in fields and "prompt" not in fields and "served_urls" in fields
