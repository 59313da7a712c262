"""What the stages ask for. A stage names a port as a keyword parameter; the composition root binds it by that name."""

from typing import Protocol

from orchestrator.domain.jobs import ImageType
from orchestrator.domain.pictures import EnhancedPicture as EnhancedPicture
from orchestrator.domain.pictures import Picture as Picture
from orchestrator.domain.pictures import SkippedPicture as SkippedPicture


class Fetcher(Protocol):
    """Gets a picture from where its URL says."""

    async def fetch(self, url: str) -> Picture:
        """Raises JobRefused for what can never be fetched, JobFailed for what may work later."""


class Originals(Protocol):
    """Reads originals that were stored before."""

    async def find_original(self, sha256: str) -> Picture | None:
        """The original with this hash, or None when it was never stored. Raises Unavailable."""


class Enhancer(Protocol):
    """The enhance workers, behind their pool."""

    async def enhance(
        self, body: bytes, *, image_type: ImageType, force: bool, sha256: str
    ) -> EnhancedPicture | SkippedPicture:
        """Raises JobRefused when the bytes are no usable picture, JobFailed, or Unavailable when no worker can."""
