"""What the SQLite file holds of images: sections, relevance, catalogue. Every function runs in the file's thread."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.ids import document_id
from orchestrator.domain.outcome import SetRelevance, SetSection
from orchestrator.domain.versions import supersedes
from orchestrator.stores.ports import MAX_BUSINESS_IMAGES
from orchestrator.stores.records import catalogue_image_from

SCHEMA = """
CREATE TABLE IF NOT EXISTS sections (
    document_id TEXT NOT NULL, section TEXT NOT NULL, version TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (document_id, section)
);
CREATE TABLE IF NOT EXISTS imgrel (
    business_id TEXT NOT NULL, image_id TEXT NOT NULL, version TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (business_id, image_id)
);
CREATE TABLE IF NOT EXISTS catalogue_details (
    business_id TEXT NOT NULL, image_id TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (business_id, image_id)
);
"""

# "0" is the character after "/", which no id contains: the range holds the documents of this business alone.
_BUSINESS = """
SELECT document_id, section, value FROM sections WHERE document_id IN (
    SELECT DISTINCT document_id FROM sections
    WHERE document_id >= :business_id || '/' AND document_id < :business_id || '0' ORDER BY document_id LIMIT :limit
) ORDER BY document_id, section
"""


def set_section(connection: sqlite3.Connection, write: SetSection, value: str) -> bool:
    """Whether ``value`` was stored."""
    key = (document_id(write.business_id, write.image_id), write.section)
    query = "SELECT version FROM sections WHERE document_id = ? AND section = ?"
    stored = connection.execute(query, key).fetchone()
    if not supersedes(write.version, stored[0] if stored else None):
        return False
    connection.execute("INSERT OR REPLACE INTO sections VALUES (?, ?, ?, ?)", (*key, write.version, value))
    return True


def find_metadata(connection: sqlite3.Connection, business_id: str, image_id: str) -> dict[str, Any] | None:
    """The sections of one document."""
    query = "SELECT section, value FROM sections WHERE document_id = ? ORDER BY section"
    rows = connection.execute(query, (document_id(business_id, image_id),))
    return {section: json.loads(value) for section, value in rows} or None


def find_business(connection: sqlite3.Connection, business_id: str) -> dict[str, dict[str, Any]]:
    """The sections of the documents of one business, by image id."""
    found: dict[str, dict[str, Any]] = {}
    rows = connection.execute(_BUSINESS, {"business_id": business_id, "limit": MAX_BUSINESS_IMAGES})
    for key, section, value in rows:
        found.setdefault(key.partition("/")[2], {})[section] = json.loads(value)
    return found


def set_relevance(connection: sqlite3.Connection, write: SetRelevance, value: str) -> bool:
    """Whether ``value`` was stored."""
    key = (write.business_id, write.image_id)
    query = "SELECT version FROM imgrel WHERE business_id = ? AND image_id = ?"
    stored = connection.execute(query, key).fetchone()
    if not supersedes(write.version, stored[0] if stored else None):
        return False
    connection.execute("INSERT OR REPLACE INTO imgrel VALUES (?, ?, ?, ?)", (*key, write.version, value))
    return True


def find_relevance(connection: sqlite3.Connection, business_id: str) -> dict[str, dict[str, Any]]:
    """The relevance of the images of one business, by image id."""
    query = "SELECT image_id, value FROM imgrel WHERE business_id = ? ORDER BY image_id LIMIT ?"
    rows = connection.execute(query, (business_id, MAX_BUSINESS_IMAGES))
    return {image_id: json.loads(value) for image_id, value in rows}


def put_catalogue(connection: sqlite3.Connection, records: Sequence[Mapping[str, Any]]) -> None:
    """Replace the catalogue's word on these images."""
    rows = [(record["business_id"], record["image_id"], json.dumps(record)) for record in records]
    connection.executemany("INSERT OR REPLACE INTO catalogue_details VALUES (?, ?, ?)", rows)


def find_catalogue(connection: sqlite3.Connection, business_id: str) -> dict[str, CatalogueImage]:
    """The catalogue's word on the images of one business, by image id."""
    query = "SELECT image_id, record FROM catalogue_details WHERE business_id = ? ORDER BY image_id LIMIT ?"
    rows = connection.execute(query, (business_id, MAX_BUSINESS_IMAGES))
    return {image_id: catalogue_image_from(json.loads(record)) for image_id, record in rows}


def business_ids(connection: sqlite3.Connection, after: str, limit: int) -> list[str]:
    """The businesses of which any image is known, in order of their ids."""
    business = "substr(document_id, 1, instr(document_id, '/') - 1)"
    query = f"SELECT DISTINCT {business} AS business FROM sections WHERE business > ? ORDER BY business LIMIT ?"  # noqa: S608
    return [found for (found,) in connection.execute(query, (after, limit))]
