"""The tokenizer of the built-in model: bytes joined to words, the unchanging lines of the prompts to one token each."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import CLIPImageProcessor, LlavaProcessor, PreTrainedTokenizerFast

from workers.training.vlm import examples
from workers.training.vlm.answers import answer
from workers.training.vlm.questions import PLACE, elsewhere, forms, names
from workers.training.vlm.tower import Tower
from workers.training.world.catalogue import things
from workers.training.world.truth import Truth

TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""As LLaVA 1.5 writes conversations."""
_AROUND = ("USER: ", " ASSISTANT:")
_VOCABULARY = 1900
"""Tokens beside the unchanging lines."""
_LEARNT_FROM = 6000
"""Pictures whose words it is learnt from."""
_TIMES = 200
"""How often each kind of business is shown to the trainer, so that its own name becomes one token."""
MARKS = {"bos": "<s>", "eos": "</s>", "pad": "<pad>", "image": "<image>"}
"""What each special token is for."""
_SPECIAL = ("<unk>", *MARKS.values())
_FULL = "full_details/1"
"""The form of answer in which everything is said."""
# What stands between the texts of an answer; words with the blank before them; one digit at a time; anything else.
_PIECES = (
    r'[{\[,}\]]*"[\[\]{}:,]*"?',
    r" ?[\p{L}\p{M}_]+(?:'s\b)?",
    r" ?\p{N}",
    r' ?[^\s\p{L}\p{N}"\[\]{}:,]+',
    r"\s+",
)


def constant_lines() -> tuple[str, ...]:
    """The parts of all prompts that never change, the longest first."""
    whole = "\n".join(_unchanging(form["prompt"]) for form in forms().values())
    lines = {line for line in whole.splitlines() if line}
    return tuple(sorted(lines | set(_AROUND), key=lambda line: (-len(line), line)))


def build_tokenizer(truths: Sequence[Truth]) -> PreTrainedTokenizerFast:
    """Trained on answers about ``truths`` and the names of categories and things; it can write any text."""
    tokenizer = Tokenizer(models.BPE())
    whole = "|".join(_escaped(name) for name in names() if " " in name)
    pattern = "|".join([f'(?<=")(?:{whole})(?=")', *_PIECES])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        min_frequency=3,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(token, special=True) for token in _SPECIAL],
    )
    tokenizer.train_from_iterator(_corpus(truths), trainer)
    tokenizer.add_tokens([AddedToken(line, special=False, normalized=False) for line in constant_lines()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        unk_token=_SPECIAL[0],
        **{f"{name}_token": MARKS[name] for name in ("bos", "eos", "pad")},
    )


def numbers_of(tokenizer: Any) -> dict[str, int]:
    """The number of each token in MARKS."""
    return {name: tokenizer.convert_tokens_to_ids(token) for name, token in MARKS.items()}


def build_processor(tokenizer: PreTrainedTokenizerFast, tower: Tower) -> LlavaProcessor:
    """Pictures as ``tower`` looks at them, each scaled to a square, none of it cut off; the form of a conversation."""
    images = CLIPImageProcessor(
        size={"height": tower.side_px, "width": tower.side_px},
        do_center_crop=False,
        image_mean=list(tower.mean),
        image_std=list(tower.deviation),
    )
    return LlavaProcessor(  # type: ignore[no-untyped-call]
        images,
        tokenizer,
        patch_size=tower.patch_px,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )


def _corpus(truths: Sequence[Truth]) -> Iterator[str]:
    yield from _repeated((f'"{name}"' for name in names()), _TIMES)
    yield from _repeated((f'"{name}"' for known in names().values() for name in known[1:-1]), 10)
    yield from _repeated((f'"{name}"' for name in elsewhere()), 5)
    yield from _repeated((f'"{thing.one}" {thing.one}" {thing.many}' for thing in things().values()), 5)
    for truth in truths[:_LEARNT_FROM]:
        yield answer(truth, forms()[_FULL]["schema"])


def _unchanging(prompt: str) -> str:
    return prompt.replace(PLACE, "\n").replace(examples.PLACE, "\n")


def _repeated(texts: Iterable[str], times: int) -> Iterator[str]:
    for text in texts:
        yield from [text] * times


def _escaped(line: str) -> str:
    return re.sub(r"([^\w\s])", r"\\\1", line)
