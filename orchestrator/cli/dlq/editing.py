"""`dlq edit`: a mended job in place of a dead letter."""

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli.dlq.render import pretty_body
from orchestrator.cli.dlq.selection import known_queue
from orchestrator.cli.exits import ExitCode
from orchestrator.cli.invocation import invocation
from orchestrator.cli.terminal import AsJson, print_json, say, tell

_STAMPED = ("job_id", "submitted_at")


def edit(
    context: typer.Context,
    queue: Annotated[str, typer.Argument(help="The queue where the job failed.")],
    letter: Annotated[str, typer.Argument(help="The letter, as `dlq list` names it.")],
    changed: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Repeatable. The value is JSON or text; empty removes it."),
    ] = None,
    editor: Annotated[bool, typer.Option("--editor", help="Open the job in $EDITOR.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a mended job in place of a dead letter. It is a new job, with a job_id of its own."""
    if editor == bool(changed):
        raise typer.BadParameter("say what to change: either --set FIELD=VALUE, or --editor")
    asked = invocation(context)
    queue = known_queue(queue, asked.configured()[1])
    changes = changes_from(changed or [])
    if editor:
        found = asked.operate(lambda call: call("dlq.show", {"queue": queue, "letter_id": letter}))
        changes = _edited(found["body"])
        if not changes:
            say("Nothing was changed; the letter stays.")
            raise typer.Exit(ExitCode.NOT_DONE)
    arguments = {"queue": queue, "letter_id": letter, "changes": changes}
    report = asked.operate(lambda call: call("dlq.edit", arguments))
    if not report["count"]:
        held = "in the hands of another replay, edit or drop: try again when it has ended"
        say(f"Letter '{letter}' of error.{queue} is {held if report['held'] else 'not there any more'}.")
        raise typer.Exit(ExitCode.NOT_DONE)
    if as_json:
        print_json({"queue": queue, "letter_id": letter, "job_id": report["job_id"]})
    else:
        tell(f"{queue}: job {report['job_id']} takes the place of letter {letter}")


def changes_from(pairs: list[str]) -> dict[str, Any]:
    """Fields to set from ``field=value`` texts; an empty value is None, which removes. Raises BadParameter."""
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise typer.BadParameter(f"'{pair}' is not FIELD=VALUE", param_hint="--set")
        if name.strip() in _STAMPED:
            raise typer.BadParameter(f"{name.strip()} is given anew: an edited job is a new job", param_hint="--set")
        changes[name.strip()] = _value(value)
    return changes


def _value(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What makes ``before`` into ``after``; None removes a field."""
    removed = dict.fromkeys(before.keys() - after.keys())
    return {**removed, **{name: value for name, value in after.items() if before.get(name) != value}}


def _edited(body: str) -> dict[str, Any]:
    """What the operator changed in $EDITOR. Raises BadParameter when no editor is known or no object came back."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not command:
        raise typer.BadParameter("set EDITOR, or use --set FIELD=VALUE", param_hint="--editor")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(pretty_body(body) + "\n")
        try:
            ended = subprocess.run([*shlex.split(command), str(path)], check=False).returncode  # noqa: S603, the operator's own editor
        except (OSError, ValueError) as error:
            raise typer.BadParameter(f"EDITOR '{command}' cannot be run: {error}", param_hint="--editor") from error
        if ended != 0:
            raise typer.BadParameter(f"the editor ended with {ended}; the letter stays", param_hint="--editor")
        text = path.read_text()
    after = _object(text)
    if after is None:
        raise typer.BadParameter("what came back is not a JSON object; the letter stays", param_hint="--editor")
    before = _object(body) or {}
    return {name: value for name, value in difference(before, after).items() if name not in _STAMPED}


def _object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
