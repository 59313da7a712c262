"""Workers that make vectors of texts, as the stages see them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from orchestrator.clients.workers.embedding_cache import VectorMemory
from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.clients.workers.replies import parse_encode_reply
from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.domain.relevance.vectors import Vector
from workers.wire import ENCODE_PATH, MAX_TEXTS, EncodeRequest

MAX_CHARS = 1_000_000
"""Of one request, so that its body stays well below what a worker takes."""


class TextClient:
    """TextEncoder over a worker pool. Vectors of short texts are remembered under the space they are in."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._memory = VectorMemory()

    async def encode(self, texts: Sequence[str]) -> tuple[Vector, ...]:
        """One unit vector per text, in order, all of one space.

        More than MAX_TEXTS texts, or very long ones, go in several requests. Raises JobRefused (``bad_text``: half of
        a surrogate pair, which no JSON can carry; or the worker's own code), JobFailed, and Unavailable, also when the
        endpoints answer in different spaces.
        """
        _check(texts)
        once = list(dict.fromkeys(texts))
        vectors = await self._remembered(once)
        made = await self._ask([text for text in once if text not in vectors])
        if made and vectors and self._only(vector.space for vector in made.values()) != _space_of(vectors):
            made = await self._ask(once)  # the model was changed meanwhile: what was remembered is of the other space
        vectors |= made
        if vectors:
            self._only(vector.space for vector in vectors.values())
        self._memory.keep(made)
        return tuple(vectors[text] for text in texts)

    async def space(self) -> str:
        """The space that the endpoints in use encode into. Raises Unavailable: none is in use, or they disagree."""
        return self._only(handshake.space for handshake in self._pool.handshakes())

    async def _remembered(self, texts: Sequence[str]) -> dict[str, Vector]:
        try:
            space = await self.space()
        except Unavailable:
            return {}  # nobody says what space it is, so a worker has to be asked
        return self._memory.find(space, texts)

    async def _ask(self, texts: Sequence[str]) -> dict[str, Vector]:
        vectors: dict[str, Vector] = {}
        for part in _parts(texts):
            made = await self._pool.call(
                ENCODE_PATH,
                query={},
                body=EncodeRequest(texts=part).model_dump_json().encode(),
                headers={"Content-Type": "application/json"},
                read=partial(parse_encode_reply, count=len(part)),
            )
            vectors |= zip(part, made, strict=True)
        return vectors

    def _only(self, spaces: Iterable[str]) -> str:
        found = sorted(set(spaces))
        if len(found) > 1:
            said = ", ".join(space or "none" for space in found)
            raise Unavailable(self._pool.name, f"endpoints answer in different spaces: {said}; run one model in a pool")
        if not found[0]:
            raise Unavailable(self._pool.name, "the endpoints name no embedding space")
        return found[0]


def _space_of(vectors: Mapping[str, Vector]) -> str:
    return next(iter(vectors.values())).space


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
