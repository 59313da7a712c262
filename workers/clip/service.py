"""The clip service: a picture to its vector, tags, class and quality; texts to vectors of the same space."""

from collections.abc import Mapping
from dataclasses import dataclass

from workers.clip.defects import NONE, Defects, inspect_picture, judged_with
from workers.clip.model import ClipModel, ClipResult
from workers.clip.preprocessing import PreprocessedImage
from workers.server.batching import Batcher, submit
from workers.server.model_service import PictureService
from workers.server.service import Answer, Call, Handler
from workers.server.text_embedding import Embeddings, Texts, encode_answer, read_texts, vector_bytes
from workers.wire import ENCODE_PATH, TAG_PATH, VECTOR_MEDIA_TYPE, ContentReply, TagReply

ANIMATED = "animated"
"""The flag of a picture that moves: one frame of it was looked at."""


@dataclass(frozen=True, slots=True)
class _Batchers:
    """Pictures and texts have a thread each, so that a long list of texts does not hold up the pictures."""

    pictures: Batcher[PreprocessedImage, ClipResult]
    texts: Batcher[Texts, Embeddings]


class ClipService(PictureService[ClipModel, _Batchers]):
    """POST /tag and POST /encode."""

    name = "clip"

    @property
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler."""
        return {TAG_PATH: self.tag, ENCODE_PATH: self.encode}

    async def _start(self, model: ClipModel) -> _Batchers:
        await self._decoders.start(inspect_picture)
        return _Batchers(await self._batcher(model.embed_and_classify), await self._batcher(model.encode))

    def _space(self, model: ClipModel) -> str:
        return model.space

    async def tag(self, call: Call) -> Answer:
        """Decode, look. Raises Refused or Busy; what else it raises is a bug."""
        model, batchers = self._ready()
        with self._metrics.phase("decode"):
            seen, pixels = await self._decoders.run(inspect_picture, call.body, model.framing, self._max_pixels)
            content, defects = seen
        with self._metrics.phase("core"):
            sight = await submit(
                batchers.pictures,
                PreprocessedImage(content, pixels),
                f"a picture of {content.width} x {content.height} pixels",
            )
        return Answer(tag_reply(model, content, sight, defects), vector_bytes(sight.vector), VECTOR_MEDIA_TYPE)

    async def encode(self, call: Call) -> Answer:
        """One vector per text. Raises Refused or Busy; what else it raises is a bug."""
        model, batchers = self._ready()
        texts = read_texts(call.body)
        with self._metrics.phase("core"):
            return encode_answer(model, await submit(batchers.texts, texts, f"{len(texts)} texts"))


def tag_reply(model: ClipModel, content: ContentReply, sight: ClipResult, defects: Defects = NONE) -> TagReply:
    """What is said of a picture, as the wire has it; ``defects`` are what was measured on its pixels."""
    judgement = judged_with(sight.judgement, defects)
    animated = [ANIMATED] if content.animated else []
    return TagReply(
        content=content,
        tags=list(judgement.tags),
        image_class=judgement.image_class,
        class_valid=judgement.class_valid,
        quality=judgement.quality,
        flags=list(dict.fromkeys((*judgement.flags, *animated))),
        model=model.name,
        space=model.space,
        dimension=model.dimension,
    )
