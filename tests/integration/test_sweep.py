"""The sweep: superseded vectors go, current and young ones stay."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.config import load_settings
from orchestrator.domain.outcome import PutVectors, SetRelevance, SetSection
from orchestrator.domain.relevance.vectors import KeyedVector, Vector, image_vector_key
from orchestrator.operations import sweeping
from orchestrator.stores.milvus import rows
from orchestrator.wiring import System, load_checked_pipeline, open_system, vectors_of

SPACE = "clip/test-1"
OLD, NEW = "1700000000000-a", "1700000000001-a"


def key(business: str, version: str) -> str:
    return image_vector_key(business, "7", SPACE, version)


def vector(business: str, version: str, number: int) -> KeyedVector:
    return KeyedVector(key(business, version), Vector.unit(SPACE, [1.0, number]), {"business_id": business})


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    settings = load_settings(mode="embedded", data_dir=tmp_path / "data", queues_file=Path("queues.yaml").resolve())
    settings.data_dir.mkdir()
    async with open_system(settings, load_checked_pipeline(settings)) as system:
        yield system


async def test_superseded_vectors_go_and_those_that_documents_name_stay(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with vectors_of(system) as vectors:
        two_days_ago = time.time_ns() - 2 * 24 * 3600 * 10**9
        with monkeypatch.context() as patch:
            patch.setattr(rows.time, "time_ns", lambda: two_days_ago)
            for business in ("acme", "acme-2"):
                both = (vector(business, OLD, 1), vector(business, NEW, 2))
                await vectors.put_vectors(PutVectors("images", both))
                await vectors.put_vectors(PutVectors("descriptions", both))
        await vectors.put_vectors(PutVectors("images", (vector("acme", "1700000000002-young", 3),)))
    for business in ("acme", "acme-2"):
        await system.documents.set_section(SetSection(business, "7", "clip", NEW, {"vector_key": key(business, NEW)}))
        await system.documents.set_relevance(SetRelevance(business, "7", NEW, {"vector_key": key(business, NEW)}))

    assert await sweeping.sweep(system, "ACME ") == {"businesses": 1, "removed": 2, "left_alone": 0}
    assert await sweeping.sweep(system) == {"businesses": 2, "removed": 2, "left_alone": 0}
    assert await sweeping.sweep(system) == {"businesses": 2, "removed": 0, "left_alone": 0}

    async with vectors_of(system) as vectors:
        wanted = [key("acme", OLD), key("acme", NEW), key("acme-2", NEW), key("acme", "1700000000002-young")]
        assert set(await vectors.find_vectors("images", wanted)) == set(wanted[1:])
        assert set(await vectors.find_vectors("descriptions", wanted)) == set(wanted[1:3])


async def test_a_business_with_more_images_than_are_read_at_once_is_left_alone(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "MAX_BUSINESS_IMAGES", 1)
    await system.documents.set_section(SetSection("acme", "7", "clip", NEW, {"vector_key": key("acme", NEW)}))
    assert await sweeping.sweep(system) == {"businesses": 1, "removed": 0, "left_alone": 1}
