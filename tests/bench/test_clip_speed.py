"""From JPEG bytes to CLIP vectors, beside the loop that everybody writes: PIL, torchvision, open_clip in float32.

The ViT-B-32 has random weights, which changes no speed. Both sides have one thread.
"""

import io
import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision import transforms

from tests.bench.pictures import jpeg, photograph
from tests.bench.rounds import Faster, Figure, Times, interleaved, note
from workers.clip.builtin import load_builtin
from workers.clip.open_clip_model import OpenClipSource, OpenClipTowers
from workers.clip.preprocessing import Framing, PreprocessedImage, crop_to_square, preprocess
from workers.images.codecs import decode, decode_small
from workers.server.text_embedding import Embeddings

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

ROUNDS = 7
TOGETHER = 16
MAX_PIXELS = 40_000_000
NAME = "ViT-B-32"
SAME_AT_LEAST, DRAFT_AT_LEAST = 0.999, 0.995


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def weights(tmp_path: Path) -> Iterator[Path]:
    torch.manual_seed(0)
    path = tmp_path / "random.safetensors"
    save_file(open_clip.create_model(NAME).state_dict(), path)
    yield path
    path.unlink()  # 600 MB


def test_pictures_a_second_beside_a_plain_loop(weights: Path) -> None:
    bodies = [jpeg(photograph(1280, 960, seed)) for seed in range(TOGETHER)]
    towers = OpenClipTowers(OpenClipSource(NAME, weights, None, None), device="cpu", threads=1)
    model, _, prepare = open_clip.create_model_and_transforms(NAME, pretrained=str(weights))
    model.eval()

    def ours() -> Embeddings:
        return towers.encode_images([preprocess(body, towers.framing, MAX_PIXELS)[1] for body in bodies])

    def theirs() -> Embeddings:
        squares = torch.stack([prepare(Image.open(io.BytesIO(body))) for body in bodies])
        with torch.inference_mode():
            return model.encode_image(squares, normalize=True).numpy()

    whole = towers.encode_images(
        [crop_to_square(decode(body, MAX_PIXELS)[0], towers.framing).tobytes() for body in bodies]
    )
    expected = theirs()
    same, draft = least_cosine(whole, expected), least_cosine(ours(), expected)
    times = interleaved({"ours": ours, "theirs": theirs}, ROUNDS)
    faster = Faster(times["ours"], times["theirs"])
    rate = {side: f"{TOGETHER / median(each.cpu_s):.1f} img/s" for side, each in times.items()}
    apart = least_cosine(expected, np.roll(expected, 1, axis=0))
    note(
        Figure(
            "P14",
            f"{NAME} from JPEG bytes, 1280 x 960, batches of {TOGETHER}: times as fast (cosine {same:.5f} after the "
            f"same decode, {draft:.5f} from the decoder's draft; pictures differ by {apart:.3f} at most)",
            2.5,
            f"cosine >= {SAME_AT_LEAST} and {DRAFT_AT_LEAST}",
        ),
        faster,
        f"PIL, torchvision, open_clip in float32, 1 thread: {rate['theirs']}; ours {rate['ours']}",
        same >= SAME_AT_LEAST and draft >= DRAFT_AT_LEAST,
    )


def test_a_draft_shows_trained_towers_what_the_whole_picture_does() -> None:
    model = load_builtin(threads=1)
    bodies = [jpeg(photograph(1280, 960, seed)) for seed in range(TOGETHER)]
    drafts = [PreprocessedImage(*preprocess(body, model.framing, MAX_PIXELS)) for body in bodies]
    wholes = [
        PreprocessedImage(draft.content, crop_to_square(decode(body, MAX_PIXELS)[0], model.framing).tobytes())
        for draft, body in zip(drafts, bodies, strict=True)
    ]
    seen = [np.stack([sight.vector for sight in model.embed_and_classify(batch)]) for batch in (drafts, wholes)]
    assert least_cosine(*seen) >= DRAFT_AT_LEAST, f"cosine {least_cosine(*seen)}"


@pytest.mark.parametrize(
    ("name", "size", "at_least"),
    [("0.2MP", (448, 448), 1.5), ("1.2MP", (1280, 960), 3.0), ("12MP", (4000, 3000), 5.0)],
)
def test_decoding_and_resizing_beside_a_full_decode(name: str, size: tuple[int, int], at_least: float) -> None:
    body = jpeg(photograph(*size))
    # What pictures cost depends on what else a process has allocated: this one reads pictures only, as decoders do.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        times = pool.submit(decoding_times, body).result()
    ms = {side: f"{median(each.cpu_s) * 1000:.2f} ms" for side, each in times.items()}
    limit = median(times["theirs"].cpu_s) / median(times["least"].cpu_s)
    peer = (
        f"PIL and torchvision: {ms['theirs']}; ours {{}}; {len(body) >> 10} KB; whoever reads all of the file can be "
        f"{limit:.1f} times as fast at most"
    )
    what = f"a JPEG of {size[0]} x {size[1]} to 224 x 224: times as fast"
    note(Figure(f"P15-{name}", what, at_least), Faster(times["ours"], times["theirs"]), peer.format(ms["ours"]))
    also = f"{what}, with size and perceptual hash"
    note(
        Figure(f"P15-{name}-hash", also, at_least), Faster(times["hashed"], times["theirs"]), peer.format(ms["hashed"])
    )


def decoding_times(body: bytes) -> Mapping[str, Times]:
    framing = Framing(224, "crop")
    resize = transforms.Compose(
        [transforms.Resize(framing.side, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(framing.side)]
    )
    sides = {
        "theirs": lambda: resize(Image.open(io.BytesIO(body)).convert("RGB")),
        "ours": lambda: crop_to_square(decode_small(body, MAX_PIXELS, framing.side).image, framing),
        "hashed": lambda: preprocess(body, framing, MAX_PIXELS),
        "least": lambda: brightness(body),
    }
    return interleaved(sides, ROUNDS)


def brightness(body: bytes) -> None:
    """The least that reading a whole JPEG takes: one value of each block, in grey. What is left is Huffman decoding."""
    image = Image.open(io.BytesIO(body))
    image.draft("L", (1, 1))
    image.load()


def least_cosine(one: Embeddings, other: Embeddings) -> float:
    return float((one * other).sum(axis=1).min())
