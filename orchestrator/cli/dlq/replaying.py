"""`dlq replay` and `dlq drop`: settling many dead letters."""

import time
from dataclasses import dataclass, field
from math import ceil
from typing import Annotated, Any

import typer

from orchestrator.cli.dlq.render import letter_table
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
from orchestrator.cli.exits import ExitCode
from orchestrator.cli.invocation import invocation
from orchestrator.cli.quantities import per_second
from orchestrator.cli.terminal import AsJson, print_json, progress, say, stdout
from orchestrator.domain.errors import JustLensError
from orchestrator.embedded.control_socket import Call

PASSES = 20
MIN_CHUNK = 50

Limit = Annotated[int | None, typer.Option(min=1, help="At most so many.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show which letters are meant.")]


@dataclass(slots=True)
class Outcome:
    """What a replay came to. Of ``total`` letters that were meant ``parked`` ones were replayed too often in vain and
    stay, and ``held`` ones are in the hands of another replay, edit or drop."""

    letters: list[dict[str, Any]] = field(default_factory=list)
    parked: list[dict[str, Any]] = field(default_factory=list)
    dry_run: bool = False
    total: int = 0
    held: int = 0

    def document(self) -> dict[str, Any]:
        """The outcome as JSON."""
        return {
            "count": len(self.letters),
            "dry_run": self.dry_run,
            "letters": self.letters,
            "held": self.held,
            "parked": [{"queue": letter["queue"], "letter_id": letter["letter_id"]} for letter in self.parked],
        }


def replay(
    context: typer.Context,
    queue: Queue = None,
    reason: Reason = None,
    business: Business = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    letter_id: LetterId = None,
    limit: Limit = None,
    rate: Annotated[float | None, typer.Option(parser=per_second, metavar="N/s", help="At most so many.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Parked letters too (replayed three times in vain).")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send dead letters to their queues again: the same jobs, with all attempts anew."""
    asked = invocation(context)
    queue = known_queue(queue, asked.configured()[1]) if queue else None
    wanted = Wanted(queue, reason, business, letter_id, older_than, newer_than)
    outcome, began = Outcome(dry_run=dry_run), time.monotonic()
    try:
        asked.operate(lambda call: _replay(call, wanted, outcome, limit, rate, force, shown=not as_json))
    except JustLensError:
        if outcome.letters and not dry_run:
            say(f"{len(outcome.letters)} letters were sent again before this:")
        raise
    except KeyboardInterrupt:
        if outcome.total and not dry_run:
            left = asked.operate(
                lambda call: call("dlq.list", {"limit": None, **wanted.fields(time.monotonic() - began)})
            )
            gone = max(0, outcome.total - sum(force or not letter["parked"] for letter in left))
            say(f"Interrupted: {gone:,} of {outcome.total:,} letters sent again, the others are where they were")
        raise
    if as_json:
        print_json(outcome.document())
    else:
        _show(outcome, asked.command)
    _tell_held(outcome.held)
    if outcome.held or outcome.parked or (letter_id and not outcome.letters):
        raise typer.Exit(ExitCode.NOT_DONE)


async def _replay(
    call: Call, wanted: Wanted, outcome: Outcome, limit: int | None, rate: float | None, force: bool, *, shown: bool
) -> None:
    began = time.monotonic()
    meant = await call("dlq.list", {"limit": None, **wanted.fields()})
    outcome.parked = [letter for letter in meant if letter["parked"] and not force]
    total = outcome.total = min(len(meant) - len(outcome.parked), limit if limit is not None else len(meant))
    if outcome.dry_run:
        outcome.letters = [letter for letter in meant if force or not letter["parked"]][:total]
        return
    # Each pass takes all letters of a queue in hand, so there are few passes, whatever the number of letters.
    chunk = max(MIN_CHUNK, ceil(total / PASSES))
    with progress("replaying", shown=shown and total > MIN_CHUNK) as bar:
        task = bar.add_task("replaying", total=total)
        while (left := total - len(outcome.letters)) > 0:
            arguments = {"limit": min(chunk, left), "force": force, "per_second": rate}
            report = await call("dlq.replay", {**arguments, **wanted.fields(time.monotonic() - began)})
            outcome.letters += report["letters"]
            bar.update(task, completed=len(outcome.letters))
            if not report["count"]:
                outcome.held = min(report["held"], left)
                return


def _tell_held(held: int) -> None:
    if held:
        letters = "letter is" if held == 1 else "letters are"
        say(f"{held:,} {letters} in the hands of another replay, edit or drop: try again when it has ended.")


def _show(outcome: Outcome, command: str) -> None:
    if outcome.dry_run and outcome.letters:
        console = stdout()
        console.print(letter_table(outcome.letters, "These letters would be sent again", console.width))
    done = "would be sent again" if outcome.dry_run else "sent again"
    stdout().print(f"{len(outcome.letters):,} {'letter' if len(outcome.letters) == 1 else 'letters'} {done}")
    for letter in outcome.parked:
        say(
            f"parked: {letter['queue']} {letter['letter_id']}: replayed {letter['replays']} times in vain"
            f" ({letter['reason']})"
        )
    if outcome.parked:
        say(f"Mend parked letters with `{command} dlq edit`, or send them again as they are with --force.")


def drop(
    context: typer.Context,
    queue: Queue = None,
    reason: Reason = None,
    business: Business = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    letter_id: LetterId = None,
    limit: Limit = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove dead letters for good."""
    asked = invocation(context)
    queue = known_queue(queue, asked.configured()[1]) if queue else None
    wanted = Wanted(queue, reason, business, letter_id, older_than, newer_than)
    began = time.monotonic()
    meant = asked.operate(lambda call: call("dlq.drop", {"limit": limit, "dry_run": True, **wanted.fields()}))
    report = meant
    if meant["count"] and not dry_run:
        if not yes:
            typer.confirm(f"Remove {meant['count']} dead letters for good?", abort=True, err=True)
        # Only what was counted: a letter that died meanwhile was not agreed to.
        fields = wanted.fields(time.monotonic() - began)
        report = asked.operate(lambda call: call("dlq.drop", {"limit": limit, **fields}))
    if as_json:
        print_json({name: report[name] for name in ("count", "held", "letters")} | {"dry_run": dry_run})
    elif dry_run and report["letters"]:
        console = stdout()
        console.print(letter_table(report["letters"], "These letters would be removed", console.width))
    else:
        stdout().print(f"{report['count']:,} {'letter' if report['count'] == 1 else 'letters'} removed")
    _tell_held(report["held"])
    if report["held"] or (letter_id and not report["count"]):
        raise typer.Exit(ExitCode.NOT_DONE)
