"""Every worker as a real process and what nobody should send: a reason the caller can act on, the process lives, and
those that share the batch get the very answer that they get alone."""

import asyncio
from collections.abc import Callable, Sequence

import aiohttp
import psutil
import pytest

from tests.integration.hostile.conftest import DECODERS
from tests.kit.asking import PICTURES, TEXTS, Answered, Kind
from tests.kit.hostile_images import hostile_images
from tests.kit.hostile_texts import hostile_texts
from tests.kit.image_files import encoded, picture
from tests.kit.mutations import mutated_pictures, mutated_texts
from tests.kit.process import wait_until
from tests.kit.worker import Worker
from workers.wire import METRICS_PATH

LEAST_FILES, MUTATIONS, SEED = 60, 1000, 4
TOGETHER = 7
"""With the neighbour as many as share a batch."""
NEIGHBOUR = {"pictures": encoded(picture(), "PNG"), "texts": b'{"texts": ["a shop", "a flower shop"]}'}
CORPUS = {"pictures": hostile_images, "texts": hostile_texts}
MUTATED = {"pictures": mutated_pictures, "texts": mutated_texts}
KINDS = [(kind, "pictures") for kind in PICTURES] + [(kind, "texts") for kind in TEXTS]
every_kind = pytest.mark.parametrize(("kind", "what"), KINDS, ids=[f"{kind.family}_{what}" for kind, what in KINDS])
Find = Callable[[str], Worker]


async def asked(kind: Kind, worker: Worker, bodies: Sequence[bytes], neighbour: bytes) -> list[Answered]:
    """The answers to ``bodies``, TOGETHER at a time and ``neighbour`` beside them again and again. Nothing of all
    this is left in the worker, and every neighbour has the answer that it gets alone."""
    process = psutil.Process(worker.process.pid)
    children, neighbours = {child.pid for child in process.children()}, list[Answered]()
    async with aiohttp.ClientSession() as session:
        alone = await kind.ask(session, worker.url, neighbour)
        files = process.num_fds()
        waiting = iter(enumerate(bodies))
        found = [alone] * len(bodies)

        async def one_after_another() -> None:
            for number, body in waiting:
                found[number] = await kind.ask(session, worker.url, body)
                if number % TOGETHER == 0:
                    neighbours.append(await kind.ask(session, worker.url, neighbour))

        await asyncio.gather(*(one_after_another() for _ in range(TOGETHER)))
        metrics = await (await session.get(worker.url + METRICS_PATH)).text()
    assert worker.process.poll() is None and {child.pid for child in process.children()} == children
    assert len(worker.decoders()) == (0 if kind.family == "text" else DECODERS)
    assert "justlens_worker_decoder_restarts_total 0.0" in metrics and "justlens_worker_in_flight 0.0" in metrics
    wait_until(lambda: process.num_fds() <= files, 10, "files and connections to be closed")
    assert alone.status == 200 and set(neighbours) == {alone} and len(neighbours) >= len(bodies) // TOGETHER
    return found


@every_kind
async def test_hostile_requests_get_their_reason_and_their_neighbours_are_served(
    kind: Kind, what: str, worker_of: Find
) -> None:
    files = CORPUS[what]()
    assert len({file.name for file in files}) == len(files) >= LEAST_FILES
    found = await asked(kind, worker_of(kind.family), [file.body for file in files], NEIGHBOUR[what])
    both = zip(files, found, strict=True)
    wrong = [
        (file.name, one.status, one.code) for file, one in both if not acceptable(one) or one.code not in file.codes
    ]
    assert wrong == []


@every_kind
async def test_a_thousand_mutations_are_answered_and_never_with_500(kind: Kind, what: str, worker_of: Find) -> None:
    bodies = MUTATED[what](SEED, MUTATIONS)
    found = await asked(kind, worker_of(kind.family), bodies, NEIGHBOUR[what])
    assert len(found) == MUTATIONS and len(set(bodies)) >= 0.9 * MUTATIONS
    wrong = [(number, one.status, one.code) for number, one in enumerate(found) if not acceptable(one)]
    assert wrong == []
    assert {one.status for one in found} >= {200, 400 if what == "texts" else 422}


def acceptable(answer: Answered) -> bool:
    """An answer, or a reason that the caller can act on: any but "ask again" and "a bug"."""
    return answer.status == 200 or (400 <= answer.status < 500 and bool(answer.code))
