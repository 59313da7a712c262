"""An HTTP server that misbehaves as image hosts do, on a free port in threads of this process.

Its paths are those of OddAnswers. ``asked`` keeps the request targets as they came, with their cookies.
"""

import threading
from collections import Counter

from tests.kit.odd_answers import OddAnswers
from tests.kit.threaded_server import ThreadedServer


class OddHost(ThreadedServer):
    """``with OddHost(image) as host``: an image host at ``host.url``."""

    def __init__(self, image: bytes, answers: type[OddAnswers] = OddAnswers) -> None:
        self.image = image
        self.asked: list[tuple[str, str | None]] = []
        self.seen = Counter[str]()
        self.lock = threading.Lock()
        host = self

        class Handler(answers):  # type: ignore[valid-type, misc]
            host_ = host

        super().__init__(Handler)
