"""Answers of a vision-language engine's model by transformers alone: every prompt read whole, nothing kept."""

from collections.abc import Sequence

import torch
from transformers import GenerationConfig

from workers.vlm.engine import GenerateRequest, GenerateResult, VlmEngine
from workers.vlm.logits_processor import ConstrainedAnswer, GrammarLogitsProcessor
from workers.vlm.picture import rgb_image


@torch.inference_mode()
def plain_answers(engine: VlmEngine, batch: Sequence[GenerateRequest]) -> list[GenerateResult]:
    """One per item, in order; the processor makes the inputs, from pixels to masks."""
    processor = engine._processor
    texts = [engine._conversation.text(item.prompt) for item in batch]
    inputs = processor(
        images=[[rgb_image(item.image, item.width, item.height)] for item in batch],
        text=texts,
        padding=True,
        add_special_tokens=str(processor.tokenizer.bos_token) not in texts[0],
        return_tensors="pt",
    )
    answers = [ConstrainedAnswer(engine._forms.of(item.schema), engine._vocabulary, item.max_tokens) for item in batch]
    greedy = GenerationConfig(
        do_sample=False,
        max_new_tokens=max(item.max_tokens for item in batch),
        eos_token_id=list(engine._stops),
        pad_token_id=processor.tokenizer.pad_token_id,
    )
    placed = inputs.to(engine._model.device, engine._model.dtype)
    engine._model.generate(
        **placed, generation_config=greedy, logits_processor=[GrammarLogitsProcessor(answers, engine._stops[0])]
    )
    return [GenerateResult(answer.text, "stop" if answer.ended else "length") for answer in answers]
