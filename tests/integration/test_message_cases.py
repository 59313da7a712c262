"""Bodies as publishers really send them, all at once through a running system: done, or dead with a reason."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from orchestrator.config import load_settings
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message
from orchestrator.wiring import load_checked_pipeline
from tests.kit.cli import Cli
from tests.kit.embedded import QUEUE, ask, dead, embedded, row, started
from tests.kit.image_files import encoded
from tests.kit.orchestrators import ROOT
from tests.kit.process import wait_until
from tests.unit.test_message_cases import DEAD, DONE, KNOWN_OF_THE_DEAD, body_of

PICTURE = encoded(Image.effect_noise((64, 48), 40).convert("RGB"), "PNG")


class Pictures(BaseHTTPRequestHandler):
    """Answers every request with the same picture."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PICTURE)))
        self.end_headers()
        self.wfile.write(PICTURE)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[bytes]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/plain.jpg".encode()
        server.shutdown()


def test_every_body_is_done_or_dead_with_its_reason(tmp_path: Path, url: bytes) -> None:
    cli = embedded(tmp_path)
    bodies = [body_of(name).replace(b"http://127.0.0.1:8099/plain.jpg", url) for name in (*DONE, *DEAD)]
    asyncio.run(publish_raw(cli, bodies))
    process = started(cli)
    try:
        wait_until(lambda: has_ended(cli), 40, "every body to come to its end")
        assert (row(cli)["dead"], row(cli, "image_enhance_update")["done"]) == (len(DEAD), len(DONE))
        for business, image in set(DONE.values()):
            assert ask(cli, "image", business_id=business, image_id=image)["metadata"]["content"]["width"] == 64
        letters = ask(cli, "dlq.list")
        listed = cli("dlq", "list").stdout
        of_one_business = dead(cli, "Corner-Cafe")
    finally:
        process.kill()
    assert len(letters) == len(DEAD) and all(letter["attempts"] == 1 for letter in letters)
    for name, (code, message) in DEAD.items():
        assert [one for one in letters if one["reason"] == code and message in one["message"]], name
    shown = [(letter["business_id"], letter["image_id"]) for letter in letters]
    assert set(KNOWN_OF_THE_DEAD.values()) <= set(shown)
    assert "gpj.?71" in listed and "17?" in listed, "what nobody sees is shown as something"
    assert len(of_one_business) == len([business for business, _ in shown if business == "corner-cafe"]) > 0


def has_ended(cli: Cli) -> bool:
    queues = ask(cli, "status")["queues"]
    return not any(queue["ready"] or queue["unacked"] or queue["retrying"] for queue in queues)


async def publish_raw(cli: Cli, bodies: list[bytes]) -> None:
    """As a publisher does who knows nothing of this project: bytes, without headers."""
    settings = load_settings(data_dir=cli.environment["JUSTLENS_DATA_DIR"], queues_file=ROOT / "queues.yaml")
    settings.data_dir.mkdir()
    broker = await LocalBroker(settings.data_dir / "broker.sqlite", load_checked_pipeline(settings)).open()
    for body in bodies:
        await broker.publish(QUEUE, Message(body, {}, None))
    await broker.close()
