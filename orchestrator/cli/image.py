"""`justlens image`: everything known of one image, stage by stage."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from orchestrator.cli.exits import ExitCode
from orchestrator.cli.invocation import invocation
from orchestrator.cli.terminal import AsJson, print_json, say, stdout
from orchestrator.domain.ids import normalise_id

_PARTS = ("metadata", "relevance", "catalogue", "alt_text", "jobs", "dead_letters")


def image(
    context: typer.Context,
    business: Annotated[str, typer.Argument(help="business_id.")],
    image: Annotated[str, typer.Argument(help="image_id.")],
    as_json: AsJson = False,
) -> None:
    """Show everything known of one image, stage by stage: what was found, by which model, and how its jobs ended.

    Exits with 1 when nothing is known of it, and with 5 when a part could not be read: the others are shown.
    """
    arguments = {"business_id": _id(business, "BUSINESS"), "image_id": _id(image, "IMAGE")}
    asked = invocation(context)
    found = asked.operate(lambda call: call("image", arguments))
    known = any(found[part] for part in _PARTS)
    if as_json:
        print_json(found)
    elif known:
        from orchestrator.cli.image_page import image_page

        stdout().print(image_page(found, asked.command))
    _tell_what_is_not_there(found, known, asked.command)


def _id(text: str, hint: str) -> str:
    try:
        return normalise_id(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from error


def _tell_what_is_not_there(found: Mapping[str, Any], known: bool, command: str) -> None:
    for part in found["missing"]:
        say(f"{part['part']} could not be read: {part['reason']}")
    if found["missing"]:
        raise typer.Exit(ExitCode.UNAVAILABLE)
    if not known:
        say(
            f"Nothing is known of {found['business_id']}/{found['image_id']}: no catalogue entry, no result, no dead"
            f" letter. Its job may still wait in a queue (`{command} status`), or the ids may be others."
        )
        raise typer.Exit(ExitCode.NOT_DONE)
