"""The real architectures with random weights, which have true speeds, in the classes that the workers run them in."""

from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaImageProcessor,
    MllamaProcessor,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
)
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig

from tests.kit.sr_networks import State, saved
from tests.kit.tiny_vlm import llama3_tokenizer
from workers.clip.open_clip_model import OpenClipSource, OpenClipTowers
from workers.enhance.torch_loading import load
from workers.enhance.torch_network import TorchNetwork, best_precision
from workers.text.sentences import SentenceModel
from workers.training.text.corpus import short_sentences
from workers.vlm.engine import VlmEngine
from workers.vlm.lru_cache import CACHE_BYTES

LLAVA_TEXT = {"hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32, "num_hidden_layers": 32}
LLAVA_VISION = {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 24}
_LLAMA_TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|image|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
)


def enlarger(state: State, folder: Path, device: torch.device) -> TorchNetwork:
    """In the precision that the worker takes on ``device``."""
    loaded = load(saved(state, folder / "network.safetensors"))
    return TorchNetwork(loaded, device, best_precision(device, loaded))


def towers(name: str, folder: Path, device: torch.device) -> OpenClipTowers:
    """``name`` is open_clip's."""
    path = folder / "towers.safetensors"
    save_file(open_clip.create_model(name).state_dict(), path)
    made = OpenClipTowers(OpenClipSource(name, path, None, None), device=str(device), threads=None)
    path.unlink()
    return made


def sentences(folder: Path, device: torch.device, **sizes: int) -> SentenceModel:
    """all-mpnet-base-v2, whose sizes are those of MPNetConfig."""
    tokenizer = _tokenizer(8000)
    tokenizer.save_pretrained(folder)
    MPNetModel(MPNetConfig(**sizes)).save_pretrained(folder)
    files = sorted(folder.glob("*.safetensors"))
    return SentenceModel("mpnet", folder, files, device=str(device), threads=None)


def llava(device: torch.device, text: dict[str, int], vision: dict[str, int], max_batch: int) -> VlmEngine:
    """LLaVA 1.5 with 336 pixels and 576 tokens a picture; LLAVA_TEXT and LLAVA_VISION make it the one of 7B."""
    tokenizer = _tokenizer(8000, image="<image>")
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}),
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**vision, image_size=336, patch_size=14),
        text_config=LlamaConfig(**text, **ends, vocab_size=32064, max_position_embeddings=4096),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    return _engine("llava-1.5", LlavaForConditionalGeneration, config, processor, device, max_batch)


def mllama(device: torch.device, text: dict[str, Any], vision: dict[str, Any], max_batch: int) -> VlmEngine:
    """Llama 3.2 Vision with four tiles of 560 pixels; the defaults of both configs make it the one of 11B."""
    tokenizer = llama3_tokenizer()
    images = MllamaImageProcessor(size={"height": 560, "width": 560}, max_image_tiles=4)
    processor = MllamaProcessor(images, tokenizer, chat_template=_LLAMA_TEMPLATE)
    config = MllamaConfig(
        vision_config=MllamaVisionConfig(**vision, image_size=560),
        text_config=MllamaTextConfig(**text, pad_token_id=tokenizer.pad_token_id),
        image_token_index=tokenizer.convert_tokens_to_ids("<|image|>"),
    )
    return _engine("llama-3.2", MllamaForConditionalGeneration, config, processor, device, max_batch)


def _engine(name: str, architecture: Any, config: Any, processor: Any, device: torch.device, most: int) -> VlmEngine:
    """Made on the device: what is 20 GB there is no file first."""
    processor.tokenizer.padding_side = "left"
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with device:
            model = architecture(config).eval()
    finally:
        torch.set_default_dtype(before)
    return VlmEngine(name, "random", model, processor, most, CACHE_BYTES)


def _tokenizer(size: int, **special: str) -> PreTrainedTokenizerFast:
    """One that needs about as many tokens for short sentences as the real ones."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<s>", "</s>", "<pad>", *special.values()],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(short_sentences(0, 2000), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        model_input_names=["input_ids", "attention_mask"],
    )
