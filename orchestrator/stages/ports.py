"""What the stages ask for. A stage names a port as a keyword parameter; the composition root binds it by that name."""

from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.domain.jobs import Content, ImageType


@dataclass(frozen=True, slots=True)
class Picture:
    """Encoded bytes as they came, with the media type the source claimed. Nobody on this side decodes them."""

    body: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class EnhancedPicture:
    """A worker's better picture. ``format`` is jpeg, png or webp, sizes are pixels, ``recipe`` is a digest of weights,
    parameters and encoder, ``content`` describes the original."""

    body: bytes = field(repr=False)
    format: str
    width: int
    height: int
    scale: float
    model: str
    recipe: str
    content: Content


@dataclass(frozen=True, slots=True)
class SkippedPicture:
    """A worker's word that no better picture is needed, and why."""

    reason: str
    content: Content


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
