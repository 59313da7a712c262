"""``python -m tests.faults.relevance.crashing run``: tests.faults.crashing with the points of the relevance road."""

from typing import Any

from structlog.contextvars import get_contextvars

import orchestrator.stores.milvus
import orchestrator.stores.sql.schema  # noqa: F401  imported before the fork, so that the children need not do it
from orchestrator.clients.workers.clip import ClipClient
from orchestrator.clients.workers.text import TextClient
from orchestrator.clients.workers.vlm import HttpDescriber
from orchestrator.domain.outcome import Announce, Effect, PutVectors, SetAltText, SetRelevance, Write
from orchestrator.runtime.rabbitmq import RabbitBroker
from orchestrator.stores.apply import StoreApplier
from orchestrator.stores.milvus import MilvusVectors
from orchestrator.stores.mongo import MongoDocuments
from orchestrator.stores.sql import SqlCatalogue
from tests.faults import crashing
from tests.faults.crashing import Port, main, sides
from tests.kit.load import DESCRIBE, SCORE, SEO, TAG

NEXT = {DESCRIBE: "describe", SCORE: "score", SEO: "seo"}
CALLS = (
    "find_metadata",
    "categories",
    "find_vectors",
    "tag",
    "describe",
    "encode",
    "write_vectors_images",
    "write_vectors_descriptions",
    "write_vectors_words",
    "write_section_clip",
    "write_section_description",
    "write_section_seo",
    "write_relevance",
    "write_alt_text",
    "announce",
    "publish_detour",
    *(f"publish_next_{stage}" for stage in NEXT.values()),
    "ledger",
    "ack",
)
POINTS = sides(CALLS)


def write_name(write: Write) -> str:
    """Which of the writes it is."""
    match write:
        case PutVectors():
            return f"write_vectors_{write.kind}"
        case SetRelevance():
            return "write_relevance"
        case SetAltText():
            return "write_alt_text"
        case _:
            return crashing.write_name(write)


def effect_name(effect: Effect) -> str:
    """Which of the effects it is."""
    return "announce" if isinstance(effect, Announce) else "purge"


def publish_name(queue: str, message: Any) -> str:
    """Why the engine publishes: the target and the queue of the job in hand tell."""
    here = get_contextvars().get("queue")
    if (here, queue) == (DESCRIBE, TAG):
        return "publish_detour"
    if queue in NEXT and queue != here:
        return f"publish_next_{NEXT[queue]}"
    return crashing.publish_name(queue, message)


PORTS: tuple[Port, ...] = (
    (MongoDocuments, "find_metadata", lambda *image: "find_metadata"),
    (SqlCatalogue, "categories_of", lambda business_id: "categories"),
    (MilvusVectors, "find_vectors", lambda kind, keys: "find_vectors"),
    (ClipClient, "tag", lambda body, **_: "tag"),
    (HttpDescriber, "describe", lambda body, ask: "describe"),
    (TextClient, "encode", lambda texts: "encode"),
    (StoreApplier, "write", write_name),
    (StoreApplier, "effect", effect_name),
    (MongoDocuments, "record_job", lambda entry: "ledger"),
    (RabbitBroker, "publish", publish_name),
    (RabbitBroker, "ack", lambda delivery: "ack"),
)


if __name__ == "__main__":
    main(POINTS, PORTS)
