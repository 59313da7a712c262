"""A CLIP model as a model of Triton's python backend. Imported inside tritonserver only."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workers.clip.defects import Defects, inspect_picture
from workers.clip.folder import CONFIG_NAME, IMAGE_NAME, WEIGHTS_NAME
from workers.clip.model import ClipModel, Towers
from workers.clip.preprocessing import PreprocessedImage
from workers.clip.probing import check_towers
from workers.clip.service import tag_reply
from workers.clip.vocabulary import BUILT_IN, read_vocabulary
from workers.clip.zero_shot_clip import ZeroShotClip
from workers.errors import Refused
from workers.images.decoder_pool import DecoderPool
from workers.images.decoder_process import DecodeLimits
from workers.server.text_embedding import Embeddings, Texts
from workers.triton.requests import MAX_IMAGE_BYTES, Place, failure, place_of, response, rows_of, texts_in, together
from workers.triton.server_guard import ServerGuard
from workers.weights.digest import check_files
from workers.wire import ContentReply

VOCABULARY_NAME = "vocabulary.yaml"


@dataclass(frozen=True, slots=True)
class _Pictures:
    inspected: Sequence[tuple[PreprocessedImage, Defects]]


@dataclass(frozen=True, slots=True)
class _Captions:
    texts: Texts


@dataclass(frozen=True, slots=True)
class _Answer:
    """One vector and one result per row."""

    vectors: Embeddings
    results: Sequence[str]


class TritonClip:
    """What Triton calls TritonPythonModel: a VECTOR for each IMAGE or each TEXT, and what is said of each IMAGE."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load and warm up the model, start the decoders; then it is READY. Whatever this raises fails the load."""
        self._guard = ServerGuard()
        place = place_of(args)
        self._model = _builtin(place) if place.weights is None else _from_folder(place.weights, place)
        _warm_up(self._model, place.max_batch)
        limits = DecodeLimits(max_pixels=round(float(place.parameters["max_megapixels"]) * 1e6))
        self._decoders = DecoderPool(int(place.parameters["decoders"]), limits)
        self._runner = asyncio.Runner()
        self._runner.run(self._decoders.start(inspect_picture))
        self._guard.loaded()

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One response per request, in order."""
        read = self._runner.run(self._read_all(requests))
        made = dict(enumerate(read))
        for kind, core in ((_Pictures, self._look), (_Captions, self._encode)):
            asked = [index for index, item in enumerate(read) if isinstance(item, kind)]
            made |= zip(asked, together(core, [read[index] for index in asked]), strict=True)
        return [self._response(made[index]) for index in range(len(requests))]

    def finalize(self) -> None:
        """Triton unloads the model, or ends."""
        self._guard.release()
        self._runner.run(self._decoders.stop())
        self._runner.close()

    async def _read_all(self, requests: Sequence[Any]) -> list[Any]:
        return await asyncio.gather(*(self._read(request) for request in requests), return_exceptions=True)

    async def _read(self, request: Any) -> _Pictures | _Captions:
        """What a request asks for, its pictures decoded. Raises Cancelled, Refused, DecoderBug."""
        images, texts = rows_of(request, "IMAGE"), rows_of(request, "TEXT")
        if images is not None and texts is None:
            return _Pictures(await asyncio.gather(*(self._inspected(row, body) for row, body in enumerate(images))))
        if texts is not None and images is None:
            return _Captions(texts_in(texts))
        raise Refused("bad_request", "a request has either IMAGE or TEXT")

    async def _inspected(self, row: int, body: bytes) -> tuple[PreprocessedImage, Defects]:
        if not body:
            raise Refused("empty", f"IMAGE.{row} has no bytes")
        if len(body) > MAX_IMAGE_BYTES:
            raise Refused("too_large", f"IMAGE.{row}: {len(body)} bytes; at most {MAX_IMAGE_BYTES} are taken")
        most = self._decoders.limits.max_pixels
        seen, pixels = await self._decoders.run(inspect_picture, body, self._model.framing, most)
        content, defects = seen
        return PreprocessedImage(content, pixels), defects

    def _look(self, batch: Sequence[_Pictures]) -> list[_Answer]:
        sights = iter(self._model.embed_and_classify([image for item in batch for image, _ in item.inspected]))
        answers = []
        for item in batch:
            seen = [(image, defects, next(sights)) for image, defects in item.inspected]
            vectors = np.stack([sight.vector for *_, sight in seen])
            replies = [tag_reply(self._model, image.content, sight, defects) for image, defects, sight in seen]
            answers.append(_Answer(vectors, [reply.model_dump_json() for reply in replies]))
        return answers

    def _encode(self, batch: Sequence[_Captions]) -> list[_Answer]:
        made = self._model.encode([item.texts for item in batch])
        return [_Answer(rows, [""] * len(rows)) for rows in made]

    def _response(self, made: Any) -> Any:
        if isinstance(made, Exception):
            return failure(made)
        answer: _Answer = made
        spaces = [self._model.space] * len(answer.vectors)
        return response(answer.vectors, SPACE=spaces, RESULT=answer.results)


def _warm_up(model: ClipModel, max_batch: int) -> None:
    """Pictures that differ: those that are alike are looked at once."""
    content = ContentReply(phash="0" * 16, width=model.framing.side, height=model.framing.side, format="png")
    pixels = model.framing.side**2 * 3
    squares = [PreprocessedImage(content, bytes([shade]) * pixels) for shade in range(max_batch + 1)]
    model.embed_and_classify(squares[:1])
    model.embed_and_classify(squares[1:])
    model.encode([("to be ready",)])


def _builtin(place: Place) -> ClipModel:
    from workers.clip.builtin import load_builtin  # onnxruntime, which the other one does without

    return load_builtin(place.threads)


def _from_folder(folder: Path, place: Place) -> ClipModel:
    """What ``workers.training clip`` writes, run by onnxruntime, or else any folder of open_clip, run by torch. Either
    may bring a vocabulary of its own."""
    own = folder / VOCABULARY_NAME
    check_files(path for path in folder.iterdir() if path.is_file())
    towers = _towers(folder, place)
    check_towers(towers)
    return ZeroShotClip(towers, read_vocabulary(own if own.is_file() else BUILT_IN))


def _towers(folder: Path, place: Place) -> Towers:
    if (folder / IMAGE_NAME).is_file():
        from workers.clip.builtin import source_in
        from workers.clip.onnx_model import OnnxTowers

        return OnnxTowers(source_in(folder), threads=place.threads)
    from workers.clip.open_clip_model import OpenClipSource, OpenClipTowers  # takes seconds: torch

    source = OpenClipSource(folder.name, folder / WEIGHTS_NAME, None, folder / CONFIG_NAME)
    return OpenClipTowers(source, device=place.device, threads=place.threads)
