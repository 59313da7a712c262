"""The enhance worker and files that nobody should send."""

import asyncio
import random

from PIL import Image

from tests.kit.hostile_images import hostile_images
from tests.kit.image_files import encoded
from tests.kit.worker import PHOTOS, Worker
from tests.kit.worker_client import Client, photo
from workers.wire import (
    ErrorReply,
)


async def test_hostile_files_get_their_reason_and_their_neighbours_are_served(
    client: Client, shared_worker: Worker
) -> None:
    files = hostile_images()
    assert len(files) >= 60 and len({file.name for file in files}) == len(files)
    wrong = []
    for start in range(0, len(files), 4):
        group = files[start : start + 4]
        *answers, neighbour = await asyncio.gather(*(client.enhance(f.body) for f in group), client.enhance(photo()))
        assert neighbour[0] == 200, [file.name for file in group]
        for file, (status, reply, _) in zip(group, answers, strict=True):
            code = reply.code if isinstance(reply, ErrorReply) else reply.skipped or "done"
            if not (status == 200 or 400 <= status < 500) or code not in file.codes:
                wrong.append((file.name, status, code))
    assert wrong == []
    assert shared_worker.process.poll() is None and await client.metric("decoder_restarts_total") == 0


async def test_mutated_pictures_are_answered_and_never_with_500(client: Client, shared_worker: Worker) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    small = Image.open(PHOTOS / "astronaut.png").convert("RGB").resize((96, 96))
    sources = [encoded(small, name, **more) for name, more in (("JPEG", {}), ("JPEG", {"progressive": True}))]
    sources += [encoded(small, "PNG"), encoded(small.convert("P"), "PNG"), encoded(small, "WEBP")]
    sources.append(encoded(small, "WEBP", lossless=True))
    mutants = [_mutate(dice, bytearray(dice.choice(sources))) for _ in range(300)]
    for start in range(0, len(mutants), 10):
        answers = await asyncio.gather(*(client.enhance(body) for body in mutants[start : start + 10]))
        assert all(status == 200 or 400 <= status < 500 for status, _, _ in answers), f"seed {seed}, from {start}"
    assert (await client.enhance(photo()))[0] == 200 and shared_worker.process.poll() is None


def _mutate(dice: random.Random, body: bytearray) -> bytes:
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(body))
        match dice.randrange(5):
            case 0:
                body[at] ^= 1 << dice.randrange(8)
            case 1:
                body[at : at + dice.randint(1, 64)] = dice.randbytes(dice.randint(0, 64))
            case 2:
                body[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"))
            case 3:
                del body[max(at, 1) :]
            case _:
                body[at:at] = body[: dice.randint(1, 200)]
    return bytes(body)
