"""How fast the built-in sentence model is beside sentence-transformers, and a remembered vector beside a made one."""

import asyncio
import resource
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from orchestrator.clients.workers.text import TextClient
from orchestrator.domain.errors import Unavailable
from tests.bench.rounds import BENCH, Times, interleaved
from tests.bench.sides import Ratios
from tests.kit.figures import record
from tests.kit.vector_client import pool_over
from tests.kit.worker import Worker
from workers.builtin import pinned
from workers.text.folder import packaged_minilm
from workers.text.onnx_sentences import OnnxSentences
from workers.training.text.corpus import short_sentences

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROUNDS = 9
REMEMBERED_ROUNDS = 200
SENTENCES = short_sentences(1, 128)
OTHERS = [short_sentences(seed, 128) for seed in range(2, 2 + ROUNDS)]


def test_128_sentences_beside_sentence_transformers() -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    threads = torch.get_num_threads()  # one per core, unless OMP_NUM_THREADS says otherwise
    graph, tokenizer = pinned("minilm/model.onnx"), pinned("minilm/tokenizer.json")
    ours = OnnxSentences("ours", graph, tokenizer, threads=threads)
    peer = SentenceTransformer(str(packaged_minilm()), device="cpu", local_files_only=True)
    sides: dict[str, Callable[[], np.ndarray]] = {
        "ours": lambda: ours.encode([tuple(SENTENCES)])[0],
        "at once": lambda: peer.encode(SENTENCES, show_progress_bar=False),
        "one by one": lambda: np.stack([peer.encode(text, show_progress_bar=False) for text in SENTENCES]),
    }
    made = {name: side() for name, side in sides.items()}
    assert (made["ours"] * made["at once"]).sum(axis=1).min() > 0.98
    times = interleaved(sides, ROUNDS)
    ms = {name: f"{median(each.wall_s) * 1000:.0f} ms" for name, each in times.items()}
    said = f"sentence-transformers, {threads} threads: {{}}; ours {ms['ours']}"
    what = "128 sentences of 12 tokens, times as fast"
    _record("P18", what, times, "at once", 3.0, said.format(ms["at once"]))
    _record("P18-loop", f"{what} as one by one", times, "one by one", 10.0, said.format(ms["one by one"]))


async def test_remembered_vectors_beside_made_ones(tmp_path: Path) -> None:
    with Worker(tmp_path, family="text") as worker:
        async with pool_over("text", [worker.url]) as pool:
            client = TextClient(pool)
            await _answered(client)
            made, remembered = [], Times()
            ratios = []
            interrupted = 0
            for texts in OTHERS:
                made.append(await _timed(client, texts, Times()))
                before = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
                part = [await _timed(client, texts, remembered) for _ in range(REMEMBERED_ROUNDS)]
                interrupted += resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw - before
                ratios.append(made[-1] / median(part))
    n = f"{ROUNDS} rounds, {REMEMBERED_ROUNDS} lookups each"
    peer = f"the worker over HTTP: {median(made) * 1000:.0f} ms"
    _row("P19", "128 remembered vectors, times as fast as made ones", Ratios(tuple(ratios)), 50.0, n, peer)
    took = f"the core was taken away {interrupted} times meanwhile"
    _worst("P19-p99", "by the clock", remembered.wall_s, n, took)
    _worst("P19-p99-cpu", "of processor time", remembered.cpu_s, n, "the same lookups")


def _worst(name: str, what: str, seconds: list[float], n: str, beside: str) -> None:
    worst_ms = float(np.percentile(seconds, 99)) * 1000
    record(
        BENCH,
        {
            "id": name,
            "what": f"128 remembered vectors, 99th percentile, milliseconds {what}",
            "value": round(worst_ms, 3),
            "target": "< 1",
            "holds": worst_ms < 1,
            "n": n,
            "spread": f"{min(seconds) * 1000:.3f} to {max(seconds) * 1000:.3f}",
            "peer": beside,
        },
    )


async def _answered(client: TextClient) -> None:
    """Return when the worker has loaded its model and answered once."""
    async with asyncio.timeout(60):
        while True:
            try:
                await client.encode(SENTENCES)
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def _timed(client: TextClient, texts: list[str], times: Times) -> float:
    """Seconds for the vectors of ``texts``, which are noted in ``times`` too."""
    wall, cpu = time.perf_counter(), time.process_time()
    await client.encode(texts)
    times.cpu_s.append(time.process_time() - cpu)
    times.wall_s.append(time.perf_counter() - wall)
    return times.wall_s[-1]


def _record(name: str, what: str, times: dict[str, Times], peer: str, target: float, said: str) -> None:
    ours, theirs = times["ours"], times[peer]
    n = f"{ROUNDS} rounds"
    wall = Ratios(tuple(b / a for a, b in zip(ours.wall_s, theirs.wall_s, strict=True)))
    cpu = Ratios(tuple(b / a for a, b in zip(ours.cpu_s, theirs.cpu_s, strict=True)))
    _row(name, what, wall, target, n, said)
    _row(f"{name}-cpu", f"{what}, in processor time", cpu, target, n, said)


def _row(name: str, what: str, ratios: Ratios, target: float, n: str, peer: str) -> None:
    record(
        BENCH,
        {
            "id": name,
            "what": what,
            "value": round(ratios.median, 2),
            "target": f">= {target:g}",
            "holds": ratios.median >= target,
            "n": n,
            "spread": ratios.spread,
            "peer": peer,
        },
    )
