"""The command line. Drivers and the composition root are imported by the commands that need them, not by the help."""

import typer

from orchestrator.cli.api import api
from orchestrator.cli.catalogue import catalogue_app
from orchestrator.cli.config import config
from orchestrator.cli.demo.command import demo
from orchestrator.cli.dlq import dlq_app
from orchestrator.cli.doctor.command import doctor
from orchestrator.cli.exits import epilog
from orchestrator.cli.image import image
from orchestrator.cli.invocation import Guarded, global_options
from orchestrator.cli.publish.command import publish
from orchestrator.cli.run import run, worker
from orchestrator.cli.schema.command import schema
from orchestrator.cli.status import status
from orchestrator.cli.sweep import sweep
from orchestrator.cli.topology import topology_app

_PROCESSES = "Processes"
_JOBS = "Jobs"
_SETUP = "Setup"


def application() -> typer.Typer:
    """All commands."""
    app = typer.Typer(cls=Guarded, no_args_is_help=True, pretty_exceptions_enable=False, epilog=epilog())
    app.callback(epilog=epilog())(global_options)
    app.command("run", rich_help_panel=_PROCESSES)(run)
    pass_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command("worker", rich_help_panel=_PROCESSES, context_settings=pass_on)(worker)
    app.command("api", rich_help_panel=_PROCESSES)(api)
    app.command("demo", rich_help_panel=_PROCESSES)(demo)
    app.command("publish", rich_help_panel=_JOBS)(publish)
    app.add_typer(catalogue_app(), name="catalogue", rich_help_panel=_JOBS)
    app.command("status", rich_help_panel=_JOBS)(status)
    app.command("image", rich_help_panel=_JOBS)(image)
    app.add_typer(dlq_app(), name="dlq", rich_help_panel=_JOBS)
    app.command("sweep", rich_help_panel=_JOBS)(sweep)
    app.command("config", rich_help_panel=_SETUP)(config)
    app.command("doctor", rich_help_panel=_SETUP)(doctor)
    app.add_typer(topology_app(), name="topology", rich_help_panel=_SETUP)
    app.command("schema", rich_help_panel=_SETUP)(schema)
    return app


def main() -> None:
    """Run the command line; exits with its code."""
    application()()
