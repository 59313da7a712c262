"""A client of one enhance worker, and pictures to send it."""

import asyncio
import functools
import io

import aiohttp
from PIL import Image, ImageCms

from tests.kit.image_files import encoded
from tests.kit.worker import PHOTOS
from workers.wire import (
    ENHANCE_PATH,
    METRICS_PATH,
    RESULT_HEADER,
    EnhanceReply,
    ErrorReply,
)

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Client:
    """Talks to one worker."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def get(self, path: str) -> tuple[int, bytes]:
        async with self.session.get(self.url + path) as response:
            return response.status, await response.read()

    async def enhance(self, body: bytes, query: str = "") -> tuple[int, EnhanceReply | ErrorReply, bytes]:
        headers = {"Content-Type": "text/plain", "traceparent": TRACEPARENT}
        data = io.BytesIO(body)
        async with self.session.post(self.url + ENHANCE_PATH + query, data=data, headers=headers) as response:
            answer = await response.read()
            if response.status == 200:
                return 200, EnhanceReply.model_validate_json(response.headers[RESULT_HEADER]), answer
            if response.status == 503:
                assert int(response.headers["Retry-After"]) >= 1
            return response.status, ErrorReply.model_validate_json(answer), b""

    async def served(self, body: bytes) -> tuple[int, EnhanceReply | ErrorReply, bytes]:
        """The first answer that is not "ask again later": a worker that replaces its only decoder says so first."""
        async with asyncio.timeout(30):
            while (answer := await self.enhance(body))[0] == 503:
                await asyncio.sleep(0.05)
        return answer

    async def metric(self, name: str) -> float:
        lines = (await self.get(METRICS_PATH))[1].decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("justlens_worker_" + name))

    async def until(self, path: str, status: int) -> None:
        async with asyncio.timeout(90):  # torch takes that long to load on a machine that is busy
            while (await self.get(path))[0] != status:
                await asyncio.sleep(0.02)

    async def until_in_flight(self, count: int) -> None:
        async with asyncio.timeout(30):
            while await self.metric("in_flight") < count:
                await asyncio.sleep(0.005)


def photo(name: str = "rocket.jpg") -> bytes:
    return (PHOTOS / name).read_bytes()


@functools.cache
def slow_picture(side: int = 3000) -> bytes:
    """Takes most of a second to read, and is a small file."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encoded(Image.new("RGBA", (side, side), "teal"), "PNG", compress_level=1, icc_profile=profile)
