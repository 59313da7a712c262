"""What a client remembers of the vectors it was given."""

from orchestrator.clients.workers.embedding_cache import MAX_CHARS, VectorMemory
from orchestrator.domain.relevance.vectors import Vector
from tests.kit.vectors import OTHER_SPACE, SPACE, random_vector

ONE, TWO = random_vector(1), random_vector(2)


def test_a_vector_is_found_in_its_own_space_alone() -> None:
    memory = VectorMemory()
    memory.keep({"shop": ONE})
    assert memory.find(SPACE, ["shop", "store"]) == {"shop": ONE} and memory.find(OTHER_SPACE, ["shop"]) == {}


def test_the_same_text_has_a_vector_in_each_space() -> None:
    memory = VectorMemory()
    other = random_vector(1, space=OTHER_SPACE)
    memory.keep({"shop": ONE})
    memory.keep({"shop": other})
    assert (memory.find(SPACE, ["shop"]), memory.find(OTHER_SPACE, ["shop"])) == ({"shop": ONE}, {"shop": other})


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    memory = VectorMemory(max_bytes=_room_for(2))
    memory.keep({"a": ONE, "b": TWO})
    memory.find(SPACE, ["a"])
    memory.keep({"c": TWO})
    assert set(memory.find(SPACE, "abc")) == {"a", "c"}


def test_it_never_holds_more_than_it_may() -> None:
    memory = VectorMemory(max_bytes=_room_for(10))
    for number in range(1000):
        memory.keep({f"{number:06}": ONE})
    kept = memory.find(SPACE, [f"{number:06}" for number in range(1000)])
    assert len(kept) == 10 and "000999" in kept and "000000" not in kept


def test_descriptions_are_too_long_to_be_kept() -> None:
    memory = VectorMemory()
    memory.keep({"x" * MAX_CHARS: ONE, "x" * (MAX_CHARS + 1): TWO})
    assert list(memory.find(SPACE, ["x" * MAX_CHARS, "x" * (MAX_CHARS + 1)])) == ["x" * MAX_CHARS]


def test_keeping_a_text_twice_costs_no_more_room() -> None:
    memory = VectorMemory(max_bytes=_room_for(2))
    for _ in range(5):
        memory.keep({"a": ONE})
    memory.keep({"b": TWO})
    assert memory.find(SPACE, "ab") == {"a": ONE, "b": TWO}


def _room_for(vectors: int, of: Vector = ONE) -> int:
    return vectors * (len(of.values) + 410)
