"""The vision-language model itself, for the HTTP worker and for Triton's python backend alike."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

from workers.device import choose_device, memory_errors
from workers.vlm.conversation import Conversation
from workers.vlm.grammar import Forms, Vocabulary
from workers.vlm.guiding import Guide, GuidedAnswer
from workers.vlm.picture import rgb_image
from workers.vlm.prompted import BadPrompt as BadPrompt
from workers.vlm.prompted import Generated as Generated
from workers.vlm.prompted import Prompted as Prompted
from workers.vlm.prompted import check_prompted
from workers.weights import weights_digest

_WARM_UP_SCHEMA = json.dumps({"type": "object", "properties": {"text": {"type": "string", "maxLength": 8}}})
_WARM_UP_TOKENS = 16


class VlmEngine:
    """LlavaForConditionalGeneration or MllamaForConditionalGeneration with its processor. ``load`` makes one.

    ``name`` is that of the weights' folder, ``weights`` the digest of its safetensors files. Not for several threads
    at once.
    """

    def __init__(self, name: str, weights: str, model: Any, processor: Any, max_batch: int) -> None:
        self.name = name
        self.weights = weights
        self._model = model
        self._processor = processor
        self._max_batch = max_batch
        self._conversation = Conversation(processor)
        text_config = model.config.get_text_config()
        self._context_tokens: int = text_config.max_position_embeddings
        self._stops = _stop_tokens(model.generation_config, processor.tokenizer)
        self._vocabulary = Vocabulary(processor.tokenizer, text_config.vocab_size, self._stops)
        self._forms = Forms(self._vocabulary)

    @classmethod
    def load(cls, weights_dir: Path, *, device: str = "auto", dtype: str = "auto", max_batch: int = 8) -> "VlmEngine":
        """Load from a local folder: safetensors only, no code from it, no network.

        ``device`` "auto" is the first CUDA device, else the CPU; ``dtype`` "auto" is the type that the weights are
        stored in, on the CPU float32. Raises OSError, ValueError or RuntimeError for a folder that
        holds no such model or a device that is not there.
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
        return cls(weights_dir.name, digest, model.to(chosen).eval(), processor, max_batch)

    def warm_up(self) -> None:
        """Answer one question alone and as many as go together, so that the first real ones find everything ready."""
        question = Prompted(bytes(64 * 64 * 3), 64, 64, "Describe this.", _WARM_UP_SCHEMA, _WARM_UP_TOKENS)
        for count in {1, self._max_batch}:
            self.generate([question] * count)

    def generate(self, batch: Sequence[Prompted]) -> list[Generated | Exception]:
        """One result per item, in order: the answer, or BadPrompt for an item that cannot be asked; it fails alone.

        Decoding is greedy and constrained to each item's schema: the same batch gives the same answers. An answer that
        would not end within its ``max_tokens`` is brought to a valid end before it, so "length" means that there were
        fewer than the schema's shortest answer takes. Raises MemoryError when the device has no memory left.
        """
        results: list[Generated | Exception] = []
        for start in range(0, len(batch), self._max_batch):
            results += self._generate(batch[start : start + self._max_batch])
        return results

    def _generate(self, batch: Sequence[Prompted]) -> list[Generated | Exception]:
        results: dict[int, Generated | Exception] = {}
        answers: dict[int, GuidedAnswer] = {}
        for index, item in enumerate(batch):
            try:
                check_prompted(item)
                answers[index] = GuidedAnswer(self._forms.of(item.schema), self._vocabulary, item.max_tokens)
            except BadPrompt as error:
                results[index] = error
        inputs = self._inputs_that_fit(batch, answers, results)
        if answers:
            self._write(inputs, list(answers.values()), max(batch[index].max_tokens for index in answers))
        for index, answer in answers.items():
            results[index] = Generated(answer.text, "stop" if answer.ended else "length")
        return [results[index] for index in range(len(batch))]

    def _inputs_that_fit(
        self,
        batch: Sequence[Prompted],
        answers: dict[int, GuidedAnswer],
        results: dict[int, Generated | Exception],
    ) -> Any:
        """The model's inputs for ``answers``. Those whose prompt leaves no room in the context move to ``results``."""
        while answers:
            inputs = self._inputs([batch[index] for index in answers])
            lengths = dict(zip(answers, inputs["attention_mask"].sum(dim=1).tolist(), strict=True))
            excess = {i: n + batch[i].max_tokens - self._context_tokens for i, n in lengths.items()}
            too_long = {index: tokens for index, tokens in excess.items() if tokens > 0}
            if not too_long:
                return inputs
            for index, tokens in too_long.items():
                del answers[index]
                results[index] = BadPrompt(f"prompt and answer are {tokens} tokens too long for the model")
        return None

    def _inputs(self, items: Sequence[Prompted]) -> Any:
        texts = [self._conversation.text(item.prompt) for item in items]
        return self._processor(
            images=[[rgb_image(item.image, item.width, item.height)] for item in items],
            text=texts,
            padding=True,
            add_special_tokens=not self._conversation.starts_itself(texts[0]),
            return_tensors="pt",
        )

    @torch.inference_mode()
    def _write(self, inputs: Any, answers: Sequence[GuidedAnswer], max_tokens: int) -> None:
        """Let the model write ``answers``, all at once."""
        greedy = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False,
            num_beams=1,
            max_new_tokens=max_tokens,
            eos_token_id=list(self._stops),
            pad_token_id=self._processor.tokenizer.pad_token_id,
            bos_token_id=self._processor.tokenizer.bos_token_id,
        )
        guide = Guide(answers, self._stops[0])
        with memory_errors():
            placed = inputs.to(self._model.device, self._model.dtype)
            self._model.generate(**placed, generation_config=greedy, logits_processor=[guide])


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
