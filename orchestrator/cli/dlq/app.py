"""The dlq commands as one group."""

import typer

from orchestrator.cli.dlq.editing import edit
from orchestrator.cli.dlq.reading import list_letters, show, stats
from orchestrator.cli.dlq.replaying import drop, replay
from orchestrator.cli.invocation import Guarded


def dlq_app() -> typer.Typer:
    """list, show, stats, replay, edit and drop."""
    app = typer.Typer(
        cls=Guarded,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="Look at the jobs that could not be done, and send, mend or drop them.",
    )
    app.command("list")(list_letters)
    app.command("show")(show)
    app.command("stats")(stats)
    app.command("replay")(replay)
    app.command("edit")(edit)
    app.command("drop")(drop)
    return app
