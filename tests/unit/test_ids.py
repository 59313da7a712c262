"""Identifiers: one normal form, job ids that sort by time."""

import re
import time
import unicodedata
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.domain.ids import MAX_ID_LENGTH, canonical_job_id, document_id, id_from_name, new_job_id, normalise_id


@given(st.integers(0, 2**48 - 1))
def test_a_job_id_has_the_layout_of_a_uuid_version_7(now_ms: int) -> None:
    value = UUID(new_job_id(now_ms))
    assert value.int >> 80 == now_ms, "48 bits of Unix time in ms, big-endian"
    assert (value.int >> 76) & 0xF == 7, "the version"
    assert (value.int >> 62) & 0b11 == 0b10, "the variant"
    assert value.version == 7 and value.variant == "specified in RFC 4122"


def test_the_other_74_bits_of_a_job_id_are_random() -> None:
    values = [UUID(new_job_id(1_700_000_000_000)).int for _ in range(400)]
    random_bits = [bit for bit in range(76) if bit not in (62, 63)]
    assert len(set(values)) == 400
    for bit in random_bits:
        ones = sum(value >> bit & 1 for value in values)
        assert 100 < ones < 300, f"bit {bit} is set in {ones} of 400"


def test_job_ids_of_later_milliseconds_sort_later() -> None:
    made = [new_job_id(1_700_000_000_000 + ms) for ms in range(300)]
    assert made == sorted(made)


def test_a_job_id_takes_the_clock_when_it_is_told_no_time() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(new_job_id()).int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    ("given_id", "normal"),
    [(" ACME-1 ", "acme-1"), (42, "42"), (-7, "-7"), ("Straße", "straße"), ("a.b", "a.b"), ("x" * 128, "x" * 128)],
)
def test_an_id_has_one_normal_form(given_id: object, normal: str) -> None:
    assert normalise_id(given_id) == normal


@given(st.text(min_size=1, max_size=20))
def test_an_id_is_the_same_however_its_letters_were_composed(text: str) -> None:
    try:
        composed = normalise_id(unicodedata.normalize("NFC", text))
    except ValueError:
        assume(False)
    assert normalise_id(unicodedata.normalize("NFD", text)) == composed == unicodedata.normalize("NFC", composed)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("front", "front"),
        ("Menu (new) 2", "menu-(new)-2"),
        (" a \t- b ", "a-b"),
        ("a--b", "a--b"),
        ("a\\b", "a-b"),
        ("cafe\u0301", "caf\u00e9"),
        ("I \u2764\ufe0f pizza", "i-\u2764-pizza"),
        ("\u200b", ""),
    ],
)
def test_a_file_s_name_becomes_an_id(name: str, made: str) -> None:
    assert id_from_name(name) == made


@given(st.text(max_size=60))
def test_the_id_of_a_name_is_in_normal_form_or_says_why_it_is_none(name: str) -> None:
    made = id_from_name(name)
    assert made in ("", ".", "..") or normalise_id(made) == made


@given(st.one_of(st.text(max_size=200), st.integers()))
def test_normalising_twice_changes_nothing(value: str | int) -> None:
    try:
        once = normalise_id(value)
    except ValueError:
        assume(False)
    assert normalise_id(once) == once
    assert 0 < len(once) <= MAX_ID_LENGTH
    assert not any(character.isspace() or character in "/\\" for character in once)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("a/b", "slash"),
        ("a\\b", "backslash"),
        ("a b", "white space"),
        ("a\u00a0b", "white space"),
        ("a\u2028b", "white space"),
        ("a\x00b", "control character"),
        ("a\x9fb", "control character"),
        ("..", "'..'"),
        (".", "'.'"),
        ("x" * 129, "at most 128 characters, got 129"),
        (True, "text or a whole number"),
        (1.0, "text or a whole number"),
        (None, "text or a whole number"),
        (["a"], "text or a whole number"),
        pytest.param(10**5000, "at most 128 characters", id="5000 digits"),
        ("17\u200b", "U+200B"),
        ("gpj.\u202e71", "U+202E"),
        ("\ufeff17", "U+FEFF"),
        ("\u2764\ufe0f", "U+FE0F"),
        ("so\u00adft", "U+00AD"),
        ("\u3164", "U+3164"),
        ("caf\udce9", "U+DCE9"),
    ],
)
def test_an_id_that_could_not_be_a_key_is_refused_in_words(wrong: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        normalise_id(wrong)


@pytest.mark.parametrize(
    "spelling",
    [
        "018BCFE5-6800-7000-8000-00000000ABCD",
        "{018bcfe5-6800-7000-8000-00000000abcd}",
        "urn:uuid:018bcfe5-6800-7000-8000-00000000abcd",
        "018bcfe5680070008000" + "00000000abcd",
    ],
)
def test_every_spelling_of_a_job_id_becomes_the_same_one(spelling: str) -> None:
    assert canonical_job_id(spelling) == "018bcfe5-6800-7000-8000-00000000abcd"


def test_a_job_id_that_is_no_uuid_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="must be a UUID; leave it out"):
        canonical_job_id("job-1")


def test_a_document_is_named_by_business_and_image() -> None:
    assert document_id("acme", "7") == "acme/7"
