"""What every store takes and what every store refuses: one answer, whichever store it is."""

import json
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.outcome import PutObject, SetRelevance, SetSection

MAX_DEPTH = 80
"""Levels of nesting; MongoDB takes 100, of which the document and its envelope use some."""
MAX_SECTION_BYTES = 8 * 2**20
"""Size of one section as JSON; MongoDB's limit of 16 MiB is for the whole document."""

_INT64 = range(-(2**63), 2**63)
_SECTION = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,199}){0,7}")
_METADATA_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_MAX_METADATA_BYTES = 1536


def refused(message: str) -> JobRefused:
    """The one reason a store gives for a value it will never take."""
    return JobRefused("store_refused", message)


def checked_section(write: SetSection) -> dict[str, Any]:
    """The section's value in plain dicts and lists. Raises JobRefused for one that not every store can keep."""
    if not _SECTION.fullmatch(write.section):
        raise refused(f"section {write.section!r}: the name must be lower-case letters, digits and underscores")
    return _checked(write, f"section {write.section}")


def checked_relevance(write: SetRelevance) -> dict[str, Any]:
    """The value in plain dicts and lists. Raises JobRefused for one that not every store can keep."""
    for name in write.value:
        if name == "_id" or (isinstance(name, str) and name.startswith("$")):
            raise refused(f"relevance: a field cannot be named {name!r}")
    return _checked(write, "relevance")


def check_catalogue_image(image: CatalogueImage) -> None:
    """Raises JobRefused for text that not every store can keep."""
    texts = (image.business_id, image.image_id, image.image_url, *image.served_urls)
    for text in (*texts, image.contract or "", image.image_class or ""):
        check_text(text, "catalogue image")


def _checked(write: SetSection | SetRelevance, where: str) -> dict[str, Any]:
    for part in (write.business_id, write.image_id, write.version):
        check_text(part, where)
    value: dict[str, Any] = _plain(write.value, where, 0)
    if len(json.dumps(value)) > MAX_SECTION_BYTES:
        raise refused(f"{where} is over {MAX_SECTION_BYTES} bytes")
    return value


def _plain(value: Any, where: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise refused(f"{where.partition('.')[0]} is nested more than {MAX_DEPTH} levels deep")
    match value:
        case None | bool() | float():
            return value
        case int():
            if value not in _INT64:
                raise refused(f"{where}: a whole number must fit into 64 bits")
            return value
        case str():
            check_text(value, where)
            return value
        case Mapping():
            return {_name(name, where): _plain(item, f"{where}.{name}", depth + 1) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item, f"{where}.{index}", depth + 1) for index, item in enumerate(value)]
        case _:
            raise refused(f"{where}: a value of type {type(value).__name__} cannot be stored")


def _name(name: object, where: str) -> str:
    if not isinstance(name, str):
        raise refused(f"{where}: field names must be text, got {type(name).__name__}")
    check_text(name, where)
    if "\x00" in name or not name:
        raise refused(f"{where}: a field name must not be empty or contain a null character")
    return name


def check_text(text: str, where: str) -> None:
    """Raises JobRefused for text that is no Unicode. ``where`` says what it belongs to."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refused(f"{where}: text holds half of a surrogate pair at character {error.start}") from error


def check_key(key: str) -> None:
    """Raises JobRefused for a key that is not a plain path of at most 8 parts."""
    if not _KEY.fullmatch(key):
        raise refused(f"object key {key!r}: only letters, digits and . _ - in parts that do not begin with a dot")


def check_object(write: PutObject) -> None:
    """Raises JobRefused for an object that not every store can keep as it is."""
    check_key(write.key)
    if not write.content_type.isascii() or not write.content_type.isprintable() or not write.content_type:
        raise refused(f"object {write.key}: content type {write.content_type!r} is not one")
    for name, value in write.metadata.items():
        if not _METADATA_NAME.fullmatch(name):
            raise refused(f"object {write.key}: metadata name {name!r} must be lower-case letters, digits and hyphens")
        check_text(value, f"object {write.key}: metadata {name}")
    if sum(len(name) + len(value.encode()) for name, value in write.metadata.items()) > _MAX_METADATA_BYTES:
        raise refused(f"object {write.key}: metadata is over {_MAX_METADATA_BYTES} bytes")


def storable_text(text: str) -> str:
    """``text`` with what is no Unicode replaced: for records that must be written whatever they are about."""
    return text.encode(errors="replace").decode()
