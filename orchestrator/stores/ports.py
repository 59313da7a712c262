"""What every document store, object store and vector store can do. Each Protocol has two: servers, embedded.

Every method raises ``Unavailable`` when the store is away and ``JobRefused`` when it can never take the value.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import PutObject, PutVectors, SetRelevance, SetSection
from orchestrator.domain.relevance.vectors import Vector, VectorKind

JOBS_KEPT_S = 30 * 24 * 3600
MAX_BUSINESS_IMAGES = 2000
"""How many images of a business are read at once. A business has some hundred; of more, the first by image id."""

SWEEP_AFTER_S = 24 * 3600
"""How long a vector stays that no document names: its job may still be about to write the document."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was put."""

    body: bytes = field(repr=False)
    content_type: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FoundVector:
    """What a search found: a vector's key, its cosine similarity (-1 to 1) and the text that travels with it."""

    key: str
    cosine: float
    payload: Mapping[str, str]


class Documents(Protocol):
    """Metadata of images, the ledger of jobs and the index of dead letters."""

    async def set_section(self, write: SetSection) -> bool:
        """Replace a section of an image's document, unless what is stored is as new or newer. True if written.

        Stored is the value with ``version`` and ``updated_at`` (Unix ms) beside its own fields.
        """

    async def find_metadata(self, business_id: str, image_id: str) -> dict[str, Any] | None:
        """The sections of an image's document by name, or None when it has none."""

    async def find_business(self, business_id: str) -> Mapping[str, dict[str, Any]]:
        """The sections of every image of a business that has any, by image id."""

    async def business_ids(self, *, after: str, limit: int) -> Sequence[str]:
        """The businesses of which any image is known, in the bytewise order of their ids, those behind ``after``."""

    async def set_relevance(self, write: SetRelevance) -> bool:
        """Replace an image's relevance, unless what is stored is as new or newer. True if written.

        Stored is the value with ``business_id``, ``image_id``, ``version`` and ``updated_at`` (Unix ms) beside it.
        """

    async def find_relevance(self, business_id: str) -> Mapping[str, dict[str, Any]]:
        """What is known of the relevance of every image of a business, by image id."""

    async def put_catalogue(self, images: Sequence[CatalogueImage]) -> None:
        """Write down what the catalogue says of these images; the same image again replaces itself."""

    async def find_catalogue(self, business_id: str) -> Mapping[str, CatalogueImage]:
        """What the catalogue says of the images of a business, by image id."""

    async def record_job(self, entry: LedgerEntry) -> None:
        """Write down a job's end for JOBS_KEPT_S seconds. Nothing replaces ``done``; any end replaces the others."""

    async def find_job(self, job_id: str, queue: str) -> LedgerEntry | None:
        """The end of this job in this queue, or None if it has none yet."""

    async def find_jobs(self, job_id: str) -> Sequence[LedgerEntry]:
        """The ends of this job in every queue, by the name of the queue."""

    async def job_counts(self) -> Mapping[tuple[str, str], int]:
        """How many jobs the ledger holds per (queue, outcome)."""

    async def index_dead_letter(self, letter: DeadLetter) -> None:
        """Write down a dead letter; the same letter again replaces itself."""

    async def find_dead_letters(self, wanted: DeadLetterFilter, *, limit: int | None = None) -> Sequence[DeadLetter]:
        """The letters meant, newest first."""

    async def forget_dead_letter(self, queue: str, letter_id: str) -> None:
        """Remove a letter from the index; one that is not there is no error."""

    async def dead_letter_counts(self) -> Mapping[tuple[str, str], int]:
        """How many dead letters the index holds per (queue, reason code)."""

    async def ensure_indexes(self) -> None:
        """Create what the queries above need. Repeating it is harmless."""

    async def ping(self) -> None:
        """Return when the store answers."""

    async def close(self) -> None:
        """Let go of the store."""


class Objects(Protocol):
    """Bytes under keys that never change."""

    async def put(self, write: PutObject) -> bool:
        """Store an object. False when the key was there already: what it holds stands."""

    async def get(self, key: str) -> StoredObject | None:
        """The object, or None when there is none."""

    async def exists(self, key: str) -> bool:
        """Whether the key holds an object."""

    async def ping(self) -> None:
        """Return when the store answers."""

    async def close(self) -> None:
        """Let go of the store."""


class VectorStore(Protocol):
    """Vectors under keys that never change. The store cannot compare versions: a document names the current key."""

    async def put_vectors(self, write: PutVectors) -> None:
        """Store vectors. A key that is there already holds the same vector, so that repeating it is harmless."""

    async def find_vectors(self, kind: VectorKind, keys: Sequence[str]) -> Mapping[str, Vector]:
        """Those of ``keys`` that are stored. What any process has put before is found."""

    async def search(
        self, kind: VectorKind, vector: Vector, *, limit: int, business_id: str | None = None
    ) -> Sequence[FoundVector]:
        """The most similar vectors of the same space, best first, of one business when one is named.

        What was put or removed in the last seconds may not show yet.
        """

    async def sweep(
        self,
        kind: VectorKind,
        business_id: str,
        current_keys: Collection[str],
        *,
        older_than_s: float = SWEEP_AFTER_S,
    ) -> int:
        """Remove the vectors of a business that are not current and were put that long ago. How many were removed.

        The age protects a vector whose job has put it, but has not yet written the document that names it.
        """

    async def ping(self) -> None:
        """Return when the store answers."""

    async def close(self) -> None:
        """Let go of the store."""
