"""The enhance service: one picture in, the better one out."""

from collections.abc import Callable, Mapping

from pydantic import ValidationError

from workers.enhance.model import EnhanceModel
from workers.enhance.picture import Enlarged, Enlargement, Harmful, render_picture, rendition_recipe, written_as
from workers.enhance.plan import AT_TARGET, Skip
from workers.errors import Refused, mistakes
from workers.images.codecs import Format, Pixels
from workers.server.batching import Batcher, submit
from workers.server.metrics import Metrics
from workers.server.model_service import PictureOptions, PictureService
from workers.server.service import Answer, Call, Handler
from workers.wire import ENHANCE_PATH, ContentReply, EnhanceReply, EnhanceRequest


class EnhanceService(PictureService[EnhanceModel, Batcher[Enlargement, Enlarged | Harmful]]):
    """POST /enhance."""

    name = "enhance"

    def __init__(
        self,
        options: PictureOptions,
        load_model: Callable[[], EnhanceModel],
        metrics: Metrics,
        modern: Format = "jpeg",
    ) -> None:
        """``modern`` is what results and renditions of a HEIC or AVIF are written as."""
        super().__init__(options, load_model, metrics)
        self._modern = modern

    @property
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler."""
        return {ENHANCE_PATH: self.enhance}

    async def _start(self, model: EnhanceModel) -> Batcher[Enlargement, Enlarged | Harmful]:
        await self._decoders.start(model.pre, model.post, render_picture)
        return await self._batcher(model.core)

    async def enhance(self, call: Call) -> Answer:
        """Decode and plan, upscale, encode. Raises Refused or Busy; what else it raises is a bug."""
        model, batcher = self._ready()
        request = _parse(call.query)
        with self._metrics.phase("decode"):
            read, data = await self._decoders.run(model.pre, call.body, request, self._max_pixels)
        if isinstance(read.plan, Skip):
            reason = read.plan.reason
            return await self._skipped(call.body, read.content, reason, rendered=reason == AT_TARGET)
        pixels = Pixels(read.mode, read.content.width, read.content.height, data)
        with self._metrics.phase("core"):
            item = Enlargement(pixels, read.plan.width, read.plan.height, request.image_type)
            outcome = await submit(batcher, item, f"a picture of {pixels.width} x {pixels.height} pixels")
        if isinstance(outcome, Harmful):
            return await self._skipped(call.body, read.content, outcome.reason, rendered=True)
        better = outcome.pixels
        image_format = written_as(read.content.format, better.mode, self._modern)
        with self._metrics.phase("encode"):
            shape = (better.mode, better.width, better.height)
            _, encoded = await self._decoders.run(model.post, better.data, *shape, image_format)
        reply = EnhanceReply(
            content=read.content,
            width=better.width,
            height=better.height,
            format=image_format,
            scale=read.plan.scale,
            model=outcome.model,
            recipe=outcome.recipe,
        )
        return Answer(reply, encoded, f"image/{image_format}")

    async def _skipped(self, body: bytes, content: ContentReply, reason: str, *, rendered: bool) -> Answer:
        """The 200 for a picture that stays as large as it is, with its display rendition if it gets one.

        It is decoded anew for that: the pixels of the large pictures that wait here would fill the memory.
        """
        if not rendered:
            return Answer(EnhanceReply(content=content, skipped=reason), code=reason)
        with self._metrics.phase("encode"):
            made, encoded = await self._decoders.run(render_picture, body, self._max_pixels, self._modern)
        reply = EnhanceReply(
            content=content,
            skipped=reason,
            width=made.width,
            height=made.height,
            format=made.format,
            recipe=rendition_recipe(),
        )
        return Answer(reply, encoded, f"image/{made.format}", code=reason)


def _parse(query: Mapping[str, str]) -> EnhanceRequest:
    try:
        return EnhanceRequest.model_validate(dict(query))
    except ValidationError as error:
        raise Refused("bad_request", mistakes(error)) from error
