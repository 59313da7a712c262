"""One worker of each family, with models that need no weights where there are any, for all tests of this folder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kit.process import wait_until
from tests.kit.worker import Worker

OPTIONS = {"text": ("--threads", "1", "--device", "cpu")}
DECODERS = 2


@pytest.fixture(scope="package")
def worker_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Worker]]:
    """The worker of a family, started when it is first asked for."""
    workers: dict[str, Worker] = {}
    with ExitStack() as stack:

        def get(family: str) -> Worker:
            if family not in workers:
                options = OPTIONS.get(family, ("--decoders", str(DECODERS)))
                folder: Path = tmp_path_factory.mktemp(family)
                worker = Worker(folder, "--batch-wait-ms", "20", *options, family=family)
                workers[family] = stack.enter_context(worker)
                wait_until(lambda: '"ready"' in worker.log.read_text(), 60, f"the {family} worker")
            return workers[family]

        yield get
