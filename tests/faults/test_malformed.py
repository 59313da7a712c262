"""Whatever is sent: it ends in the error queue with a reason, after one delivery, and the consumers live on."""

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from orchestrator.domain.queue_names import error_queue
from tests.faults.figures import at_most
from tests.faults.malformed import malformed_messages
from tests.faults.raw_amqp import publish_raw, raw_channel
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import peek, update_key
from tests.kit.load import PROCESS, healthy
from tests.kit.orchestrators import Orchestrator

COUNT = 500


@pytest.mark.timeout(120)
async def test_malformed_messages_die_at_once_with_a_reason_and_stall_nothing(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    job = {
        "business_id": "b1",
        "image_id": "i",
        "image_url": "https://example.org/1.png",
        "schema": "justlens.enhance/1",
    }
    messages = list(malformed_messages(seed, COUNT, job))
    # A message that was delivered twice would be in its error queue with the broker's reason, and not with ours.
    async with Deployment(servers, tmp_path, Options(queue={"delivery_limit": 1})) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start()
        async with raw_channel(servers) as channel:
            for start in range(0, COUNT, 50):
                sends = [publish_raw(channel, PROCESS, m.body, m.headers) for m in messages[start : start + 50]]
                await asyncio.gather(*sends)
        await deployment.drained(60)
        letters = await peek(deployment, error_queue(PROCESS))
        reasons = Counter(letter.headers.get("x-error-code") for letter in letters)
        print(reasons)
        alive = [
            each for each in letters if each.headers.get("x-error-attempts") == 1 and each.headers.get("x-error-code")
        ]
        at_most("R27.not_dead", "malformed messages not in the error queue with a reason", COUNT - len(alive), 0, COUNT)
        assert Counter(letter.body for letter in letters) == Counter(message.body for message in messages)
        assert len(alive) == COUNT
        assert reasons.keys() <= {"not_json", "invalid_job", "unknown_schema", "bad_header", "body_too_large"}
        assert await _ends(orchestrator) == {"dead": COUNT}
        [good] = healthy(1, deployment.outside)
        await deployment.publish([good])
        await deployment.drained(20)
        assert update_key(good) in (await deployment.evidence()).done


async def _ends(orchestrator: Orchestrator) -> dict[str, int]:
    """Deliveries by end, as the process itself counts them."""
    found = re.findall(r'^justlens_jobs_total\{outcome="(\w+)",.*\} (\S+)$', await orchestrator.metrics(), re.MULTILINE)
    return {end: round(float(count)) for end, count in found}
