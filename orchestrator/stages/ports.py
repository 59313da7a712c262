"""What the stages ask for. A stage names a port as a keyword parameter; the composition root binds it by that name."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from orchestrator.domain.catalogue.model import Category as Category
from orchestrator.domain.catalogue.model import IdfSnapshot as IdfSnapshot
from orchestrator.domain.jobs import ImageType
from orchestrator.domain.pictures import EnhancedPicture as EnhancedPicture
from orchestrator.domain.pictures import Picture as Picture
from orchestrator.domain.pictures import SkippedPicture as SkippedPicture
from orchestrator.domain.prompts.request import Ask as Ask
from orchestrator.domain.prompts.request import ModelAnswer as ModelAnswer
from orchestrator.domain.relevance.tags import Tagged as Tagged
from orchestrator.domain.relevance.vectors import Vector as Vector
from orchestrator.domain.relevance.vectors import VectorKind as VectorKind


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


class Metadata(Protocol):
    """Reads what is known of an image."""

    async def find_metadata(self, business_id: str, image_id: str) -> dict[str, Any] | None:
        """The sections of an image's document by name, or None when it has none. Raises Unavailable."""


class Catalogue(Protocol):
    """Reads what the catalogue says of a business."""

    async def categories_of(self, business_id: str) -> tuple[Category, ...]:
        """The categories of a business, by id; none for a business that is not known. Raises Unavailable."""

    async def idf_snapshot(self) -> IdfSnapshot:
        """Word frequencies over all category names known, as last taken. Raises Unavailable."""


class Vectors(Protocol):
    """Reads stored vectors."""

    async def find_vectors(self, kind: VectorKind, keys: Sequence[str]) -> Mapping[str, Vector]:
        """Those of ``keys`` that are stored. Raises Unavailable."""


class Tagger(Protocol):
    """The clip workers, behind their pool."""

    async def tag(self, body: bytes, *, sha256: str) -> Tagged:
        """Raises JobRefused when the bytes are no usable picture, JobFailed, or Unavailable when no worker can."""


class TextEncoder(Protocol):
    """Makes vectors of texts: sentences (SBERT) or captions (CLIP's text tower), each in its own space."""

    async def encode(self, texts: Sequence[str]) -> tuple[Vector, ...]:
        """One unit vector per text, in order, all of one space. Raises JobRefused, JobFailed or Unavailable."""

    async def space(self) -> str:
        """The space that ``encode`` answers in at the moment. Raises Unavailable when no worker can say."""


class Describer(Protocol):
    """The vision-language models."""

    async def describe(self, body: bytes, ask: Ask) -> ModelAnswer:
        """The answer of the first of ``ask.models`` that can be asked. Raises JobRefused, JobFailed or Unavailable."""
