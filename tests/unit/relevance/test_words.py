"""Words of category names and what each counts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.catalogue.model import IdfSnapshot
from orchestrator.domain.relevance.idf import idf, idf_snapshot_of, words_of

EMPTY = IdfSnapshot("", 0, {})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Beauty Parlours", ("beauty", "parlours")),
        ("agencies-deccan", ("agencies", "deccan")),
        ("Car Repair & Services", ("car", "repair", "services")),
        ("Hotels,Restaurants/Bars (Rooftop)", ("hotels", "restaurants", "bars", "rooftop")),
        ("C++ / C# / .NET Training", ("c++", "c#", ".net", "training")),
        ("ASP.NET, Node.js", ("asp.net", "node.js")),
        ("Dr. Smith’s Women's Clinic", ("dr", "smith's", "women's", "clinic")),
        ("IT Services for US Visas", ("it", "services", "us", "visas")),
        ("Travel Travel Agents", ("travel", "travel", "agents")),
        ("हिन्दी पुस्तकें", ("हिन्दी", "पुस्तकें")),
        ("Cafe\u0301 - MÜNCHEN", ("café", "münchen")),
        ("ＦＵＬＬ width", ("full", "width")),
        ("❤️ Care 24x7", ("care", "24x7")),
    ],
)
def test_a_name_is_split_into_its_words(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [("The And Of", ("the", "and", "of")), (" ☕ ", ("☕",)), ("++", ("++",)), ("- -", ("- -",)), ("", ()), ("  ", ())],
)
def test_a_name_without_telling_words_keeps_what_it_has(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


@given(st.text())
def test_only_a_blank_name_has_no_words_and_no_word_is_empty_or_spaced(name: str) -> None:
    words = words_of(name)
    assert bool(words) == bool(name.strip())
    assert all(words) and (len(words) == 1 or all(len(word.split()) == 1 for word in words))


@given(st.text())
def test_case_and_spacing_do_not_change_the_words_of_plain_names(name: str) -> None:
    plain = name.encode("ascii", "ignore").decode()
    assert words_of(f"  {plain.upper()} ") == words_of(plain.lower())


def test_frequencies_count_names_not_occurrences_and_the_same_name_once() -> None:
    snapshot = idf_snapshot_of(["Hotels", "hotels ", "Hotels and Hotels", "Budget  Hotels", "Gyms"])
    assert snapshot.documents == 4
    assert snapshot.frequencies == {"budget": 1, "gyms": 1, "hotels": 3}


@given(st.lists(st.text(max_size=12), max_size=8), st.randoms())
def test_the_version_depends_on_the_content_and_not_on_the_order(names: list[str], random: object) -> None:
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert idf_snapshot_of(shuffled) == idf_snapshot_of(names)
    assert idf_snapshot_of([*names, "one name more, never seen"]).version != idf_snapshot_of(names).version


def test_the_version_is_the_same_on_every_machine() -> None:
    assert idf_snapshot_of(["Beauty Parlours", "Gyms"]).version == "966bb0bcdb5a96c6"


def test_a_rarer_word_counts_more_and_an_unknown_one_most() -> None:
    snapshot = idf_snapshot_of(["car repair", "car wash", "car dealers"])
    assert idf(snapshot, "car") == 1.0
    assert idf(snapshot, "wash") == pytest.approx(math.log(4 / 2) + 1)
    assert idf(snapshot, "never seen") == pytest.approx(math.log(4) + 1)


@given(st.text(), st.text())
def test_an_empty_snapshot_gives_every_word_the_same_weight(one: str, other: str) -> None:
    assert idf(EMPTY, one) == idf(EMPTY, other) == 1.0


@given(st.lists(st.text(max_size=10), max_size=10), st.text(max_size=10))
def test_a_weight_is_never_below_one_nor_above_that_of_an_unknown_word(names: list[str], word: str) -> None:
    snapshot = idf_snapshot_of(names)
    assert 1.0 <= idf(snapshot, word) <= math.log(1 + snapshot.documents) + 1


def test_a_frequency_above_the_number_of_names_cannot_make_a_weight_negative() -> None:
    assert idf(IdfSnapshot("odd", 2, {"word": 9_000}), "word") == 1.0
