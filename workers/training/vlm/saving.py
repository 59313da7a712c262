"""A model of transformers as the folder that the vision-language worker loads."""

import json
from pathlib import Path

from transformers import GenerationConfig, LlavaForConditionalGeneration, LlavaProcessor
from transformers.utils import logging


def save(folder: Path, model: LlavaForConditionalGeneration, processor: LlavaProcessor) -> None:
    """Weights in 16 bits, configurations, tokenizer and chat template. ``model`` is in 16 bits afterwards."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = processor.tokenizer
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    folder.mkdir(parents=True, exist_ok=True)
    processor.save_pretrained(folder)
    model.half().save_pretrained(folder)  # type: ignore[no-untyped-call]
    for path in folder.iterdir():
        path.chmod(0o644)  # safetensors writes for its owner alone
    tokens = folder / "tokenizer.json"  # written with a line per token; half of it is blanks
    tokens.write_text(json.dumps(json.loads(tokens.read_text(encoding="utf-8")), ensure_ascii=False), encoding="utf-8")
