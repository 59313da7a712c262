"""How large the built-in vision-language model is."""

from collections.abc import Mapping

from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

GRID = 12
PATCHES = GRID * GRID
"""Tokens that a picture is to the decoder."""
WIDTH = 160
CONTEXT_TOKENS = 4096


def text_config(vocabulary: int, token: Mapping[str, int]) -> LlamaConfig:
    """A Llama of four layers. ``token``: the numbers of bos, eos and pad."""
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=token["bos"],
        eos_token_id=token["eos"],
        pad_token_id=token["pad"],
        tie_word_embeddings=True,
    )


def llava_config(vision: CLIPVisionConfig, text: LlamaConfig, image_token: int) -> LlavaConfig:
    """The tower ``vision``, two linear layers, and the decoder ``text``."""
    return LlavaConfig(  # type: ignore[call-arg]
        vision_config=vision,
        text_config=text,
        image_token_id=image_token,
        image_seq_length=PATCHES,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        pad_token_id=text.pad_token_id,
        tie_word_embeddings=True,
    )
