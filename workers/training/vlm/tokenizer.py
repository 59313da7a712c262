"""The tokenizer of the built-in model: bytes joined to words, the unchanging lines of the prompts to one token each."""

import random
import re
from collections.abc import Iterable, Iterator, Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import CLIPImageProcessor, LlavaProcessor, PreTrainedTokenizerFast

from workers.training.vlm.questions import PLACE, elsewhere, forms, names, training_question
from workers.training.vlm.shape import PATCH_PX, SIDE_PX
from workers.training.world.truth import Truth

TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""As LLaVA 1.5 writes conversations."""
_AROUND = ("USER: ", " ASSISTANT:")
_VOCABULARY = 3200
_TIMES = 1000
"""How often each unchanging line is shown to the trainer, so that all of it becomes one token."""
MARKS = {"bos": "<s>", "eos": "</s>", "pad": "<pad>", "image": "<image>"}
"""What each special token is for."""
_SPECIAL = ("<unk>", *MARKS.values())
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
    whole = "\n".join(form["prompt"].replace(PLACE, "\n") for form in forms().values())
    lines = {line for line in whole.splitlines() if line}
    return tuple(sorted(lines | set(_AROUND), key=lambda line: (-len(line), line)))


def build_tokenizer(truths: Sequence[Truth], seed: int) -> PreTrainedTokenizerFast:
    """Trained on answers about ``truths``, the names of categories, and the lines of the prompts; it can write any
    text."""
    tokenizer = Tokenizer(models.BPE())
    pattern = "|".join([*(_escaped(line) for line in constant_lines()), *_PIECES])
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
    tokenizer.train_from_iterator(_corpus(truths, seed), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        unk_token=_SPECIAL[0],
        **{f"{name}_token": MARKS[name] for name in ("bos", "eos", "pad")},
    )


def build_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """The whole picture scaled to a square, none of it cut off, and the form of a conversation."""
    images = CLIPImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX}, do_center_crop=False)
    return LlavaProcessor(  # type: ignore[no-untyped-call]
        images,
        tokenizer,
        patch_size=PATCH_PX,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )


def _corpus(truths: Sequence[Truth], seed: int) -> Iterator[str]:
    yield from _repeated(constant_lines(), _TIMES)
    yield from _repeated((f'"{name}"' for known in names().values() for name in known[:-1]), 10)
    yield from _repeated((f'"{name}"' for name in elsewhere()), 5)
    rng = random.Random(f"{seed} tokenizer")
    for truth in truths:
        yield training_question(truth, rng).answer


def _repeated(texts: Iterable[str], times: int) -> Iterator[str]:
    for text in texts:
        yield from [text] * times


def _escaped(line: str) -> str:
    return re.sub(r"([^\w\s])", r"\\\1", line)
