"""What a model remembers: the last used values, in their bounds."""

from dataclasses import dataclass

import pytest

from workers.vlm.lru_cache import LruCache


@dataclass(frozen=True)
class Value:
    index: int
    size_bytes: int = 10


def made(recent: LruCache[Value], *keys: bytes, size_bytes: int = 10) -> list[int]:
    """The indexes of ``keys`` that had to be made."""
    asked: list[int] = []

    def make(new: list[int]) -> list[Value]:
        asked.extend(new)
        return [Value(index, size_bytes) for index in new]

    assert len(recent.get_or_create(keys, make)) == len(keys)
    return asked


def test_what_was_used_last_outlives_what_was_made_last() -> None:
    recent: LruCache[Value] = LruCache(20)
    made(recent, b"a")
    made(recent, b"b")
    assert made(recent, b"a") == []
    made(recent, b"c")
    assert made(recent, b"a") == [] and made(recent, b"b") == [0]
    assert recent.held_bytes == 20


def test_a_value_larger_than_all_the_room_is_used_but_not_kept_and_drives_nothing_out() -> None:
    recent: LruCache[Value] = LruCache(20)
    made(recent, b"a", b"b")
    assert made(recent, b"large", size_bytes=21) == [0]
    assert made(recent, b"a", b"b") == [] and made(recent, b"large", size_bytes=21) == [0]
    assert recent.held_bytes == 20


def test_equal_keys_of_one_call_are_made_once_from_the_first() -> None:
    recent: LruCache[Value] = LruCache(100)
    assert made(recent, b"a", b"b", b"a", b"b") == [0, 1]
    assert (recent.hits, recent.misses) == (2, 2)
    assert [value.index for value in recent.get_or_create([b"b", b"a"], lambda _new: ())] == [1, 0]


def test_what_fails_to_be_made_leaves_everything_as_it_was() -> None:
    recent: LruCache[Value] = LruCache(20)
    made(recent, b"a")

    def fail(_new: list[int]) -> list[Value]:
        raise MemoryError

    with pytest.raises(MemoryError):
        recent.get_or_create([b"a", b"b"], fail)
    assert (recent.hits, recent.misses, recent.held_bytes) == (0, 1, 10)
    assert made(recent, b"a") == []


def test_what_was_forgotten_takes_no_room() -> None:
    recent: LruCache[Value] = LruCache(20)
    made(recent, b"a", b"b")
    recent.clear()
    assert recent.held_bytes == 0
    assert made(recent, b"c", b"d") == [0, 1] and made(recent, b"c", b"d") == []
