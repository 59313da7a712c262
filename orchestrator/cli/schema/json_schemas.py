"""The JSON Schemas of what the system takes and tells."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from orchestrator.config import Pipeline, QueueSpec
from orchestrator.domain.catalogue.rows import BusinessRow, CategoryRow, ImageRow
from orchestrator.domain.events import EVENT_SCHEMA
from orchestrator.domain.jobs import json_schema
from orchestrator.domain.outcome import Announce
from orchestrator.stages import STAGES

EVENT = EVENT_SCHEMA
CATALOGUE = "justlens.catalogue/1"
QUEUES = "justlens.queues/1"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EVENT_FIELDS = {
    "business_id": "Whose picture.",
    "image_id": "Which picture.",
    "job_id": "The job that came to its end. An event that is told again has the same event and job_id.",
    "version": "The version that is in the stores now.",
}


def job_schemas() -> dict[str, Callable[[], dict[str, Any]]]:
    """How the schema of every job's body is made, by its name."""
    types = {str(stage.job_type.model_fields["schema_"].default): stage.job_type for stage in STAGES.values()}
    return {name: partial(json_schema, job_type) for name, job_type in types.items()}


def event_names() -> tuple[str, ...]:
    """The events there are; each is its own routing key."""
    return get_args(get_type_hints(Announce)["event"])


def event_schema() -> dict[str, Any]:
    """A completion event."""
    fields: dict[str, Any] = {
        "schema": {"const": EVENT_SCHEMA},
        "event": {"enum": list(event_names()), "description": "What came to its end; the routing key too."},
        **{name: {"type": "string", "description": text} for name, text in _EVENT_FIELDS.items()},
        "at": {"type": "integer", "description": "When it was told, Unix time in ms."},
    }
    return {
        "$schema": _DIALECT,
        "title": "Event",
        "description": "A road has come to its end for an image. Told at least once; kept only for those that listen.",
        "type": "object",
        "properties": fields,
        "required": list(fields),
    }


def catalogue_schema() -> dict[str, Any]:
    """One row of a catalogue: an image, a category or a business."""
    rows: TypeAdapter[Any] = TypeAdapter(ImageRow | CategoryRow | BusinessRow)
    return {
        "$schema": _DIALECT,
        "title": "CatalogueRow",
        "description": "A row that names an image_id is an image, one that names a category_id a category, any other a"
        " business.",
        **rows.json_schema(),
    }


def queues_schema() -> dict[str, Any]:
    """queues.yaml: the pipeline, and the defaults that each of its queues may take from."""
    document = Pipeline.model_json_schema()
    defaults = QueueSpec.model_json_schema()
    defaults.pop("required", None)
    document["properties"]["defaults"] = {**defaults, "title": "Defaults"}
    return {"$schema": _DIALECT, **document}
