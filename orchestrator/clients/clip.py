"""The clip workers as the stages see them."""

import re

from pydantic import ValidationError

from orchestrator.clients.replies import WorkerReply
from orchestrator.clients.text import TextClient
from orchestrator.clients.vectors_reply import bad_header, bad_reply, unit_vectors
from orchestrator.domain.jobs import Content
from orchestrator.domain.tagging import Tag, Tagged
from workers.wire import RESULT_HEADER, TAG_PATH, TagReply

_PHASH = re.compile(r"[0-9a-f]{16}")


class ClipClient(TextClient):
    """Tagger and TextEncoder over a worker pool. Pictures and captions are in one space."""

    async def tag(self, body: bytes, *, sha256: str) -> Tagged:
        """What the workers say of the picture ``body``, whose hash is ``sha256``.

        Raises JobRefused, JobFailed (also for a reply that breaks the wire's contract) and Unavailable.
        """
        reply = await self._pool.call(
            TAG_PATH, query={}, body=body, headers={"Content-Type": "application/octet-stream"}
        )
        return parse_tag_reply(reply, sha256=sha256, source_bytes=len(body))


def parse_tag_reply(reply: WorkerReply, *, sha256: str, source_bytes: int) -> Tagged:
    """The reply as the stages' value. Raises JobFailed (``bad_worker_reply``) when it breaks the wire's contract."""
    try:
        result = TagReply.model_validate_json(reply.headers.get(RESULT_HEADER, ""))
    except ValidationError as error:
        raise bad_header(reply, error) from error
    if problem := _problem(result):
        raise bad_reply(reply, problem)
    (vector,) = unit_vectors(reply, count=1, dimension=result.dimension, space=result.space)
    source = result.content
    return Tagged(
        tags=tuple(Tag(name, score) for name, score in result.tags),
        image_class=result.image_class,
        class_valid=result.class_valid,
        quality=result.quality,
        model=result.model,
        vector=vector,
        content=Content(
            sha256=sha256,
            phash=source.phash,
            width=source.width,
            height=source.height,
            format=source.format,
            bytes=source_bytes,
        ),
    )


def _problem(result: TagReply) -> str | None:
    """What is wrong with the header, or None. Written so that NaN is wrong."""
    if min(result.content.width, result.content.height) < 1 or not _PHASH.fullmatch(result.content.phash):
        return "content is not described"
    scores = [score for _, score in result.tags]
    if not all(0 <= score <= 1 for score in scores) or scores != sorted(scores, reverse=True):
        return "the tags' scores are not falling from 1 to 0"
    if not all(name for name, _ in result.tags) or len({name for name, _ in result.tags}) != len(result.tags):
        return "a tag has no name, or comes twice"
    if not 0 <= result.quality <= 1:
        return f"quality {result.quality}"
    return None if result.image_class and result.model else "class or model is missing"
