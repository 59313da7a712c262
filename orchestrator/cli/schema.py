"""`justlens schema`: what the bodies of jobs, and queues.yaml, have to look like."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli.terminal import print_json
from orchestrator.config import Pipeline, QueueSpec
from orchestrator.domain.jobs import json_schema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(
    job: Annotated[
        str | None, typer.Argument(help="A job by its stage (enhance) or schema (justlens.enhance/1), or queues.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write each to a file in this folder instead.")] = None,
) -> None:
    """Print the JSON Schema of each job and of queues.yaml."""
    documents = all_schemas()
    if job is not None:
        name = next((name for name in documents if job in (name, name.partition("/")[0].rpartition(".")[2])), None)
        if name is None:
            raise typer.BadParameter(f"no job '{job}'; known: {', '.join(documents)}")
        documents = {name: documents[name]}
    if to is None:
        print_json(documents if job is None else documents[next(iter(documents))])
        return
    for name, document in documents.items():
        path = to / file_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file_text(document))
        typer.echo(path)


def all_schemas() -> dict[str, dict[str, Any]]:
    """Every JSON Schema by its name."""
    from orchestrator.stages import STAGES

    jobs = {stage.job_type.model_fields["schema_"].default: json_schema(stage.job_type) for stage in STAGES.values()}
    return {**jobs, "justlens.queues/1": queues_schema()}


def queues_schema() -> dict[str, Any]:
    """The JSON Schema of queues.yaml: the pipeline, and the defaults that each of its queues may take from."""
    document = Pipeline.model_json_schema()
    defaults = QueueSpec.model_json_schema()
    defaults.pop("required", None)
    document["properties"]["defaults"] = {**defaults, "title": "Defaults"}
    return {"$schema": _DIALECT, **document}


def file_name(name: str) -> str:
    """The file a schema is kept in."""
    return f"{name.replace('/', '-')}.json"


def file_text(document: dict[str, Any]) -> str:
    """The file's content."""
    return json.dumps(document, indent=2) + "\n"
