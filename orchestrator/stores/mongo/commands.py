"""Queries and update stages for the server, as plain values."""

import time
from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from orchestrator.domain.ids import document_id
from orchestrator.domain.ledger import DeadLetterFilter

NEWEST_FIRST = [("died_at", DESCENDING), ("queue", ASCENDING), ("letter_id", ASCENDING)]
BY_BUSINESS = [("business_id", ASCENDING), ("image_id", ASCENDING)]


def now_ms() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


def newer_section(name: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The stage that makes ``stored`` the section ``name``, unless what is there is as new or newer."""
    return {"$set": {name: {"$cond": [_newer(f"${name}.version", stored), {"$literal": stored}, f"${name}"]}}}


def newer_document(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The stage that makes ``stored`` the whole document, unless what is there is as new or newer."""
    return {"$replaceWith": {"$cond": [_newer("$version", stored), {"$literal": stored}, "$$ROOT"]}}


def unless_done(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The stage that makes ``stored`` the whole document, unless the outcome there is ``done``."""
    return {"$replaceWith": {"$cond": [{"$eq": ["$outcome", "done"]}, "$$ROOT", {"$literal": stored}]}}


def replacement(record: Mapping[str, Any]) -> ReplaceOne[dict[str, Any]]:
    """The write that makes ``record`` the document of its image, whatever is there."""
    key = document_id(record["business_id"], record["image_id"])
    return ReplaceOne({"_id": key}, {"_id": key, **record}, upsert=True)


def under(first: str) -> dict[str, Any]:
    """The query for every key ``<first>/<rest>``. ``first`` holds no slash, so the range holds nothing else."""
    after_slash = chr(ord("/") + 1)
    return {"_id": {"$gte": f"{first}/", "$lt": f"{first}{after_slash}"}}


def meant(wanted: DeadLetterFilter) -> dict[str, Any]:
    """The query for the letters meant. Every value is compared as it is, never read as an operator."""
    now = now_ms()
    same = {"queue": wanted.queue, "reason.code": wanted.reason}
    same |= {"business_id": wanted.business_id, "letter_id": wanted.letter_id}
    query: dict[str, Any] = {name: {"$eq": value} for name, value in same.items() if value is not None}
    if wanted.older_than_s is not None:
        query["died_at"] = {"$lte": now - wanted.older_than_s * 1000}
    if wanted.newer_than_s is not None:
        query["died_at"] = {**query.get("died_at", {}), "$gte": now - wanted.newer_than_s * 1000}
    return query


def _newer(stored_version: str, candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Strings compare bytewise in the server as long as no collation is asked for; "" is below every version."""
    return {"$lt": [{"$ifNull": [stored_version, ""]}, {"$literal": candidate["version"]}]}


def businesses(after: str, limit: int) -> list[dict[str, Any]]:
    """The pipeline that finds the businesses of a collection with keys ``business/image``, in order of their ids."""
    business = {"$arrayElemAt": [{"$split": ["$_id", "/"]}, 0]}
    return [
        {"$group": {"_id": business}},
        {"$match": {"_id": {"$gt": after}}},
        {"$sort": {"_id": ASCENDING}},
        {"$limit": limit},
    ]
