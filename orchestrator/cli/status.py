"""`justlens status`: where everything is."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from orchestrator.cli.exits import ExitCode, explain
from orchestrator.cli.invocation import Invocation, invocation
from orchestrator.cli.terminal import AsJson, plain, print_json, stdout, table
from orchestrator.domain.errors import JustLensError
from orchestrator.embedded.control_socket import Call

EVERY_S = 2.0
_COUNTS = ("ready", "unacked", "retrying", "dead", "done", "consumers")
_STATE_STYLES = {"ready": "green", "probing": "yellow", "unready": "yellow", "ejected": "red", "incompatible": "red"}


def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what every queue holds, why jobs died, and how the workers are."""
    if watch and as_json:
        raise typer.BadParameter("--watch and --json exclude each other: --json prints one document")
    if watch:
        _watch(invocation(context))
        return
    answer = invocation(context).operate(ask)
    if as_json:
        print_json(answer)
    else:
        stdout().print(render(answer))
    if any("error" in queue for queue in answer["queues"]):
        raise typer.Exit(ExitCode.UNAVAILABLE)


async def ask(call: Call) -> dict[str, Any]:
    """The status of the system."""
    answer: dict[str, Any] = await call("status", {})
    return answer


def _watch(asked: Invocation) -> None:
    # Connected anew every time: the files of an embedded system must not stay locked while nobody looks at them.
    async def keep() -> None:
        with Live(Text("asking…"), console=stdout(), auto_refresh=False) as live:
            while True:
                try:
                    shown: RenderableType = render(await asked.operated(ask))
                except JustLensError as error:
                    shown = plain(explain(error), "red")
                live.update(shown, refresh=True)
                await asyncio.sleep(EVERY_S)

    try:
        asyncio.run(keep())
    except KeyboardInterrupt:
        return


def render(answer: dict[str, Any]) -> Group:
    """The answer as tables."""
    parts: list[RenderableType] = [_queues(answer)]
    if answer["dead_letters"]:
        letters = table("Dead letters", ("queue", "reason", "count"), numbers=("count",))
        for row in answer["dead_letters"]:
            letters.add_row(plain(row["queue"]), plain(row["reason"], "red"), f"{row['count']:,}")
        parts.append(letters)
    if answer["workers"]:
        parts.append(_workers(answer["workers"], str(answer["release"])))
    if answer["health"]:
        parts.append(plain(f"Health at {answer['health']}/readyz, metrics at {answer['health']}/metrics", "dim"))
    return Group(*parts)


def _queues(answer: dict[str, Any]) -> RenderableType:
    made = table(f"Queues ({answer['mode']})", ("queue", *_COUNTS), numbers=_COUNTS)
    errors = []
    for row in answer["queues"]:
        if "error" in row:
            errors.append(plain(f"{row['queue']}: {row['error']}", "red"))
            made.add_row(plain(row["queue"]), *("?" for _ in _COUNTS))
        else:
            made.add_row(plain(row["queue"]), *(_count(name, row[name]) for name in _COUNTS))
    return Group(made, *errors)


def _count(name: str, value: int) -> Text:
    style = {"dead": "red", "retrying": "yellow"}.get(name, "") if value else "dim"
    return Text(f"{value:,}", style=style)


def _workers(rows: Sequence[dict[str, Any]], release: str) -> RenderableType:
    """Names and addresses are folded rather than cut; what is wrong with an endpoint has a line of its own."""
    made = table("Workers", ("pool", "endpoint", "state", "in flight", "model", "release"), numbers=("in flight",))
    for column in (made.columns[1], made.columns[4]):
        column.overflow = "fold"
    for row in rows:
        found = row.get("release")
        made.add_row(
            plain(row["pool"]),
            plain(row["url"]),
            plain(row["state"], _STATE_STYLES.get(row["state"], "")),
            "-" if row["in_flight"] is None else str(row["in_flight"]),
            plain(row["model"] or "-"),
            plain(found or "-", "" if found in (None, release) else "yellow"),
        )
    return Group(made, *(plain(line, style) for row in rows for line, style in _remarks(row, release)))


def _remarks(row: dict[str, Any], release: str) -> list[tuple[str, str]]:
    if row.get("problem"):
        return [(f"{row['url']}: {row['problem']}", "red")]
    if row.get("release") not in (None, release):
        return [(f"{row['url']}: release {row['release']}, and release {release} here; both speak one wire", "yellow")]
    return []
