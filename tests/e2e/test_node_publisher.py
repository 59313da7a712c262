"""A publisher in another language, with another AMQP library, and no word of ours: its picture comes out enhanced."""

import asyncio
import io
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from orchestrator.stores.mongo import MongoDocuments
from tests.conftest import require
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.outside import Source
from tests.kit.worker import Worker

HERE = Path(__file__).parent
PUBLISHER = HERE.parent / "publisher_node"
PICTURE = HERE / "pictures" / "shop-front.jpg"


def node_missing() -> str | None:
    if shutil.which("node") is None:
        return "Node.js is missing: apt-get install nodejs npm"
    if not (PUBLISHER / "node_modules" / "amqplib").is_dir():
        return "amqplib is missing: npm ci --prefix tests/publisher_node"
    return None


def publish_from_node(amqp_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["node", "publish.js", amqp_url, *arguments]
    return subprocess.run(command, cwd=PUBLISHER, capture_output=True, text=True, timeout=60, check=False)


async def until_known(documents: MongoDocuments, business: str, image: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        metadata = await documents.find_metadata(business, image)
        if metadata is not None and "enhanced" in metadata:
            return metadata
        await asyncio.sleep(0.1)
    pytest.fail("the picture was not enhanced within a minute")


async def test_a_picture_published_from_node_comes_out_enhanced(servers: Servers, tmp_path: Path) -> None:
    require(node_missing())
    with Worker(tmp_path) as worker:
        async with Deployment(servers, tmp_path, Options(worker_urls=[worker.url])) as deployment:
            await deployment.start()
            deployment.outside.sources["17.jpg"] = Source(PICTURE.read_bytes())
            url = deployment.outside.url_of("17.jpg")
            done = await asyncio.to_thread(
                publish_from_node, servers.rabbitmq.amqp_url(servers.vhost), " Corner-Bakery", "17", url
            )
            assert (done.returncode, done.stdout) == (0, "confirmed\n"), done.stderr
            documents = MongoDocuments(servers.mongod.url, servers.database, timeout_s=5)
            try:
                metadata = await until_known(documents, "corner-bakery", "17")
            finally:
                await documents.close()
    enhanced = metadata["enhanced"]
    found = servers.s3.client().get_object(Bucket=servers.bucket, Key=enhanced["key"])
    with Image.open(io.BytesIO(found["Body"].read())) as picture:
        assert (picture.format, picture.size) == ("JPEG", (960, 720))
    assert found["Metadata"]["source-sha256"] == metadata["content"]["sha256"] == enhanced["source_sha256"]
    assert (enhanced["model"], metadata["source"]["image_url"]) == ("lanczos", url)


async def test_a_publisher_hears_of_a_missing_queue(vhost: str) -> None:
    require(node_missing())
    refused = await asyncio.to_thread(publish_from_node, vhost, "b1", "17", "https://pictures.example/17.jpg")
    assert refused.returncode == 1
    assert "no queue took the job" in refused.stderr
