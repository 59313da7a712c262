"""Ledger entries, dead letters, relevance and catalogue images as plain records, the same for every document store.

Entries and letters are written about jobs that went wrong, so they never refuse: text that is no Unicode is mended, a
number that no store can hold becomes the nearest that it can.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.errors import Reason
from orchestrator.domain.ledger import DeadLetter, LedgerEntry
from orchestrator.domain.outcome import SetRelevance
from orchestrator.stores.values import check_catalogue_image, checked_relevance, storable_text


def job_record(entry: LedgerEntry) -> dict[str, Any]:
    """The entry as a record."""
    record: dict[str, Any] = _mended(entry)
    return record


def job_from(record: Mapping[str, Any]) -> LedgerEntry:
    """The entry a record holds; fields of the store's own are left out."""
    return LedgerEntry(**_fields(record, LedgerEntry), reason=_reason(record.get("reason")))


def letter_record(letter: DeadLetter) -> dict[str, Any]:
    """The letter as a record, without its body. Headers are pairs: their names may hold dots and dollars."""
    record: dict[str, Any] = {**_mended(letter), "headers": _mended([list(pair) for pair in letter.headers.items()])}
    del record["body"]
    return record


def letter_from(record: Mapping[str, Any], body: bytes) -> DeadLetter:
    """The letter a record holds."""
    fields = _fields(record, DeadLetter)
    headers = dict(fields.pop("headers"))
    return DeadLetter(**fields, reason=_reason(record["reason"]) or Reason("unknown", ""), body=body, headers=headers)


def relevance_record(write: SetRelevance, *, updated_at: int) -> dict[str, Any]:
    """What is stored of an image's relevance. Raises JobRefused for what not every store can keep."""
    own = {"business_id": write.business_id, "image_id": write.image_id, "version": write.version}
    return {**checked_relevance(write), **own, "updated_at": updated_at}


def catalogue_records(images: Iterable[CatalogueImage]) -> list[dict[str, Any]]:
    """One record per image: of several of one image the last. Raises JobRefused for what not every store can keep."""
    last = {(image.business_id, image.image_id): image for image in images}
    for image in last.values():
        check_catalogue_image(image)
    return [{**asdict(image), "served_urls": list(image.served_urls)} for image in last.values()]


def catalogue_image_from(record: Mapping[str, Any]) -> CatalogueImage:
    """The image a record holds; fields of the store's own are left out."""
    fields = {name: record[name] for name in CatalogueImage.__dataclass_fields__}
    return CatalogueImage(**{**fields, "served_urls": tuple(record["served_urls"])})


def _fields(record: Mapping[str, Any], kind: type[LedgerEntry] | type[DeadLetter]) -> dict[str, Any]:
    own = kind.__dataclass_fields__.keys() - {"reason", "body"}
    return {name: value for name, value in record.items() if name in own}


def _reason(record: Mapping[str, str] | None) -> Reason | None:
    return None if record is None else Reason(**record)


def _mended(value: Any) -> Any:
    match value:
        case str():
            return storable_text(value)
        case bool() | float() | None:
            return value
        case int():
            return max(-(2**63), min(value, 2**63 - 1))
        case Mapping():
            return {name: _mended(item) for name, item in value.items()}
        case list():
            return [_mended(item) for item in value]
        case LedgerEntry() | DeadLetter() | Reason():
            return {name: _mended(getattr(value, name)) for name in value.__dataclass_fields__}
        case _:
            return value
