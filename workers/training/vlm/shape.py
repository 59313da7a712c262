"""How large the built-in vision-language model is."""

from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

SIDE_PX = 160
PATCH_PX = 16
PATCHES = (SIDE_PX // PATCH_PX) ** 2
"""Tokens that a picture is to the decoder."""
CONTEXT_TOKENS = 4096
ATTENTION = "eager"
"""While learning: on a CPU in bfloat16 the fused form takes far longer on the way back."""
_WIDTH, _HEADS = 192, 3


def vision_config() -> CLIPVisionConfig:
    """Of the tower: a ViT of six layers."""
    return CLIPVisionConfig(
        hidden_size=_WIDTH,
        intermediate_size=4 * _WIDTH,
        num_hidden_layers=6,
        num_attention_heads=_HEADS,
        image_size=SIDE_PX,
        patch_size=PATCH_PX,
        projection_dim=_WIDTH,
        hidden_act="gelu",
    )


def llava_config(vision: CLIPVisionConfig, vocabulary: int, token: dict[str, int]) -> LlavaConfig:
    """The tower, two linear layers, and a Llama of four layers. ``token``: the numbers of bos, eos, pad and image."""
    text = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=_WIDTH,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=_HEADS,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=token["bos"],
        eos_token_id=token["eos"],
        pad_token_id=token["pad"],
        tie_word_embeddings=True,
    )
    return LlavaConfig(  # type: ignore[call-arg]
        vision_config=vision,
        text_config=text,
        image_token_id=token["image"],
        image_seq_length=PATCHES,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        pad_token_id=token["pad"],
        tie_word_embeddings=True,
    )
