"""Objects in a folder: what lies on the disk, and what a kill leaves behind."""

import asyncio
import os
from pathlib import Path

import pytest

from orchestrator.domain.errors import ConfigurationError, JobRefused, Unavailable
from orchestrator.domain.outcome import PutObject
from orchestrator.stores.embedded.objects import FolderObjects
from orchestrator.stores.ports import StoredObject


def put(key: str, body: bytes = b"picture", **metadata: str) -> PutObject:
    return PutObject(key, body, "image/jpeg", metadata)


async def test_an_object_is_a_plain_file_under_its_key_that_any_viewer_opens(tmp_path: Path) -> None:
    objects = await FolderObjects.open(tmp_path / "objects")
    await objects.put(put("enhanced/a/b.jpg"))
    await objects.close()
    assert (tmp_path / "objects/enhanced/a/b.jpg").read_bytes() == b"picture"


async def test_what_a_killed_process_left_half_written_is_swept_away_and_can_be_put_again(tmp_path: Path) -> None:
    objects = await FolderObjects.open(tmp_path)
    await objects.put(put("a/b", model="m"))
    await objects.close()
    (tmp_path / "a/b").unlink()  # as after a kill between what is known of the body and the body
    (tmp_path / ".partial/half").write_bytes(b"hal")
    objects = await FolderObjects.open(tmp_path)
    assert await objects.get("a/b") is None
    assert await objects.put(put("a/b", b"whole", model="new"))
    assert await objects.get("a/b") == StoredObject(b"whole", "image/jpeg", {"model": "new"})
    await objects.close()
    assert os.listdir(tmp_path / ".partial") == []


async def test_two_stores_on_one_folder_still_leave_the_first_object_alone(tmp_path: Path) -> None:
    stores = [await FolderObjects.open(tmp_path / "objects"), FolderObjects(tmp_path / "objects")]
    results = await asyncio.gather(
        *(stores[n % 2].put(put("a/b", bytes([n]) * 50_000)) for n in range(20)), return_exceptions=True
    )
    assert results.count(True) == 1
    assert all(result in (True, False) for result in results)
    body = (tmp_path / "objects/a/b").read_bytes()
    assert body == bytes([results.index(True)]) * 50_000
    for store in stores:
        await store.close()


async def test_an_object_that_appears_at_the_last_moment_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = await FolderObjects.open(tmp_path)
    await objects.put(put("a/b", b"first"))
    with monkeypatch.context() as blind:
        blind.setattr(Path, "is_file", lambda _: False)
        assert not await objects.put(put("a/b", b"second"))
    await objects.close()
    assert (tmp_path / "a/b").read_bytes() == b"first"
    assert os.listdir(tmp_path / ".partial") == []


async def test_a_key_that_begins_with_another_objects_key_is_refused(tmp_path: Path) -> None:
    objects = await FolderObjects.open(tmp_path)
    await objects.put(put("a/b"))
    for key in ("a", "a/b/c", "a/b/c/d"):
        with pytest.raises(JobRefused, match="store_refused"):
            await objects.put(put(key))
    await objects.close()


async def test_nothing_is_ever_written_outside_the_folder(tmp_path: Path) -> None:
    objects = await FolderObjects.open(tmp_path / "objects")
    for key in ("../out", "a/../../out", str(tmp_path / "out"), "..", "a/.."):
        with pytest.raises(JobRefused):
            await objects.put(put(key))
    await objects.close()
    assert [path.name for path in tmp_path.iterdir()] == ["objects"]


async def test_a_folder_that_cannot_be_made_is_refused_and_one_that_is_gone_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="a folder is wanted there"):
        await FolderObjects.open(tmp_path / "file" / "objects")
    objects = await FolderObjects.open(tmp_path / "objects")
    (tmp_path / "objects/.partial").rmdir()
    with pytest.raises(Unavailable):
        await objects.ping()
    with pytest.raises(Unavailable):
        await objects.put(put("a/b"))
    await objects.close()
