"""Several models at once on one real tritonserver, with instances, versions, warm-up and a rate limit."""

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
from tritonclient.grpc import InferResult
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from orchestrator.domain.prompts.request import Ask
from tests.conftest import require
from tests.integration.triton.conftest import OpenDescriber
from tests.kit.image_files import encoded, picture
from tests.kit.triton import Triton
from tests.kit.triton_together import FREE, LIMITED, LLAVA, MORE, VERSIONS, asked, column, counted, together
from tests.kit.watching import until
from workers.builtin import pinned
from workers.clip.builtin import load_builtin
from workers.clip.defects import inspect_picture
from workers.clip.preprocessing import PreprocessedImage
from workers.clip.service import tag_reply
from workers.text.folder import BUILT_IN_NAME
from workers.text.onnx_sentences import OnnxSentences
from workers.wire import TagReply

TEXTS = ("a florist with a green door", "", "  blumen – grüß Gott  ", "word " * 400)
PICTURES = [encoded(picture("RGB", (64 + 40 * n, 48)), kind) for n, kind in enumerate(("JPEG", "PNG", "WEBP"))]


@pytest.fixture(scope="module")
def server(server_folder: Path) -> Iterator[Triton]:
    require(Triton.missing())
    triton = together(server_folder)
    try:
        triton.start()
        yield triton
    finally:
        triton.close()


@pytest.fixture
async def client(server: Triton) -> AsyncIterator[InferenceServerClient]:
    async with InferenceServerClient(server.url) as one:
        yield one


async def ready(client: InferenceServerClient) -> set[tuple[str, str]]:
    """Names and versions of the models that can be asked."""
    index = await client.get_model_repository_index()
    return {(model.name, model.version) for model in index.models if model.state == "READY"}


async def test_all_that_was_to_be_loaded_is_ready_and_nothing_else(client: InferenceServerClient) -> None:
    single = {(name, "1") for name in (LLAVA, "clip", "text", LIMITED, FREE)}

    assert await ready(client) == single | {(VERSIONS, "1"), (VERSIONS, "2")}


async def test_texts_get_the_vectors_that_the_model_itself_gives(client: InferenceServerClient) -> None:
    model = OnnxSentences(BUILT_IN_NAME, pinned("minilm/model.onnx"), pinned("minilm/tokenizer.json"), threads=1)

    answer = await asked(client, "text", TEXT=[text.encode() for text in TEXTS])

    np.testing.assert_allclose(answer.as_numpy("VECTOR"), model.encode([TEXTS])[0], atol=1e-6)
    assert column(answer, "SPACE") == [model.space] * len(TEXTS)


async def test_pictures_and_texts_get_what_the_clip_model_itself_says(client: InferenceServerClient) -> None:
    model = load_builtin(1)
    inspected = [inspect_picture(body, model.framing, 10**6) for body in PICTURES]
    results = model.embed_and_classify([PreprocessedImage(content, pixels) for (content, _), pixels in inspected])

    seen = await asked(client, "clip", IMAGE=PICTURES)
    read = await asked(client, "clip", TEXT=[text.encode() for text in TEXTS])

    np.testing.assert_allclose(seen.as_numpy("VECTOR"), [result.vector for result in results], atol=1e-5)
    for text, ((content, defects), _), result in zip(column(seen, "RESULT"), inspected, results, strict=True):
        said, own = TagReply.model_validate_json(text), tag_reply(model, content, result, defects)
        assert said.model_copy(update={"tags": [], "quality": 0}) == own.model_copy(update={"tags": [], "quality": 0})
        assert (dict(said.tags), said.quality) == (pytest.approx(dict(own.tags), abs=2e-4), pytest.approx(own.quality))
    np.testing.assert_allclose(read.as_numpy("VECTOR"), model.encode([TEXTS])[0], atol=1e-5)
    assert {*column(seen, "SPACE"), *column(read, "SPACE")} == {model.space}
    assert column(read, "RESULT") == [""] * len(TEXTS)


async def test_each_model_runs_in_as_many_processes_as_its_instances(server: Triton) -> None:
    commands = [" ".join(child.cmdline()) for child in psutil.Process(server.pid).children(recursive=True)]

    counts = {name: sum(f"/{name}/1/model.py" in command for command in commands) for name in ("text", "clip", LLAVA)}

    assert counts == {"text": 2, "clip": 1, LLAVA: 1}


async def test_two_versions_answer_side_by_side_and_the_newest_to_whom_names_none(
    client: InferenceServerClient,
) -> None:
    old, new, newest = [await asked(client, VERSIONS, version, TEXT=[b"a florist"]) for version in ("1", "2", "")]

    np.testing.assert_allclose(new.as_numpy("VECTOR"), -old.as_numpy("VECTOR"), atol=1e-6)
    np.testing.assert_array_equal(newest.as_numpy("VECTOR"), new.as_numpy("VECTOR"))
    assert column(old, "SPACE") != column(new, "SPACE") == column(newest, "SPACE")


