"""The vision-language model itself, for the HTTP worker and for Triton's python backend alike."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

from workers.device import choose_device, memory_errors
from workers.vlm.chat_template import ChatTemplate
from workers.vlm.grammar import SchemaCache, Vocabulary
from workers.vlm.logits_processor import ConstrainedAnswer, GrammarLogitsProcessor
from workers.vlm.lru_cache import CACHE_BYTES, LruCache
from workers.vlm.prefix_cache import PrefixCache, Question
from workers.vlm.requests import BadPrompt as BadPrompt
from workers.vlm.requests import GenerateRequest as GenerateRequest
from workers.vlm.requests import GenerateResult as GenerateResult
from workers.vlm.requests import check_request
from workers.weights.digest import weights_digest

_WARM_UP_SCHEMA = json.dumps({"type": "object", "properties": {"text": {"type": "string", "maxLength": 8}}})
_WARM_UP_TOKENS = 16


class VlmEngine:
    """LlavaForConditionalGeneration or MllamaForConditionalGeneration with its processor. ``load`` makes one.

    ``name`` is that of the weights' folder, ``weights`` the digest of its safetensors files. Not for several threads
    at once; only the counts of ``caches`` may be read from another one.
    """

    def __init__(self, name: str, weights: str, model: Any, processor: Any, max_batch: int, cache_bytes: int) -> None:
        """Raises ValueError for a model of another architecture."""
        self.name = name
        self.weights = weights
        self._model = model
        self._processor = processor
        self._max_batch = max_batch
        self._conversation = ChatTemplate(processor)
        self._reader = PrefixCache(model, processor, cache_bytes)
        text_config = model.config.get_text_config()
        self._context_tokens: int = text_config.max_position_embeddings
        self._stops = _stop_tokens(model.generation_config, processor.tokenizer)
        self._vocabulary = Vocabulary(processor.tokenizer, text_config.vocab_size, self._stops)
        self._forms = SchemaCache(self._vocabulary)

    @classmethod
    def load(
        cls,
        weights_dir: Path,
        *,
        device: str = "auto",
        dtype: str = "auto",
        max_batch: int = 8,
        cache_bytes: int = CACHE_BYTES,
    ) -> "VlmEngine":
        """Load from a local folder: safetensors only, no code from it, no network.

        ``device`` "auto" is the first CUDA device, else the CPU; ``dtype`` "auto" is the type that the weights are
        stored in, on the CPU float32. ``cache_bytes`` of the device's memory are for what was asked last (PrefixCache).
        Raises OSError, ValueError or RuntimeError for a folder that holds no such model or a device that is not there.
        """
        chosen = choose_device(device, threads=None)
        precision = "float32" if dtype == "auto" and chosen.type == "cpu" else dtype
        digest = digest_of(weights_dir)
        only_local = {"local_files_only": True, "trust_remote_code": False}
        processor: Any = AutoProcessor.from_pretrained(weights_dir, **only_local)  # type: ignore[no-untyped-call]
        processor.tokenizer.padding_side = "left"
        if processor.tokenizer.pad_token is None:
            processor.tokenizer.pad_token = processor.tokenizer.eos_token
        model: Any = AutoModelForImageTextToText.from_pretrained(
            weights_dir, dtype=precision, use_safetensors=True, **only_local
        )
        _check_finite(weights_dir, model.to(chosen).eval())
        return cls(weights_dir.name, digest, model, processor, max_batch, cache_bytes)

    @property
    def caches(self) -> Mapping[str, LruCache[Any]]:
        """What is kept of earlier questions, by kind: pictures, and beginnings of prompts about them."""
        return self._reader.caches

    def warm_up(self) -> None:
        """Answer one question alone and as many as go together, so that the first real ones find everything ready."""
        for count in {1, self._max_batch}:
            pictures = [bytes([shade % 256]) * (64 * 64 * 3) for shade in range(count)]
            self.generate(
                [GenerateRequest(p, 64, 64, "Describe this.", _WARM_UP_SCHEMA, _WARM_UP_TOKENS) for p in pictures]
            )
            self.forget()

    def forget(self) -> None:
        """Give back the memory of ``caches``."""
        for cache in self.caches.values():
            cache.clear()

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        """One result per item, in order: the answer, or BadPrompt for an item that cannot be asked; it fails alone.

        Decoding is greedy and constrained to each item's schema: an item is answered in the same way whatever else is
        asked or was asked before, as far as the rounding of float32 goes; in half precision a close call may go another
        way. An answer that would not end within its ``max_tokens`` is brought to a valid end before it, so "length"
        means that there were fewer than the schema's shortest answer takes. Raises MemoryError when the device has no
        memory left even without ``caches``.
        """
        results: list[GenerateResult | Exception] = []
        for start in range(0, len(batch), self._max_batch):
            part = batch[start : start + self._max_batch]
            try:
                results += self._generate(part)
            except MemoryError:
                if not any(cache.held_bytes for cache in self.caches.values()):
                    raise
            else:
                continue
            self.forget()  # only here, when the error's traceback no longer holds the batch's tensors
            results += self._generate(part)
        return results

    @torch.inference_mode()
    def _generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        results: dict[int, GenerateResult | Exception] = {}
        answers: dict[int, ConstrainedAnswer] = {}
        for index, item in enumerate(batch):
            try:
                check_request(item)
                answers[index] = ConstrainedAnswer(self._forms.of(item.schema), self._vocabulary, item.max_tokens)
            except BadPrompt as error:
                results[index] = error
        with memory_errors():
            questions = self._questions({index: batch[index] for index in answers})
            for index, question in list(questions.items()):
                excess = len(question.tokens) + batch[index].max_tokens - self._context_tokens
                if excess > 0:
                    del questions[index], answers[index]
                    results[index] = BadPrompt(f"prompt and answer are {excess} tokens too long for the model")
            if questions:
                longest = max(batch[index].max_tokens for index in questions)
                self._write(list(questions.values()), list(answers.values()), longest)
        for index, answer in answers.items():
            results[index] = GenerateResult(answer.text, "stop" if answer.ended else "length")
        return [results[index] for index in range(len(batch))]

    def _questions(self, items: Mapping[int, GenerateRequest]) -> dict[int, Question]:
        ids = [self._conversation.token_ids(item.prompt) for item in items.values()]
        return dict(zip(items, self._reader.questions(list(items.values()), ids), strict=True))

    def _write(self, questions: Sequence[Question], answers: Sequence[ConstrainedAnswer], max_tokens: int) -> None:
        """Let the model write ``answers``, all at once."""
        greedy = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False,
            num_beams=1,
            max_new_tokens=max_tokens,
            eos_token_id=list(self._stops),
            pad_token_id=self._processor.tokenizer.pad_token_id,
            bos_token_id=self._processor.tokenizer.bos_token_id,
        )
        batch, others = self._reader.read(questions)
        self._model.generate(
            input_ids=batch.ids,
            attention_mask=batch.mask,
            past_key_values=batch.past,
            generation_config=greedy,
            logits_processor=[GrammarLogitsProcessor(answers, self._stops[0])],
            **others,
        )


def _check_finite(weights_dir: Path, model: torch.nn.Module) -> None:
    """Raises ValueError for weights with NaN or infinity. Decoding would not show them: constrained to a schema, a
    model that knows nothing still writes valid answers."""
    for name, values in model.named_parameters():
        if not torch.isfinite(torch.stack(torch.aminmax(values.detach()))).all():
            raise ValueError(f"{weights_dir}: {name} holds NaN or infinity; the weights are damaged")


def digest_of(weights_dir: Path) -> str:
    """Sixteen hexadecimal digits of SHA-256 over the safetensors files of a folder, by name. Raises OSError."""
    files = sorted(weights_dir.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{weights_dir} holds no safetensors file")
    return weights_digest(files)[:16]


def _stop_tokens(config: Any, tokenizer: Any) -> tuple[int, ...]:
    """Every token that ends an answer; the tokenizer's own end comes first."""
    named = config.eos_token_id if config is not None else None
    listed = named if isinstance(named, list) else [] if named is None else [named]
    own = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    return tuple(dict.fromkeys([*own, *listed]))
