"""`justlens schema`: what every message, row, file and request has to look like, for programs."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli.invocation import invocation
from orchestrator.cli.quantities import given_path
from orchestrator.cli.terminal import print_json
from orchestrator.config import Pipeline

Documents = Mapping[str, Callable[[], dict[str, Any]]]
"""How each document is made, by its name."""

NAME_HELP = (
    "One of them: a job by its stage (enhance) or schema (justlens.enhance/1), event, catalogue, queues, openapi or"
    " asyncapi."
)


ToOption = Annotated[
    Path | None,
    typer.Option("--to", parser=given_path, metavar="PATH", help="Write each to a file in this folder instead."),
]


def schema(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help=NAME_HELP)] = None,
    to: ToOption = None,
) -> None:
    """Print the JSON Schema of every job, of events, catalogue rows and queues.yaml; OpenAPI and AsyncAPI documents.

    The AsyncAPI document describes the queues of the queues.yaml in force.
    """
    documents = all_documents(lambda: invocation(context).configured()[1])
    if name is not None:
        found = next((full for full in documents if name in (full, short_name(full))), None)
        if found is None:
            raise typer.BadParameter(f"no schema '{name}'; known: {', '.join(documents)}")
        documents = {found: documents[found]}
    made = {full: make() for full, make in documents.items()}
    if to is None:
        print_json(made if name is None else next(iter(made.values())))
        return
    for full, document in made.items():
        file = to / file_name(full)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(file_text(document))
        except OSError as error:
            raise typer.BadParameter(f"{error.filename}: {error.strerror}", param_hint="--to") from error
        typer.echo(file)


def all_documents(pipeline: Callable[[], Pipeline]) -> Documents:
    """Every document by its name. ``pipeline`` is asked for by those that describe it."""
    from orchestrator.api import openapi_document
    from orchestrator.cli.schema import json_schemas as schemas
    from orchestrator.cli.schema.asyncapi import asyncapi_document

    return {
        **schemas.job_schemas(),
        schemas.EVENT: schemas.event_schema,
        schemas.CATALOGUE: schemas.catalogue_schema,
        schemas.QUEUES: schemas.queues_schema,
        "openapi": openapi_document,
        "asyncapi": lambda: asyncapi_document(pipeline(), file_name),
    }


def short_name(name: str) -> str:
    """``enhance`` for ``justlens.enhance/1``."""
    return name.partition("/")[0].rpartition(".")[2]


def file_name(name: str) -> str:
    """The file a document is kept in."""
    return f"{name.replace('/', '-')}.json"


def file_text(document: dict[str, Any]) -> str:
    """The file's content."""
    return json.dumps(document, indent=2) + "\n"
