"""Framing, the vocabulary and zero-shot judgement, apart from any model."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tests.kit.image_files import picture
from workers.clip.preprocessing import Framing, crop_to_square
from workers.clip.vocabulary import BUILT_IN, ImageClass, QualityPair, Vocabulary, read_vocabulary
from workers.clip.zero_shot import ZeroShotClassifier
from workers.server.text_embedding import Embeddings, encode_together, unit_rows
from workers.weights.digest import space_id, weights_digest

AXES = {"cat": 0, "dog": 1, "photo": 2, "scan": 3, "good": 4, "bad": 5}
VOCABULARY = Vocabulary(
    threshold=0.1,
    most_tags=1,
    tags={"cat": ["cat"], "dog": ["dog", "dog and bad"]},
    classes={
        "photo": ImageClass(showable=True, prompts=["photo"]),
        "scan": ImageClass(showable=False, prompts=["scan"]),
    },
    quality=[QualityPair(good="good", bad="bad")],
)


def encode(captions: list[str]) -> Embeddings:
    rows = np.zeros((len(captions), len(AXES)), np.float32)
    for row, caption in zip(rows, captions, strict=True):
        row[[AXES[word] for word in caption.split() if word in AXES]] = 1
    return unit_rows(rows)


@pytest.mark.parametrize("size", [(500, 300), (300, 500), (301, 300), (64, 64), (63, 64), (40, 10), (1000, 65)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_crop_has_the_pixels_that_torchvision_gives(size: tuple[int, int], mode: str) -> None:
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

    image = picture(mode, size)
    expected = Compose([Resize(64, InterpolationMode.BICUBIC), CenterCrop(64)])(image).convert("RGB")
    found = crop_to_square(image, Framing(64, "crop"))
    assert found.size == (64, 64)
    assert np.abs(np.asarray(found, int) - np.asarray(expected, int)).max() <= 2


@pytest.mark.parametrize("how", ["crop", "squash"])
@pytest.mark.parametrize("size", [(50_000, 1), (1, 50_000), (1, 1)])
def test_a_strip_costs_no_more_than_any_picture(how: str, size: tuple[int, int]) -> None:
    assert crop_to_square(Image.new("RGBA", size), Framing(224, how)).size == (224, 224)  # type: ignore[arg-type]


def test_a_picture_gets_its_best_tags_its_class_and_its_quality() -> None:
    zero_shot = ZeroShotClassifier(VOCABULARY, encode, scale=10.0)
    fine = zero_shot.judge(encode(["cat photo good"])[0])
    assert [name for name, _ in fine.tags] == ["cat"] and fine.tags[0][1] > 0.9
    assert (fine.image_class, fine.class_valid) == ("photo", True) and fine.quality > 0.9
    poor = zero_shot.judge(encode(["dog scan bad"])[0])
    assert ([name for name, _ in poor.tags], poor.image_class, poor.class_valid) == (["dog"], "scan", False)
    assert poor.quality < 0.1


def test_a_tag_below_the_threshold_is_not_given() -> None:
    strict = VOCABULARY.model_copy(update={"threshold": 0.6, "most_tags": 2})
    assert ZeroShotClassifier(strict, encode, scale=10.0).judge(encode(["photo"])[0]).tags == ()


def test_the_built_in_vocabulary_has_tags_for_a_directory_and_classes_that_are_not_shown() -> None:
    vocabulary = read_vocabulary(BUILT_IN)
    assert len(vocabulary.tags) >= 120
    assert {"storefront", "food", "menu", "logo", "person", "document", "screenshot"} <= vocabulary.tags.keys()
    hidden = {name for name, one in vocabulary.classes.items() if not one.showable}
    assert {"document", "screenshot", "other"} <= hidden and "exterior" not in hidden


def test_a_vocabulary_with_a_mistake_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    path.write_text(BUILT_IN.read_text().replace("showable: true", "showabel: true", 1))
    with pytest.raises(ValidationError, match="showabel"):
        read_vocabulary(path)


def test_requests_get_the_rows_of_their_own_texts() -> None:
    def numbered(texts: list[str]) -> Embeddings:
        return np.array([[float(text)] for text in texts], np.float32)

    rows = encode_together([("1", "2"), (), ("3",)], numbered)
    assert [row.ravel().tolist() for row in rows] == [[1, 2], [], [3]]


@pytest.mark.parametrize("row", [[0, 0], [np.nan, 1], [np.inf, 1]])
def test_a_model_that_gives_no_direction_is_a_bug(row: list[float]) -> None:
    with pytest.raises(ValueError, match="zero or not finite"):
        unit_rows(np.array([[1, 0], row], np.float32))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


def test_other_weights_are_another_space_even_under_the_same_name(files: list[Path]) -> None:
    assert weights_digest(files[:1]) == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    digests = {weights_digest(files), weights_digest(files[:1]), weights_digest(files[1:])}
    assert len({space_id("clip", "m", digest) for digest in digests}) == 3
    assert space_id("clip", "m", weights_digest(files[:1])) == "clip/m@ca978112"
