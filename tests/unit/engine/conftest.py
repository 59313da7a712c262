"""What the tests of the engine share: no waiting, no logs, and an embedded broker in memory."""

from collections.abc import AsyncIterator, Iterator

import pytest

from orchestrator.runtime import lifecycle
from orchestrator.runtime.local import LocalBroker
from tests.kit.consumers import PIPELINE
from tests.kit.fakes import quick_and_quiet


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with quick_and_quiet(monkeypatch):
        yield


@pytest.fixture
def _quick_lifecycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after the consumers, release and measure the loop's lag in fractions of a second."""
    monkeypatch.setattr(lifecycle, "WATCH_EVERY_S", 0.02)
    monkeypatch.setattr(lifecycle, "HAND_BACK_S", 0.3)
    monkeypatch.setattr(lifecycle, "LAG_SAMPLE_S", 0.01)


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    """With the two queues of ``PIPELINE``."""
    opened = await LocalBroker(":memory:", PIPELINE).open()
    yield opened
    await opened.close()
