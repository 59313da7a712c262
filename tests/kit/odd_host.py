"""An HTTP server that misbehaves as image hosts do, on a free port in threads of this process.

Its paths are those of OddAnswers. ``asked`` keeps the request targets as they came, with their cookies.
"""

import threading
from collections import Counter
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.kit.odd_answers import OddAnswers


class OddHost:
    """``with OddHost(image) as host``: an image host at ``host.url``."""

    def __init__(self, image: bytes, answers: type[OddAnswers] = OddAnswers) -> None:
        self.image = image
        self.asked: list[tuple[str, str | None]] = []
        self.seen = Counter[str]()
        self.lock = threading.Lock()
        host = self

        class Handler(answers):  # type: ignore[valid-type, misc]
            host_ = host

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: Any) -> None:
                """Say nothing of clients that hang up."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
