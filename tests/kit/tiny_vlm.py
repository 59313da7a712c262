"""Vision-language models of the real architectures with tiny random weights, written into a folder in a second.

Their tokenizers can write any text, and are of the two kinds that the real ones are of: LLaVA's is built as Llama 2's
(blanks as ▁, unknown characters as bytes), Mllama's as Llama 3's (bytes throughout).
"""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaImageProcessor,
    MllamaProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig
from transformers.utils import logging

_SENTENCES = (
    "A small shop front with a red sign.",
    "The picture shows a florist, flowers and a green door.",
    '{"description":"A photo of a shop","alt_text":"","tags":["shop","door"],"cat_match":1,"nudity":0.5}',
)
_SIDE, _PATCH, _CONTEXT = 28, 14, 4096
_SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "initializer_range": 0.5}
_LLAVA_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
_LLAMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|image|>{% else %}{{ part['text'] | trim }}"
    "{% endif %}{% endfor %}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)


def build_tiny_llava(folder: Path, *, chat_template: bool = True, seed: int = 0) -> Path:
    """LlavaForConditionalGeneration in ``folder``. As in the real one, the model's output is larger than the
    tokenizer's vocabulary."""
    tokenizer = llama2_tokenizer()
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": _SIDE}, crop_size={"height": _SIDE, "width": _SIDE}),
        tokenizer,
        patch_size=_PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_LLAVA_TEMPLATE if chat_template else None,
    )
    vision = CLIPVisionConfig(**_SIZES, num_hidden_layers=2, image_size=_SIDE, patch_size=_PATCH, projection_dim=32)
    text = LlamaConfig(
        **_SIZES,
        num_hidden_layers=2,
        vocab_size=len(tokenizer) + 3,
        max_position_embeddings=_CONTEXT,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    torch.manual_seed(seed)
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_id=image_token, pad_token_id=tokenizer.pad_token_id
    )
    return _save(folder, LlavaForConditionalGeneration(config), processor)


def build_tiny_mllama(folder: Path, *, chat_template: bool = True, seed: int = 0) -> Path:
    """MllamaForConditionalGeneration in ``folder``. As in the real one, the model's output lacks the image token."""
    tokenizer = llama3_tokenizer()
    processor = MllamaProcessor(
        MllamaImageProcessor(size={"height": _SIDE, "width": _SIDE}, max_image_tiles=2),
        tokenizer,
        chat_template=_LLAMA_TEMPLATE if chat_template else None,
    )
    vision = MllamaVisionConfig(
        **_SIZES,
        num_hidden_layers=2,
        num_global_layers=1,
        image_size=_SIDE,
        patch_size=_PATCH,
        max_num_tiles=2,
        vision_output_dim=64,
        intermediate_layers_indices=[1],
        supported_aspect_ratios=[[1, 1], [1, 2], [2, 1]],
    )
    text = _mllama_text(tokenizer)
    image_token = tokenizer.convert_tokens_to_ids("<|image|>")
    torch.manual_seed(seed)
    config = MllamaConfig(vision_config=vision, text_config=text, image_token_index=image_token)
    model = MllamaForConditionalGeneration(config)
    for name, parameter in model.named_parameters():
        if name.endswith("_gate"):  # shut in a model that was never trained, which then does not look at the picture
            torch.nn.init.ones_(parameter)
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=0.6,
        top_p=0.9,
        eos_token_id=tokenizer.convert_tokens_to_ids(["<|end_of_text|>", "<|eot_id|>"]),
        pad_token_id=tokenizer.pad_token_id,
    )
    return _save(folder, model, processor)


def _mllama_text(tokenizer: PreTrainedTokenizerFast) -> MllamaTextConfig:
    return MllamaTextConfig(
        **_SIZES,
        num_hidden_layers=3,
        num_key_value_heads=2,
        cross_attention_layers=[1],
        vocab_size=len(tokenizer) - 1,
        max_position_embeddings=_CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _save(folder: Path, model: PreTrainedModel, processor: LlavaProcessor | MllamaProcessor) -> Path:
    logging.disable_progress_bar()
    processor.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def llama2_tokenizer() -> PreTrainedTokenizerFast:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(_SENTENCES, trainers.BpeTrainer(vocab_size=160, show_progress=False))
    learned = json.loads(trained.to_str())["model"]
    special = ["<unk>", "<s>", "</s>", "<pad>", "<image>"]
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *learned["vocab"]]
    merges = [tuple(pair) for pair in learned["merges"]]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )


def llama3_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, show_progress=False, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(_SENTENCES, trainer)
    names = ("begin_of_text", "end_of_text", "eot_id", "start_header_id", "end_header_id", "python_tag", "pad", "image")
    tokenizer.add_special_tokens([f"<|{name}|>" for name in names])
    start = "<|begin_of_text|>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A", special_tokens=[(start, tokenizer.token_to_id(start))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=start, eos_token="<|eot_id|>", pad_token="<|pad|>"
    )