async def test_a_third_version_takes_the_place_of_the_first(server_folder: Path, client: InferenceServerClient) -> None:
    folder = server_folder / MORE / VERSIONS
    shutil.copytree(folder / "1", folder / "3", ignore=shutil.ignore_patterns("__pycache__"))
    try:
        await client.load_model(VERSIONS)

        assert {version for name, version in await ready(client) if name == VERSIONS} == {"2", "3"}
        with pytest.raises(InferenceServerException, match="version 1"):
            await asked(client, VERSIONS, "1", TEXT=[b"a florist"])
    finally:
        shutil.rmtree(folder / "3")
        await client.load_model(VERSIONS)


async def test_the_rate_limit_lets_one_run_at_a_time_where_two_would(client: InferenceServerClient) -> None:
    limited, free = [
        await asyncio.gather(*(asked(client, model, TEXT=[b"nap"]) for _ in range(6))) for model in (LIMITED, FREE)
    ]

    assert most_at_once(limited) == 1
    assert most_at_once(free) == 2


@pytest.mark.parametrize(
    ("model", "bad", "words"),
    [
        ("clip", {"IMAGE": [PICTURES[0], b"no picture"]}, "refused:not_an_image: "),
        ("clip", {"IMAGE": [PICTURES[0], b""]}, "refused:empty: IMAGE.1 has no bytes"),
        (
            "clip",
            {"IMAGE": [PICTURES[0]], "TEXT": [b"both"]},
            "refused:bad_request: a request has either IMAGE or TEXT",
        ),
        ("clip", {"TEXT": [b"x" * 20_001]}, "refused:text_too_long: TEXT.0: 20001 characters; at most 20000 are read"),
        ("text", {"TEXT": [b"fine", b"\xff\xfe"]}, "refused:bad_request: TEXT.1 is not UTF-8"),
        ("text", {"TEXT": [b"fine", b"x" * 20_001]}, "refused:text_too_long: TEXT.1: 20001 characters"),
    ],
    ids=["no picture", "empty picture", "both inputs", "long caption", "not utf-8", "long text"],
)
async def test_a_bad_request_fails_alone_and_says_why(
    client: InferenceServerClient, model: str, bad: dict[str, list[bytes]], words: str
) -> None:
    good: dict[str, list[bytes]] = {"TEXT": [b"fine"]} if "TEXT" in bad and "IMAGE" not in bad else {"IMAGE": PICTURES}

    ends = await asyncio.gather(
        *(asked(client, model, **rows) for rows in (good, good, bad, good, good)), return_exceptions=True
    )

    assert isinstance(ends[2], InferenceServerException)
    assert ends[2].status() == "StatusCode.INVALID_ARGUMENT" and words in (ends[2].message() or "")
    answers = [end.as_numpy("VECTOR") for end in (*ends[:2], *ends[3:]) if isinstance(end, InferResult)]
    assert len(answers) == 4 and all(np.array_equal(answer, answers[0]) for answer in answers)


async def test_requests_that_arrive_together_go_through_the_model_together(client: InferenceServerClient) -> None:
    before = await counted(client, "text")

    await asyncio.gather(*(asked(client, "text", TEXT=[b"one", b"two"]) for _ in range(40)))

    async def all_counted() -> bool:
        return (await counted(client, "text"))[0] >= before[0] + 80

    await until(all_counted, 10, "the server to count what it has answered")
    rows, batches = (now - then for now, then in zip(await counted(client, "text"), before, strict=True))
    assert rows == 80
    assert batches < 40


async def test_a_description_tags_and_vectors_are_made_at_the_same_time(
    server: Triton, client: InferenceServerClient, describer_of: OpenDescriber
) -> None:
    describer = describer_of(server.url, timeout_s=90)
    schema = {"type": "object", "properties": {"cat_match": {"enum": [0, 1]}}, "required": ["cat_match"]}

    described, tagged, encoded_text = await asyncio.gather(
        describer.describe(PICTURES[0], Ask((LLAVA,), "Describe this.", schema, 64)),
        asked(client, "clip", IMAGE=PICTURES),
        asked(client, "text", TEXT=[b"a florist"]),
    )

    assert json.loads(described.text)["cat_match"] in (0, 1)
    assert (tagged.as_numpy("VECTOR").shape[0], encoded_text.as_numpy("VECTOR").shape) == (3, (1, 384))


def most_at_once(answers: Sequence[InferResult]) -> int:
    """How many of the naps overlapped."""
    naps = [answer.as_numpy("VECTOR")[0].astype(float) for answer in answers]
    ends = sorted(itertools.chain(*(((nap[0] + nap[1], 1), (nap[2] + nap[3], -1)) for nap in naps)))
    return max(itertools.accumulate(step for _, step in ends))
