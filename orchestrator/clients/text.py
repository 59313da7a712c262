"""Workers that make vectors of texts, as the stages see them."""

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.clients.endpoints import WorkerPool
from orchestrator.clients.vectors_reply import parse_encode_reply
from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.domain.vectors import Vector
from workers.wire import ENCODE_PATH, MAX_TEXTS, EncodeRequest

MAX_CHARS = 1_000_000
"""Of one request, so that its body stays well below what a worker takes."""


class TextClient:
    """TextEncoder over a worker pool."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def encode(self, texts: Sequence[str]) -> tuple[Vector, ...]:
        """One unit vector per text, in order, all of one space.

        More than MAX_TEXTS texts, or very long ones, go in several requests. Raises JobRefused (``bad_text``: half of
        a surrogate pair, which no JSON can carry; or the worker's own code), JobFailed, and Unavailable, also when the
        endpoints answer in different spaces.
        """
        _check(texts)
        vectors: list[Vector] = []
        for part in _parts(texts):
            reply = await self._pool.call(
                ENCODE_PATH,
                query={},
                body=EncodeRequest(texts=part).model_dump_json().encode(),
                headers={"Content-Type": "application/json"},
            )
            vectors += parse_encode_reply(reply, count=len(part))
        if vectors:
            self._only(vector.space for vector in vectors)
        return tuple(vectors)

    async def space(self) -> str:
        """The space that the endpoints in use encode into. Raises Unavailable: none is in use, or they disagree."""
        return self._only(handshake.space for handshake in self._pool.handshakes())

    def _only(self, spaces: Iterable[str]) -> str:
        found = sorted(set(spaces))
        if len(found) > 1:
            said = ", ".join(space or "none" for space in found)
            raise Unavailable(self._pool.name, f"endpoints answer in different spaces: {said}; run one model in a pool")
        if not found[0]:
            raise Unavailable(self._pool.name, "the endpoints name no embedding space")
        return found[0]


def _check(texts: Sequence[str]) -> None:
    for index, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise JobRefused("bad_text", f"text {index} is no Unicode text") from None


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    chars = 0
    for text in texts:
        if part and (len(part) == MAX_TEXTS or chars + len(text) > MAX_CHARS):
            yield part
            part, chars = [], 0
        part.append(text)
        chars += len(text)
    if part:
        yield part
