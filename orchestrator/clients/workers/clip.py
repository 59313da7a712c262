"""The clip workers as the stages see them."""

from functools import partial

from orchestrator.clients.workers.replies import WorkerReply, bad_reply, content_of, result_of, unit_vectors
from orchestrator.clients.workers.text import TextClient
from orchestrator.domain.relevance.tags import Tag, Tagged
from workers.wire import TAG_PATH, TagReply


class ClipClient(TextClient):
    """Tagger and TextEncoder over a worker pool. Pictures and captions are in one space."""

    async def tag(self, body: bytes, *, sha256: str) -> Tagged:
        """What the workers say of the picture ``body``, whose hash is ``sha256``.

        Raises JobRefused, JobFailed (also for a reply that breaks the wire's contract) and Unavailable.
        """
        return await self._pool.call(
            TAG_PATH,
            query={},
            body=body,
            headers={"Content-Type": "application/octet-stream"},
            read=partial(parse_tag_reply, sha256=sha256, source_bytes=len(body)),
        )


def parse_tag_reply(reply: WorkerReply, *, sha256: str, source_bytes: int) -> Tagged:
    """The reply as the stages' value. Raises JobFailed (``bad_worker_reply``) when it breaks the wire's contract."""
    result = result_of(reply, TagReply)
    content = content_of(reply, result.content, sha256=sha256, source_bytes=source_bytes)
    if problem := _problem(result):
        raise bad_reply(reply, problem)
    (vector,) = unit_vectors(reply, count=1, dimension=result.dimension, space=result.space)
    return Tagged(
        tags=tuple(Tag(name, score) for name, score in result.tags),
        image_class=result.image_class,
        class_valid=result.class_valid,
        quality=result.quality,
        flags=tuple(result.flags),
        model=result.model,
        vector=vector,
        content=content,
    )


def _problem(result: TagReply) -> str | None:
    """What is wrong with the header, or None. Written so that NaN is wrong."""
    scores = [score for _, score in result.tags]
    if not all(0 <= score <= 1 for score in scores) or scores != sorted(scores, reverse=True):
        return "the tags' scores are not falling from 1 to 0"
    if not all(name for name, _ in result.tags) or len({name for name, _ in result.tags}) != len(result.tags):
        return "a tag has no name, or comes twice"
    if not all(result.flags) or len(set(result.flags)) != len(result.flags):
        return "a flag has no name, or comes twice"
    if not 0 <= result.quality <= 1:
        return f"quality {result.quality}"
    return None if result.image_class and result.model else "class or model is missing"
