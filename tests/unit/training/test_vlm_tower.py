"""An open_clip tower and what it becomes in a LLaVA see the same."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from open_clip.model import CLIP
from safetensors.torch import save_file
from transformers import CLIPVisionModel

from workers.training.vlm.tower import read_tower, tower_weights, vision_config_of
from workers.weights.digest import weights_digest

CONFIG: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"layers": 3, "width": 64, "head_width": 32, "patch_size": 4, "image_size": 48, "mlp_ratio": 2.0},
    "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 32, "heads": 2, "layers": 1},
}


def random_clip(**more: Any) -> CLIP:
    torch.manual_seed(3)
    model = CLIP(**(CONFIG | more)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize("quick_gelu", [False, True])
def test_both_towers_give_the_same_vector(quick_gelu: bool) -> None:
    clip = random_clip(quick_gelu=quick_gelu)
    tower = CLIPVisionModel(vision_config_of(CONFIG | {"quick_gelu": quick_gelu})).eval()
    tower.load_state_dict(tower_weights(clip.state_dict()))
    pixels = torch.randn(2, 3, 48, 48)
    with torch.inference_mode():
        wanted = clip.visual(pixels)
        assert wanted.std() > 0.1
        torch.testing.assert_close(tower(pixels).pooler_output @ clip.visual.proj, wanted, rtol=1e-4, atol=1e-4)


def folder_of(clip: CLIP, folder: Path, model: dict[str, Any] = CONFIG, **preprocess: Any) -> Path:
    save_file(clip.state_dict(), folder / "model.safetensors")
    seen = {"mean": [0.5, 0.4, 0.3], "std": [0.1, 0.2, 0.3], "interpolation": "bicubic", "resize_mode": "squash"}
    config = {"model_cfg": model, "preprocess_cfg": seen | preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


def test_a_tower_is_read_from_the_folder_of_a_model(tmp_path: Path) -> None:
    tower = read_tower(folder_of(random_clip(), tmp_path))
    CLIPVisionModel(tower.config).load_state_dict(tower.weights)
    assert (tower.side_px, tower.patch_px) == (48, 4)
    assert (tower.mean, tower.deviation) == ((0.5, 0.4, 0.3), (0.1, 0.2, 0.3))
    assert tower.digest == weights_digest([tmp_path / "model.safetensors"])[:16]


def test_a_tower_of_more_patches_than_the_decoder_reads_is_refused(tmp_path: Path) -> None:
    fine = CONFIG | {"vision_cfg": CONFIG["vision_cfg"] | {"patch_size": 2}}
    with pytest.raises(ValueError, match="12 x 12"):
        read_tower(folder_of(random_clip(), tmp_path, fine))


def test_a_tower_that_sees_a_part_of_the_picture_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="squashed"):
        read_tower(folder_of(random_clip(), tmp_path, resize_mode="shortest"))


def test_a_tower_that_is_no_plain_vit_is_refused() -> None:
    with pytest.raises(ValueError, match="timm_model_name"):
        vision_config_of(CONFIG | {"vision_cfg": {"timm_model_name": "convnext_tiny", "image_size": 48}})
