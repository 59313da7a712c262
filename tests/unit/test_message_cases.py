"""Bodies as publishers really send them: each is a job, or dead with a reason that says what to change."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.api.jobs import parse_request
from orchestrator.api.problems import Problem
from orchestrator.domain.bodies import read_what_can_be_read, why_unreadable
from orchestrator.domain.catalogue.rows import read_row
from orchestrator.domain.decoding import decode_job, identify
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.jobs import EnhanceJob, EnhanceUpdateJob, RelevanceJob, json_schema

CASES = Path(__file__).parents[1] / "cases" / "messages"
CAFE = ("corner-cafe", "17")
DONE = {
    "plain": CAFE,
    "bom_utf8": CAFE,
    "trailing_newline": CAFE,
    "null_optionals": CAFE,
    "duplicate_key": ("a", "2"),
    "id_beyond_2_to_53": ("9007199254740993", "12345678901234567890"),
    "id_nfc": ("caf\u00e9", "1"),
    "id_nfd": ("caf\u00e9", "1"),
    "id_128_emoji": ("\U0001f355" * 128, "\U0001f9c1" * 128),
    "id_percent_2f": ("a%2fb", "x%00y"),
    "id_query_and_hash": ("corner-cafe", "a?b#c&d=e"),
    "id_turkish": ("corner-cafe", "i\u0307stanbul"),
    "id_dollar_and_dots": ("$where.a.b", "..hidden.$set"),
}
DEAD = {
    "utf16": ("not_json", "UTF-16; encode the JSON as UTF-8"),
    "gzip_body": ("not_json", "compressed (gzip); publish the JSON uncompressed"),
    "zlib_body": ("not_json", "compressed (zlib)"),
    "base64_body": ("not_json", "base64; publish the JSON itself"),
    "json_in_json": ("not_json", "must be a JSON object with the fields of EnhanceJob; it is a text that holds JSON"),
    "trailing_nul": ("not_json", "NUL byte behind the JSON object"),
    "two_jobs_in_one": ("not_json", "more than one JSON object; publish one job per message"),
    "windows_1252": (
        "not_json",
        "0xE9 at position 47 (in Windows-1252 that is '\u00e9'); encode the JSON as UTF-8",
    ),
    "nan": ("invalid_job", "submitted_at: "),
    "id_float": ("invalid_job", "image_id: must be text or a whole number"),
    "id_5000_digits": ("not_json", "more than 4,300 digits; write an id as text"),
    "id_zero_width": ("invalid_job", "image_id: must not contain U+200B"),
    "id_bidi": ("invalid_job", "image_id: must not contain U+202E"),
    "id_129_emoji": ("invalid_job", "image_id: must be at most 128 characters, got 129"),
    "id_quotes": ("invalid_job", "image_id: must not contain a slash, backslash, white space"),
}
KNOWN_OF_THE_DEAD = {
    "utf16": CAFE,
    "trailing_nul": CAFE,
    "windows_1252": ("corner-cafe", "caf\ufffd"),
    "nan": ("a", "1"),
    "id_quotes": ("corner-cafe", "o'brien\"; drop table alttags; --"),
}


def body_of(name: str) -> bytes:
    return (CASES / "bodies" / f"{name}.bin").read_bytes()


def test_every_message_case_but_those_of_urls_has_an_end_here() -> None:
    with (CASES / "messages.tsv").open(encoding="utf-8") as file:
        names = [row[0] for row in csv.reader(file, delimiter="\t")]
    assert {name for name in names if not name.startswith(("url_", "s3_"))} == DONE.keys() | DEAD.keys()


@pytest.mark.parametrize("name", DONE)
def test_a_body_that_is_fine_becomes_its_job(name: str) -> None:
    job = decode_job(EnhanceJob, body_of(name))
    assert (job.business_id, job.image_id) == DONE[name]
    known = identify(body_of(name))
    assert (known["business_id"], known["image_id"]) == DONE[name]
    assert decode_job(EnhanceJob, job.encode()) == job


@pytest.mark.parametrize("name", DEAD)
def test_a_body_that_is_not_says_what_to_change(name: str) -> None:
    code, message = DEAD[name]
    with pytest.raises(JobRefused) as refused:
        decode_job(EnhanceJob, body_of(name))
    assert refused.value.reason.code == code and message in refused.value.reason.message


@pytest.mark.parametrize("name", KNOWN_OF_THE_DEAD)
def test_the_ids_of_a_dead_body_are_read_as_far_as_they_can_be(name: str) -> None:
    known = identify(body_of(name))
    assert (known.get("business_id"), known.get("image_id")) == KNOWN_OF_THE_DEAD[name]


@pytest.mark.parametrize("name", [*DONE, *DEAD])
def test_the_api_and_the_catalogue_take_and_refuse_the_same_ids(name: str) -> None:
    body = body_of(name)
    request = body.replace(b'"image_url"', b'"to": ["enhance"], "image_url"')
    row = b"".join(body.split(b', "image_type"')[:1]) + b"}" if name == "null_optionals" else body
    if name in DONE:
        asked, read = parse_request(request), read_row(row)
        assert (asked.business_id, asked.image_id) == DONE[name]
        assert (read.business_id, read.images[0].image_id) == DONE[name]
        return
    with pytest.raises(Problem):
        parse_request(request)
    if name != "nan":  # a catalogue has no submitted_at
        with pytest.raises(JobRefused) as refused:
            read_row(row)
        assert DEAD[name][1].partition("JSON object with")[0] in refused.value.reason.message


@pytest.mark.parametrize("job_type", [EnhanceJob, EnhanceUpdateJob, RelevanceJob])
def test_null_leaves_out_every_optional_field_and_no_other(job_type: type[EnhanceJob]) -> None:
    fields = {"business_id": "b", "image_id": "1", "image_url": "https://x/1.png"}
    if job_type is EnhanceUpdateJob:
        content = {"sha256": "0" * 64, "phash": "0" * 16, "width": 1, "height": 1, "format": "png", "bytes": 1}
        fields |= {"content": content, "enhanced": {"skipped": "large", "source_sha256": "0" * 64}}
    schema = json_schema(job_type)
    optional = schema["properties"].keys() - set(schema["required"])
    assert len(optional) >= 5
    assert decode_job(job_type, json.dumps({**dict.fromkeys(optional), **fields}).encode()) == job_type(**fields)
    assert all({"type": "null"} in schema["properties"][name]["anyOf"] for name in optional)
    for name in schema["required"]:
        with pytest.raises(JobRefused, match=name):
            decode_job(job_type, json.dumps({**fields, name: None}).encode())


def test_null_leaves_out_the_optional_fields_of_a_catalogue_s_rows() -> None:
    image = {"image_id": "1", "image_url": "https://x/1.png", "served_urls": None, "valid": None, "quality": None}
    rows = [
        {"business_id": "b", "categories": None, "images": None},
        {"business_id": "b", "category_id": "c", "name": "Cafe", "is_hot": None},
        {"business_id": "b", **image},
        {"business_id": "b", "images": [image]},
    ]
    read = [read_row(json.dumps(row).encode()) for row in rows]
    assert not read[0].replaces and not read[1].categories[0].is_hot and read[2].images[0].valid
    assert read[2].images == read[3].images


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is empty"),
        (b"\0\0", "is empty"),
        (b"[{}]", "it is an array; publish one job per message"),
        (b"7", "it is 7"),
        (b"null", "it is null"),
        (b'"text"', "it is a text"),
        (b"{'a': 1}", "is not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        (b'{"a": 1} tail', "something behind the JSON object, at line 1 column 10"),
        (b"\x28\xb5\x2f\xfd\x04", "compressed (zstd)"),
        (b'{"a": "\\ud800"}', "not a JSON object in UTF-8: Invalid JSON: unexpected end of hex escape"),
        (b"eyJhIjog\nMX0=\n", "is base64"),
        (b"[" * 100_000, "nested too deeply"),
        ('{"a": 1}'.encode("utf-32"), "UTF-32"),
    ],
)
def test_every_other_body_that_is_no_job_says_what_it_is(body: bytes, said: str) -> None:
    with pytest.raises(JobRefused) as refused:
        decode_job(EnhanceJob, body)
    assert said in refused.value.reason.message


@given(st.binary() | st.from_regex(r"[A-Za-z0-9+/=_\s-]*", fullmatch=True).map(str.encode))
def test_any_bytes_have_a_reason_that_can_be_told(body: bytes) -> None:
    why_unreadable(body).encode()
    read_what_can_be_read(body)
