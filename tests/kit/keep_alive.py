"""How long answers take on one connection that is kept alive, and what a bare server of the same machine needs."""

import asyncio
import socket
import time
from statistics import median

import uvicorn
from fastapi import FastAPI

REQUESTS = 30
MOST_TIMES_AS_LONG = 8.0
"""A delayed acknowledgement takes 40 ms, some 50 times as long as a bare answer; what we do for one is far below."""


def answer_s(port: int, path: str) -> float:
    """Median seconds of each request but the first on one connection."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    times = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for _ in range(REQUESTS):
            began = time.perf_counter()
            client.sendall(request)
            _read_answer(client)
            times.append(time.perf_counter() - began)
    return median(times[1:])


def _read_answer(client: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(65536)
    headers, _, body = head.partition(b"\r\n\r\n")
    length = next(line for line in headers.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    left = int(length.partition(b":")[2]) - len(body)
    while left > 0:
        left -= len(client.recv(65536))


async def bare_answer_s() -> float:
    """The same of uvicorn and FastAPI with nothing in them."""
    app = FastAPI()
    app.add_api_route("/hello", lambda: {"hello": "world"})
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        return await asyncio.to_thread(answer_s, port, "/hello")
    finally:
        server.should_exit = True
        await serving
