"""The enhance workers as the stages see them."""

from functools import partial

from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.clients.workers.replies import HEX_16, WorkerReply, bad_reply, content_of, result_of
from orchestrator.domain.jobs import ImageType
from orchestrator.domain.pictures import EnhancedPicture, Rendition, SkippedPicture
from workers.wire import ENHANCE_PATH, EnhanceReply


class EnhanceClient:
    """Enhancer over a worker pool."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def enhance(
        self, body: bytes, *, image_type: ImageType, force: bool, sha256: str
    ) -> EnhancedPicture | SkippedPicture:
        """The worker's picture for ``body``, whose hash is ``sha256``.

        Raises JobRefused, JobFailed (also for a reply that breaks the wire's contract) and Unavailable.
        """
        return await self._pool.call(
            ENHANCE_PATH,
            query={"image_type": image_type, "force": "true" if force else "false"},
            body=body,
            headers={"Content-Type": "application/octet-stream"},
            read=partial(parse_enhance_reply, sha256=sha256, source_bytes=len(body)),
        )


def parse_enhance_reply(reply: WorkerReply, *, sha256: str, source_bytes: int) -> EnhancedPicture | SkippedPicture:
    """The reply as the stages' value. Raises JobFailed (``bad_worker_reply``) when it breaks the wire's contract."""
    result = result_of(reply, EnhanceReply)
    content = content_of(reply, result.content, sha256=sha256, source_bytes=source_bytes)
    if problem := _problem(result, reply.body):
        raise bad_reply(reply, problem)
    if result.skipped is not None:
        made = Rendition(reply.body, result.format, result.width, result.height, result.recipe) if reply.body else None
        return SkippedPicture(result.skipped, content, made)
    return EnhancedPicture(
        body=reply.body,
        format=result.format,
        width=result.width,
        height=result.height,
        scale=result.scale,
        model=result.model,
        recipe=result.recipe,
        content=content,
    )


def _problem(result: EnhanceReply, body: bytes) -> str | None:
    """What is wrong with the reply, or None."""
    if result.skipped is not None and not body:
        return None if result.skipped else "a skipped picture needs a reason"
    if min(result.width, result.height) < 1 or not result.scale > 0:
        return f"size {result.width} x {result.height}, scale {result.scale}"
    if not (result.model if result.skipped is None else result.skipped) or not HEX_16.fullmatch(result.recipe):
        return "model, reason or recipe is missing"
    return None if _looks_like(result.format, body) else f"the body is no {result.format} file"


def _looks_like(image_format: str, body: bytes) -> bool:
    """Whether ``body`` begins as a file of that format does. Decoding is the workers' business."""
    if image_format == "webp":
        return body[:4] == b"RIFF" and body[8:12] == b"WEBP"
    return body.startswith({"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n"}[image_format])
