"""`dlq list`, `show` and `stats`: looking at dead letters, which never holds or moves one."""

from typing import Annotated

import typer

from orchestrator.cli.dlq.render import letter_page, letter_table, letters_hint, stats_table
from orchestrator.cli.dlq.selection import (
    Business,
    LetterId,
    NewerThan,
    OlderThan,
    Queue,
    Reason,
    Wanted,
    known_queue,
)
from orchestrator.cli.invocation import invocation
from orchestrator.cli.terminal import AsJson, print_json, stdout


def list_letters(
    context: typer.Context,
    queue: Queue = None,
    reason: Reason = None,
    business: Business = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    letter_id: LetterId = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters, newest first."""
    asked = invocation(context)
    queue = known_queue(queue, asked.configured()[1]) if queue else None
    wanted = Wanted(queue, reason, business, letter_id, older_than, newer_than)
    found = asked.operate(lambda call: call("dlq.list", {"limit": limit + 1, **wanted.fields()}))
    letters = found[:limit]
    if as_json:
        print_json(letters)
        return
    if not letters:
        stdout().print("No dead letters." if wanted == Wanted() else "No dead letter is meant by these filters.")
        return
    more = "; there are more, see --limit" if len(found) > limit else ""
    console = stdout()
    console.print(letter_table(letters, f"Dead letters: {len(letters)} shown{more}", console.width))
    console.print(letters_hint(asked.command))


def show(
    context: typer.Context,
    queue: Annotated[str, typer.Argument(help="The queue where the job failed.")],
    letter: Annotated[str, typer.Argument(help="The letter, as `dlq list` names it.")],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with its reason, headers and body."""
    asked = invocation(context)
    queue = known_queue(queue, asked.configured()[1])
    found = asked.operate(lambda call: call("dlq.show", {"queue": queue, "letter_id": letter}))
    if as_json:
        print_json(found)
    else:
        stdout().print(letter_page(found))


def stats(context: typer.Context, as_json: AsJson = False) -> None:
    """Count dead letters by queue and reason."""
    rows = invocation(context).operate(lambda call: call("dlq.stats", {}))
    if as_json:
        print_json(rows)
    else:
        stdout().print(stats_table(rows) if rows else "No dead letters.")
