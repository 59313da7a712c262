"""The describer without a language model: texts composed from what a CLIP model sees. No torch.

It names what CLIP's vocabulary knows, in sentences of a fixed grammar, and says less where CLIP is less certain. It
reads no text, counts nothing and judges no nudity: ``readable_text`` is empty and the description then says that no
text was read, ``people`` is a lower bound, ``nudity`` is 0 and ``business_name_seen`` false for want of anything that
says more. It weighs a likeness and no evidence: ``evidence_for`` and ``evidence_against`` are empty.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from workers.clip.model import ClipModel, ClipResult
from workers.clip.preprocessing import Framing, PreprocessedImage, preprocess_image
from workers.vlm.requests import BadPrompt, GenerateRequest, GenerateResult, check_request
from workers.vlm.template import sentences
from workers.vlm.template.category import category_in
from workers.vlm.template.contrast import MATCH_SCALE, SCALE, Contrasts
from workers.vlm.template.filling import Known, Text, fields_of, filled
from workers.vlm.template.observations import Seen, seen
from workers.vlm.template.words import BUILT_IN, read_wording
from workers.weights.digest import weights_digest

MATCH_CERTAIN = 0.06
"""cat_match is 1 from this probability on: some three times the share that a picture like nothing gives to every kind.

Chosen, with contrast.MATCH_SCALE, for the built-in CLIP on 600 pictures of the demo world's validation set, each asked
for a name of its own kind and of another: balanced accuracy 0.973.
"""
MAX_ITEMS = 20


@dataclass(frozen=True, slots=True)
class _Question:
    image: PreprocessedImage
    schema: Mapping[str, Any]
    category: str | None


class TemplateDescriber:
    """``weights`` is the digest of all that an answer depends on: the weights of ``clip``, the ``vocabulary`` file that
    it judges with, and the wording.
    """

    name = "template"

    def __init__(self, clip: ClipModel, vocabulary: Path, wording: Path = BUILT_IN) -> None:
        """Raises OSError, ValueError or yaml.YAMLError for a file that is not what it should be."""
        self._clip = clip
        self._wording = read_wording(wording)
        self._contrasts = Contrasts(clip, SCALE, MATCH_SCALE, self._wording)
        parts = json.dumps([clip.name, clip.weights, weights_digest([vocabulary]), weights_digest([wording])])
        self.weights = hashlib.sha256(parts.encode()).hexdigest()

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        """One result per item, in order; BadPrompt for an item that cannot be asked. Raises MemoryError."""
        questions = [_question(item, self._clip.framing) for item in batch]
        asked = [question for question in questions if isinstance(question, _Question)]
        features = iter(self._clip.embed_and_classify([question.image for question in asked]) if asked else ())
        return [it if isinstance(it, BadPrompt) else self._answer(it, next(features)) for it in questions]

    def _answer(self, question: _Question, features: ClipResult) -> GenerateResult | Exception:
        try:
            known = _known(seen(question.image, features, self._contrasts, self._wording), question.schema)
            if question.category is not None:
                known["cat_match"] = int(self._contrasts.match(features.vector, question.category) >= MATCH_CERTAIN)
            return GenerateResult(filled(question.schema, known), "stop")
        except MemoryError:
            raise
        except Exception as error:  # whatever is wrong with one picture, its neighbours are answered
            return error


def _question(item: GenerateRequest, framing: Framing) -> _Question | BadPrompt:
    try:
        schema = check_request(item)
        category = category_in(item.prompt) if "cat_match" in fields_of(schema) else None
    except BadPrompt as error:
        return error
    image = Image.frombytes("RGB", (item.width, item.height), item.image)
    return _Question(preprocess_image(image, framing), schema, category)


def _known(it: Seen, schema: Mapping[str, Any]) -> dict[str, Known]:
    """All that can be said of a picture, by the names of the fields."""
    description = sentences.description(it)
    if "readable_text" in fields_of(schema):
        description = (*description, sentences.NOT_READ)
    return {
        "description": Text(description),
        "alt_text": Text((sentences.alt_text(it),)),
        "tags": sentences.tags(it),
        "people": it.person_count,
        "items": it.items[:MAX_ITEMS],
        "readable_text": None,
        "blur": "blur" in it.flags,
        "watermark": "watermark" in it.flags,
        "screenshot": "screenshot" in it.flags,
        "nudity": 0.0,
        "business_name_seen": False,
        "evidence_for": (),
        "evidence_against": (),
    }
